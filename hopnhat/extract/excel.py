"""Excel workbooks (.xls, .xlsx, .xlsm, .xlsb) through calamine; each sheet is a table. Values are rendered as text.

Options: `header_row` (1; physical row of the column names; a list such as [4, 5] joins a two-storey header with ` / `),
`fill_merged: true` (give every cell of a merged range the range's value; otherwise only the first has it, as stored).
Numbers lose no digit (38001000123, never 3.8E+10), `.0` is not invented, a format of zeros (00000) is honoured as the
sheet shows it, dates become ISO, error cells stay `#N/A`: the typed column that meets one quarantines the row.
Blank rows are no records; `_row` is the physical row of the sheet.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from hopnhat.extract.contract import ROW, Column, KeyRange, TableShape
from hopnhat.extract.files import broken, digest_all, path_of, readable, row_ranges, row_window
from hopnhat.extract.frames import (
    Options,
    binary_field,
    flag_option,
    known_options,
    rendered,
    require_columns,
    require_table,
    text_option,
    unique_names,
)
from hopnhat.extract.xls_scan import scan_xls, scan_xlsb
from hopnhat.extract.xlsx_scan import Scan, check_package, scan_sheet
from hopnhat.model.errors import HopNhatError, MappingError, SourceAccessError

_BATCH = 5_000


def open_source(url: str, options: Options) -> ExcelSource:
    known_options(options, ("header_row", "fill_merged"), "excel")
    rows = options.get("header_row", 1)
    rows = [rows] if isinstance(rows, int) else rows
    if not isinstance(rows, list | tuple) or not rows or not all(isinstance(row, int) and row > 0 for row in rows):
        raise MappingError("option `header_row` must be a row number from 1, or a list of them")
    return ExcelSource(path_of(url), tuple(rows), flag_option(options, "fill_merged"), text_option(options, "system"))


class ExcelSource:
    def __init__(self, path: Path, header_rows: tuple[int, ...], fill_merged: bool, system: str) -> None:
        self._path, self._system = path, system
        self._header_rows, self._fill_merged = header_rows, fill_merged
        self._book: Any = None
        self._stamp = 0
        self._sheet: tuple[str, pa.Table, int] | None = None  # one at a time: name, rows, last physical row

    def tables(self) -> list[str]:
        return list(self._workbook().sheet_names)

    def shape(self, table: str) -> TableShape:
        rows, _ = self._rows(table)
        names = [name for name in rows.column_names if name != ROW]
        return TableShape(tuple(Column(name, "cell", True, "text") for name in names), (), rows.num_rows)

    def count(self, table: str) -> int:
        return int(self._rows(table)[0].num_rows)

    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
        return row_ranges(self._rows(table)[1], rows, known)

    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str],
        since: tuple[str, str] | None = None,
    ) -> pa.Table:  # fmt: skip
        import numpy

        rows, last = self._rows(table)
        require_columns(columns, [name for name in rows.column_names if name != ROW], system=self._system, table=table)
        start, stop = row_window(key_range, last)
        first, end = numpy.searchsorted(rows.column(ROW).to_numpy(), [start + 1, stop + 1])
        return rows.select([ROW, *columns]).slice(int(first), int(end - first)).combine_chunks()

    def snapshot(self) -> str:
        return digest_all([self._path], self._system)

    def close(self) -> None:
        self._book = self._sheet = None

    def _workbook(self) -> Any:
        with readable(self._path, self._system):
            stamp = self._path.stat().st_mtime_ns
            with self._path.open("rb") as file:
                head = file.read(4)
        if self._book is None or stamp != self._stamp:
            if head[:2] == b"PK":
                check_package(self._path, self._system)
            with self._parsing("the workbook"):
                self._book = _parser(self._path, head)
            self._stamp, self._sheet = stamp, None
        return self._book

    def _rows(self, table: str) -> tuple[pa.Table, int]:
        book = self._workbook()
        if self._sheet is None or self._sheet[0] != table:
            require_table(table, book.sheet_names, system=self._system)
            with readable(self._path, self._system):
                scan = self._scanned(book, table)
            with self._parsing(f"sheet {table!r}"):
                sheet = book.get_sheet_by_name(table)
                merged = list(sheet.merged_cell_ranges or []) if self._fill_merged else []
                self._sheet = table, *self._converted(sheet, scan, merged)
        return self._sheet[1], self._sheet[2]

    def _scanned(self, book: Any, table: str) -> Scan:
        """By content, not by the file's ending, which is often wrong."""
        if not zipfile.is_zipfile(self._path):
            return scan_xls(self._path, book.sheet_names.index(table), len(book.sheet_names), self._system)
        with zipfile.ZipFile(self._path) as package:
            is_binary = "xl/workbook.bin" in package.namelist()
        return (scan_xlsb if is_binary else scan_sheet)(self._path, table, self._system)

    def _converted(self, sheet: Any, scan: Scan, merged: list[Any]) -> tuple[pa.Table, int]:
        """The whole sheet as one frame, built in batches so that Python objects of few rows exist at a time."""
        lines = _corrected(enumerate(sheet.iter_rows()), scan, merged, (sheet.start or (0, 0))[1])
        head = list(islice(lines, self._header_rows[-1]))
        if len(head) < self._header_rows[-1]:
            raise broken(self._path, f"sheet {sheet.name!r} ends before its header row", system=self._system)
        names = self._names([line for _, line in head])
        numbers: list[int] = []
        batches: list[list[pa.Array]] = []
        last = self._header_rows[-1]
        while batch := list(islice(lines, _BATCH)):
            last = batch[-1][0] + 1
            filled = [(at + 1, line) for at, line in batch if any(cell != "" and cell is not None for cell in line)]
            numbers += [at for at, _ in filled]
            columns = zip(*(line for _, line in filled), strict=True)
            batches.append([rendered([None if cell == "" else cell for cell in column]) for column in columns])
        fields = [pa.field(ROW, pa.int64(), nullable=False), *(binary_field(name, "text") for name in names)]
        full = [batch for batch in batches if batch]
        arrays = [pa.chunked_array([batch[at] for batch in full], pa.binary()) for at in range(len(names))]
        return pa.Table.from_arrays([pa.chunked_array([pa.array(numbers, pa.int64())]), *arrays], schema=pa.schema(fields)), last

    def _names(self, head: list[list[Any]]) -> tuple[str, ...]:
        """Names from the header rows. In a two-storey header an empty upper cell belongs to the one before it."""
        storeys = [[("" if cell is None else _said(cell)) for cell in head[row - 1]] for row in self._header_rows]
        for storey in storeys[:-1]:
            for at in range(1, len(storey)):
                storey[at] = storey[at] or storey[at - 1]
        joined = []
        for cells in zip(*storeys, strict=True):
            kept = [cell for at, cell in enumerate(cells) if cell and cell not in cells[:at]]
            joined.append(" / ".join(kept))
        return unique_names(joined)

    @contextmanager
    def _parsing(self, what: str) -> Iterator[None]:
        """The parser's errors, and the panics of its Rust code, as one sentence that names the file."""
        try:
            yield
        except HopNhatError:
            raise
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the parser is a BaseException of its own
            if type(error).__name__ == "PasswordError":
                raise SourceAccessError(
                    f"file {self._path.name} is protected by a password", system=self._system,
                    hint="ask its owner to save it without a password",
                ) from None  # fmt: skip
            raise broken(
                self._path, f"{what} cannot be parsed ({type(error).__name__})", system=self._system,
                hint="open it in a spreadsheet program and save it anew as .xlsx",
            ) from None  # fmt: skip


