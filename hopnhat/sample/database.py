"""Puts generated frames into a MariaDB or SQLite database, as fast as each takes them."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.sample.opencps_schema import TableDef
from hopnhat.urls import place_of

Frame = Mapping[str, pa.Array]


class Database(Protocol):
    def create(self, table: TableDef) -> None:
        """An empty table; one of that name that was there is gone."""

    def append(self, table: TableDef, frame: Frame) -> None: ...

    def finish(self, table: TableDef) -> None:
        """Secondary indexes, built once the rows are in."""

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with `%s` places; the rows it gives, committed."""

    def close(self) -> None: ...

    def __enter__(self) -> Database: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def open_database(url: str) -> Database:
    return SqliteDatabase(Path(url.removeprefix("sqlite:///"))) if url.startswith("sqlite:") else MariaDatabase(url)


class _Closing:
    def close(self) -> None:
        raise NotImplementedError

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class MariaDatabase(_Closing):
    """LOAD DATA LOCAL INFILE of the frame's own text; several times faster than INSERT."""

    def __init__(self, url: str) -> None:
        import pymysql

        place = place_of(url)
        self._connection = pymysql.connect(
            host=place.host, port=place.port or 3306, user=place.user, password=place.password,
            database=place.database, charset="utf8mb4", local_infile=True, autocommit=True,
        )  # fmt: skip
        # The legacy server let impossible and zero dates in; so must we, to have them.
        self.query("set sql_mode = 'ALLOW_INVALID_DATES', unique_checks = 0, foreign_key_checks = 0")

    def __enter__(self) -> MariaDatabase:
        return self

    def create(self, table: TableDef) -> None:
        self.query(f"drop table if exists {table.name}")
        self.query(table.ddl(sqlite=False))

    def append(self, table: TableDef, frame: Frame) -> None:
        lines = tab_lines([frame[name] for name in table.names()])
        handle, path = tempfile.mkstemp(prefix="hopnhat-sample-", suffix=".tsv")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(lines)
            self.query(f"load data local infile '{path}' into table {table.name} character set utf8mb4")
        finally:
            Path(path).unlink()

    def finish(self, table: TableDef) -> None:
        if table.index:
            self.query(f"alter table {table.name} " + ", ".join(f"add index ({column})" for column in table.index))
        self.query(f"analyze table {table.name}")

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, tuple(values) or None)
            return list(cursor.fetchall())

    def close(self) -> None:
        self._connection.close()


class SqliteDatabase(_Closing):
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path)
        self._connection.execute("pragma synchronous = off")

    def __enter__(self) -> SqliteDatabase:
        return self

    def create(self, table: TableDef) -> None:
        self.query(f"drop table if exists {table.name}")
        self.query(table.ddl(sqlite=True))

    def append(self, table: TableDef, frame: Frame) -> None:
        columns = [frame[name].to_pylist() for name in table.names()]
        places = ", ".join("?" * len(columns))
        self._connection.executemany(f"insert into {table.name} values ({places})", zip(*columns, strict=True))
        self._connection.commit()

    def finish(self, table: TableDef) -> None:
        for column in table.index:
            self.query(f"create index {table.name}_{column} on {table.name} ({column})")

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        rows = self._connection.execute(sql.replace("%s", "?"), tuple(values)).fetchall()
        self._connection.commit()
        return rows

    def close(self) -> None:
        self._connection.close()


def tab_lines(columns: Sequence[pa.Array]) -> memoryview:
    """The rows as LOAD DATA reads them: tabs between, \\N for NULL. Values hold no tab, newline or backslash (checked)."""
    for column in columns:
        if pc.any(pc.match_substring_regex(column, r"[\t\n\\]")).as_py():
            raise ValueError("a generated value holds a tab, newline or backslash")
    filled = [pc.fill_null(column, "\\N") for column in columns]
    ends = pa.repeat("\n", len(filled[0]))
    rows = pc.binary_join_element_wise(*filled[:-1], pc.binary_join_element_wise(filled[-1], ends, ""), "\t")
    _, offsets, data = rows.cast(pa.large_string()).buffers()
    assert offsets is not None
    assert data is not None
    return memoryview(data)[: int(np.frombuffer(offsets, np.int64)[len(rows)])]
