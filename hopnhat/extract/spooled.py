"""A file source whose tables are spooled records: what JSON lines and XML share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from hopnhat.extract.contract import Column, KeyRange, TableShape
from hopnhat.extract.files import digest_all, found_files, readable, row_ranges, row_window
from hopnhat.extract.frames import require_columns, require_table
from hopnhat.extract.spool import Record, Spool

Reader = Callable[[Path, str], Iterator[tuple[int, Record]]]
"""File, table name → (row number, record) in document order."""


class SpooledSource:
    def __init__(self, url: str, suffixes: Sequence[str], reader: Reader, system: str, declared: Sequence[str] = ()) -> None:
        self._url, self._suffixes, self._system = url, tuple(suffixes), system
        self._reader, self._declared = reader, tuple(declared)
        self._spools: dict[str, tuple[int, Spool]] = {}

    def tables(self) -> list[str]:
        return sorted(found_files(self._url, self._suffixes, system=self._system))

    def shape(self, table: str) -> TableShape:
        spool = self._spool(table)
        names = self._names(spool)
        return TableShape(tuple(Column(name, "text", True, "text") for name in names), (), spool.records)

    def count(self, table: str) -> int:
        return self._spool(table).records

    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
        return row_ranges(self._spool(table).last_row, rows, known)

    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str],
        since: tuple[str, str] | None = None,
    ) -> pa.Table:  # fmt: skip
        spool = self._spool(table)
        # A document without records shows no columns: nothing can be said to be missing from it.
        if spool.records:
            require_columns(columns, self._names(spool), system=self._system, table=table)
        start, stop = row_window(key_range, spool.last_row)
        return spool.read(start, stop, columns)

    def snapshot(self) -> str:
        return digest_all(list(found_files(self._url, self._suffixes, system=self._system).values()), self._system)

    def close(self) -> None:
        for _, spool in self._spools.values():
            spool.close()
        self._spools.clear()

    def _names(self, spool: Spool) -> list[str]:
        return list(dict.fromkeys([*self._declared, *spool.names]))

    def _spool(self, table: str) -> Spool:
        files = found_files(self._url, self._suffixes, system=self._system)
        require_table(table, list(files), system=self._system)
        with readable(files[table], self._system):
            stamp = files[table].stat().st_mtime_ns
            if self._spools.get(table, (0,))[0] != stamp:
                self._spools[table] = stamp, Spool(self._reader(files[table], table))
        return self._spools[table][1]