def _parser(path: Path, head: bytes) -> Any:
    """By its ending the parser takes the right road at once; a wrong ending (a new workbook called .xls) makes it try all."""
    from python_calamine import CalamineWorkbook

    if (head[:2] == b"PK") == (path.suffix.lower() != ".xls"):
        return CalamineWorkbook.from_path(str(path))
    with path.open("rb") as file:
        return CalamineWorkbook.from_filelike(file)


def _said(cell: Any) -> str:
    from hopnhat.extract.frames import render

    return (render(cell) or b"").decode("utf-8", "replace")


def _corrected(lines: Iterator[tuple[int, list[Any]]], scan: Scan, merged: list[Any], first: int) -> Iterator[tuple[int, list[Any]]]:
    """Put in what the parser left out: error cells, zeros shown by the format, values of merged ranges.

    `first`: the leftmost used column, where the parser's lines begin."""
    if not (scan.errors or scan.zeros or merged):
        yield from lines
        return
    errors, zeros = _by_row(scan.errors, first), _by_row(scan.zeros, first)
    waiting = sorted(merged)
    current: list[tuple[int, int, int, Any]] = []  # last row, first and last column, value
    for at, line in lines:
        for column, text in errors.get(at, ()):
            if column < len(line) and line[column] == "":
                line[column] = text
        for column, digits in zeros.get(at, ()):
            if column < len(line) and _is_count(line[column]):
                line[column] = f"{int(line[column]):0{digits}d}"
        while waiting and waiting[0][0][0] <= at:
            (_, left), (bottom, right) = waiting.pop(0)
            left, right = left - first, right - first
            if 0 <= left < len(line):
                current.append((bottom, left, right, line[left]))
        current = [area for area in current if area[0] >= at]
        for _, left, right, value in current:
            line[left : right + 1] = [value] * (min(right + 1, len(line)) - left)
        yield at, line


def _is_count(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool) and cell >= 0 and float(cell).is_integer()


def _by_row(cells: dict[tuple[int, int], Any], first: int) -> dict[int, list[tuple[int, Any]]]:
    rows: dict[int, list[tuple[int, Any]]] = {}
    for (row, column), value in cells.items():
        rows.setdefault(row, []).append((column - first, value))
    return rows
