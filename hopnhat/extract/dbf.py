"""dBase III/IV, FoxPro and Visual FoxPro tables, with memo files. URL: one .dbf file or a directory of them.

Character, date, logical and numeric fields come as their raw bytes, padding included; binary fields (integer, double,
currency, timestamp) are rendered. Deleted records are left out and counted (`deleted`, and in the snapshot).
Format: dBase and Visual FoxPro table file structure as published by their makers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy
import pyarrow as pa

from hopnhat.extract.contract import Column, KeyRange, TableShape
from hopnhat.extract.dbf_fields import Field, Header, field_values, read_header
from hopnhat.extract.dbf_memo import memo_values, open_memo
from hopnhat.extract.files import broken, digest_all, found_files, readable, row_ranges, row_window
from hopnhat.extract.frames import Options, frame, known_options, require_columns, require_table, text_option


def open_source(url: str, options: Options) -> DbfSource:
    known_options(options, (), "dbf")
    return DbfSource(url, text_option(options, "system"))


class DbfSource:
    def __init__(self, url: str, system: str) -> None:
        self._url, self._system = url, system
        self._headers: dict[Path, tuple[int, Header]] = {}
        self._buffer = numpy.empty(0, numpy.uint8)  # of the last range: fresh memory costs more than the copy into it

    def tables(self) -> list[str]:
        return sorted(found_files(self._url, (".dbf",), system=self._system))

    def shape(self, table: str) -> TableShape:
        _, header = self._open(table)
        return TableShape(tuple(_column(field, header) for field in header.fields), (), header.records)

    def count(self, table: str) -> int:
        _, header = self._open(table)
        return header.records - self.deleted(table)

    def deleted(self, table: str) -> int:
        """Records that the old program marked as deleted: not read, but told."""
        path, header = self._open(table)
        marked = 0
        for start in range(0, header.records, 50_000):
            records = self._records(path, header, start, min(start + 50_000, header.records))
            marked += int((records[:, 0] == ord("*")).sum())
        return marked

    def language_driver(self, table: str) -> int:
        """The code page byte of the header: what the program claimed, often not what clerks typed."""
        return self._open(table)[1].language_driver

    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
        return row_ranges(self._open(table)[1].records, rows, known)

    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str],
        since: tuple[str, str] | None = None,
    ) -> pa.Table:  # fmt: skip
        path, header = self._open(table)
        by_name = {field.name: field for field in header.fields}
        require_columns(columns, list(by_name), system=self._system, table=table)
        start, stop = row_window(key_range, header.records)
        records = self._records(path, header, start, stop)
        active = records[:, 0] != ord("*")
        numbers = numpy.arange(start + 1, stop + 1, dtype=numpy.int64)
        if not active.all():
            numbers, records = numbers[active], records[active]
        chosen = [by_name[name] for name in columns]
        arrays = [self._values(path, header, records, field) for field in chosen]
        shapes = [_column(field, header) for field in chosen]
        return frame([(column.name, column.transport) for column in shapes], arrays, pa.array(numbers))

    def snapshot(self) -> str:
        files = found_files(self._url, (".dbf",), system=self._system)
        memos = [memo for path in files.values() if (memo := open_memo(path)) is not None]
        told = "; ".join(f"{table}: language driver 0x{self.language_driver(table):02x}, {self.deleted(table)} deleted" for table in files)
        return f"{digest_all([*files.values(), *memos], self._system)} ({told})"

    def close(self) -> None:
        self._headers.clear()
        self._buffer = numpy.empty(0, numpy.uint8)

    def _values(self, path: Path, header: Header, records: numpy.ndarray, field: Field) -> pa.Array:
        if field.is_memo:
            return memo_values(path, header, records, field, self._system)
        return field_values(header, records, field)

    def _open(self, table: str) -> tuple[Path, Header]:
        files = found_files(self._url, (".dbf",), system=self._system)
        require_table(table, list(files), system=self._system)
        path = files[table]
        with readable(path, self._system):
            stamp = path.stat().st_mtime_ns
            if self._headers.get(path, (0,))[0] != stamp:
                self._headers[path] = stamp, read_header(path, self._system)
        return path, self._headers[path][1]

    def _records(self, path: Path, header: Header, start: int, stop: int) -> numpy.ndarray:
        """Physical records [start, stop) as a matrix of bytes, valid until the next call; the first column is the deletion flag."""
        size = (stop - start) * header.record_length
        if len(self._buffer) < size:
            self._buffer = numpy.empty(size, numpy.uint8)
        raw = self._buffer[:size]
        with readable(path, self._system), path.open("rb", buffering=0) as file:
            file.seek(header.length + start * header.record_length)
            filled = 0
            while filled < size and (got := file.readinto(raw[filled:].data)):
                filled += got
        if filled != size:
            raise broken(path, "became shorter while it was read", system=self._system)
        records = raw.reshape(stop - start, header.record_length)
        odd = numpy.flatnonzero((records[:, 0] != ord(" ")) & (records[:, 0] != ord("*")))
        if len(odd):
            raise broken(
                path, f"record {start + int(odd[0]) + 1} begins with byte 0x{int(records[odd[0], 0]):02x} instead of a"
                " deletion flag: the file is damaged from there on", system=self._system,
            )  # fmt: skip
        return records


def _column(field: Field, header: Header) -> Column:
    said = f"{field.kind}({field.width}{f',{field.decimals}' if field.decimals else ''})"
    if field.kind in "CVM":
        said += f" language driver 0x{header.language_driver:02x}"
    return Column(field.name, said, True, "text" if field.is_binary_number else "bytes")
