"""CSV and TSV, cells as their raw bytes. URL: one file or a directory of .csv/.tsv/.txt files (table = file name).

Options: `delimiter` (, or a tab for .tsv and .tab), `quote` (", or empty for none), `header_row` (1; 0 = none, then `columns` names them),
`encoding` (only for UTF-16 and UTF-32 files without a byte-order mark, which are transcoded to UTF-8, and for the header's names). An empty unquoted cell is
NULL, `""` is empty text. `_row` counts physical records from the top of the file, header and blank lines included, as a
spreadsheet would. A ragged row stops the read and is named.
"""

from __future__ import annotations

import codecs
import mmap
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import pyarrow as pa
from pyarrow import csv as arrow_csv

from hopnhat.extract.contract import Column, KeyRange, TableShape, Transport
from hopnhat.extract.csv_rows import Layout, UnclosedQuoteError, layout, span
from hopnhat.extract.files import broken, digest_all, found_files, readable, row_ranges, row_window
from hopnhat.extract.frames import (
    Options,
    frame,
    int_option,
    known_options,
    names_option,
    require_columns,
    require_table,
    text_option,
    unique_names,
)  # fmt: skip
from hopnhat.model.errors import MappingError, SourceDriftError

_SUFFIXES = (".csv", ".tsv", ".txt", ".tab")
_BLOCK = 1 << 21
_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_WIDE = ("utf-16", "utf16", "utf-32", "utf32")
_TABBED = (".tsv", ".tab")
_BOMS = (
    (codecs.BOM_UTF8, ""), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


def open_source(url: str, options: Options) -> CsvSource:
    known_options(options, ("delimiter", "quote", "header_row", "columns", "encoding"), "csv")
    return CsvSource(url, _dialect(options), text_option(options, "system"))


@dataclass(frozen=True)
class CsvDialect:
    delimiter: str  # empty: by the file's ending
    quote: str
    header_row: int
    names: tuple[str, ...]
    encoding: str
    null: str = ""  # the unquoted cell that means NULL


@dataclass(frozen=True)
class OpenFile:
    """A mapped file, its records and its columns."""

    path: Path
    stamp: tuple[int, int]
    data: numpy.ndarray
    layout: Layout
    names: tuple[str, ...]
    transport: Transport
    release: Callable[[], None]
    keep: list[object] = field(default_factory=list)  # a transcoded copy lives as long as its map


def _dialect(options: Options) -> CsvDialect:
    delimiter, quote = text_option(options, "delimiter"), text_option(options, "quote", '"')
    delimiter = "\t" if delimiter in ("\\t", "tab") else delimiter
    if len(delimiter) > 1 or not delimiter.isascii() or len(quote) > 1 or not quote.isascii():
        raise MappingError("`delimiter` and `quote` must be one ASCII character each (quote may be empty)")
    names = names_option(options, "columns")
    header_row = int_option(options, "header_row", 0 if names else 1)
    if header_row == 0 and not names:
        raise MappingError("a file without a header row needs the option `columns`")
    return CsvDialect(delimiter, quote, header_row, tuple(names), text_option(options, "encoding"))


class CsvSource:
    def __init__(self, url: str, dialect: CsvDialect, system: str) -> None:
        self._url, self._dialect, self._system = url, dialect, system
        self._open: dict[str, OpenFile] = {}

    def tables(self) -> list[str]:
        return sorted(found_files(self._url, _SUFFIXES, system=self._system))

    def shape(self, table: str) -> TableShape:
        file = self._file(table)
        columns = tuple(Column(name, "csv", True, file.transport) for name in file.names)
        return TableShape(columns, (), max(0, file.layout.records - self._dialect.header_row))

    def count(self, table: str) -> int:
        file = self._file(table)
        _, _, header_blanks = self._span(file, 0, self._dialect.header_row)
        data_blanks = file.layout.blanks - int(header_blanks.sum())
        return max(0, file.layout.records - self._dialect.header_row - data_blanks)

    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
        return row_ranges(self._file(table).layout.records, rows, known)

    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str],
        since: tuple[str, str] | None = None,
    ) -> pa.Table:  # fmt: skip
        file = self._file(table)
        require_columns(columns, file.names, system=self._system, table=table)
        start, stop = row_window(key_range, file.layout.records)
        first = max(start, self._dialect.header_row)
        begin, end, blank = self._span(file, first, stop)
        numbers = first + 1 + numpy.flatnonzero(~blank)
        parsed = self._parsed(file, table, file.data[begin:end], numbers)
        file.release()
        arrays = [parsed.column(name) for name in columns]
        return frame([(name, file.transport) for name in columns], arrays, pa.array(numbers, pa.int64()))

    def snapshot(self) -> str:
        return digest_all(list(found_files(self._url, _SUFFIXES, system=self._system).values()), self._system)

    def close(self) -> None:
        self._open.clear()

    def _parsed(self, file: OpenFile, table: str, raw: numpy.ndarray, numbers: numpy.ndarray) -> pa.Table:
        if not len(numbers):
            return pa.table({name: pa.array([], pa.binary()) for name in file.names})
        parse = arrow_csv.ParseOptions(
            delimiter=self._delimiter(file.path), quote_char=self._dialect.quote or False, double_quote=True,
            newlines_in_values=bool(self._dialect.quote), ignore_empty_lines=True,
        )  # fmt: skip
        convert = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(file.names, pa.binary()), check_utf8=False, null_values=[self._dialect.null],
            strings_can_be_null=True, quoted_strings_can_be_null=False,
        )  # fmt: skip

        def parsed_by(block: int) -> pa.Table:
            read = arrow_csv.ReadOptions(column_names=list(file.names), use_threads=False, block_size=block)
            return arrow_csv.read_csv(pa.BufferReader(pa.py_buffer(raw)), read, parse, convert)

        try:
            parsed = parsed_by(_BLOCK)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise self._ragged(file, table, str(error), numbers) from None  # its text quotes the row
            try:
                parsed = parsed_by(len(raw) + 1)  # a record is longer than a block
            except pa.ArrowInvalid as second:
                raise self._ragged(file, table, str(second), numbers) from None
        if parsed.num_rows != len(numbers):
            raise broken(
                file.path, f"rows {numbers[0]}–{numbers[-1]}: {len(numbers)} lines, but {parsed.num_rows} records",
                system=self._system, table=table, hint="check the `quote` option; a quote character may be unbalanced",
            )  # fmt: skip
        return parsed

    def _ragged(self, file: OpenFile, table: str, said: str, numbers: numpy.ndarray) -> SourceDriftError:
        found = _RAGGED.search(said)
        if not found:
            return broken(file.path, f"cannot be parsed in rows {numbers[0]}–{numbers[-1]}", system=self._system, table=table)
        row, expected, actual = (int(part) for part in found.groups())
        return SourceDriftError(
            f"file {file.path.name}: row {numbers[min(row, len(numbers)) - 1]} has {actual} cells instead of {expected}",
            system=self._system, table=table, hint="the delimiter stands inside a cell or a line is cut: ask for a quoted export",
        )  # fmt: skip

    def _span(self, file: OpenFile, first: int, stop: int) -> tuple[int, int, numpy.ndarray]:
        return span(file.data, file.layout, first, stop, ord(self._delimiter(file.path)), self._quote())

    def _delimiter(self, path: Path) -> str:
        return self._dialect.delimiter or ("\t" if path.suffix.lower() in _TABBED else ",")

    def _quote(self) -> int | None:
        return ord(self._dialect.quote) if self._dialect.quote else None

    def _file(self, table: str) -> OpenFile:
        files = found_files(self._url, _SUFFIXES, system=self._system)
        require_table(table, list(files), system=self._system)
        with readable(files[table], self._system):
            status = files[table].stat()
            stamp = (status.st_size, status.st_mtime_ns)
            if table not in self._open or self._open[table].stamp != stamp:
                self._open[table] = self._scanned(files[table], stamp, table)
        return self._open[table]

    def _scanned(self, path: Path, stamp: tuple[int, int], table: str) -> OpenFile:
        with path.open("rb") as file:
            head = file.read(4)
        mark = next(((bom, name) for bom, name in _BOMS if head.startswith(bom)), (b"", ""))
        encoding = mark[1] or self._dialect.encoding
        is_wide = encoding.lower().replace("_", "-").startswith(_WIDE)
        if not is_wide and b"\0" in head:
            raise broken(
                path, "has NUL bytes at its start: UTF-16 without a byte-order mark, or no text at all", system=self._system, table=table,
                hint="declare the option encoding: utf-16-le (or utf-16-be)",
            )  # fmt: skip
        keep: list[object] = []
        begin = len(mark[0]) if mark[0] and not is_wide else 0
        if is_wide:
            copy = self._transcoded(path, encoding)
            keep.append(copy)
            data, release = _mapped(Path(copy.name))
        else:
            data, release = _mapped(path)
        try:
            found = layout(data, begin, ord(self._delimiter(path)), self._quote(), release=release)
        except UnclosedQuoteError as error:
            raise broken(
                path, f"ends inside a quoted cell that opens in row {error.record}", system=self._system, table=table,
                hint="the file is cut off, or a stray quote stands at the start of a cell (option `quote`)",
            ) from None  # fmt: skip
        names = self._names(path, data, found, "utf-8" if is_wide else encoding)
        return OpenFile(path, stamp, data, found, names, "text" if is_wide else "bytes", release, keep)

    def _names(self, path: Path, data: numpy.ndarray, found: Layout, encoding: str) -> tuple[str, ...]:
        if self._dialect.names:
            return self._dialect.names
        row = self._dialect.header_row
        if found.records < row:
            raise broken(path, f"has no header row {row}", system=self._system)
        begin, end, _ = span(data, found, row - 1, row, ord(self._delimiter(path)), self._quote())
        import csv  # the standard library's: one line, and it knows quotes

        raw = data[begin:end].tobytes()
        for name in filter(None, (encoding, "utf-8", "latin-1")):
            try:
                text = raw.decode(name)
                break
            except (UnicodeDecodeError, LookupError):
                continue
        lines, quote = text.splitlines(keepends=True), self._dialect.quote
        reader = (
            csv.reader(lines, delimiter=self._delimiter(path), quotechar=quote)
            if quote
            else csv.reader(lines, delimiter=self._delimiter(path), quoting=csv.QUOTE_NONE)
        )
        try:
            return unique_names(next(reader, []))
        except csv.Error:  # a cell beyond the module's limit: this is no header
            raise broken(path, f"row {row} cannot be read as a header", system=self._system, hint="check `header_row`, `delimiter` and `quote`") from None

    def _transcoded(self, path: Path, encoding: str) -> tempfile._TemporaryFileWrapper[bytes]:
        copy = tempfile.NamedTemporaryFile(suffix=".csv")  # noqa: SIM115 - lives as long as the source
        try:
            with path.open(encoding=encoding, newline="") as wide:
                while text := wide.read(1 << 20):
                    copy.write(text.encode("utf-8", "surrogatepass"))
        except UnicodeError:
            raise broken(path, f"is no sound {encoding} text", system=self._system) from None
        copy.flush()
        return copy


def _mapped(path: Path) -> tuple[numpy.ndarray, Callable[[], None]]:
    """The file as an array, and how to let go of its pages: they would count as our memory, as large as the file."""
    if path.stat().st_size == 0:
        return numpy.zeros(0, numpy.uint8), lambda: None
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return numpy.frombuffer(mapped, numpy.uint8), lambda: mapped.madvise(mmap.MADV_DONTNEED)
