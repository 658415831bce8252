"""A session over any DBAPI driver: batches of rows to Arrow. For the servers that have no faster road."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from hopnhat.extract.frames import plain_numbers, render, rendered
from hopnhat.extract.sqlsource import SqlColumn
from hopnhat.model.errors import HopNhatError

Failure = Callable[[Exception, str], HopNhatError | None]


class DbapiSession:
    """Connects when first used, once per process; `connect` returns a read-only connection with its limits set."""

    def __init__(self, system: str, connect: Callable[[], Any], failure: Failure) -> None:
        self._system, self._connect, self._failure = system, connect, failure
        self._connection: Any = None
        self._process = 0

    def rows(self, sql: str) -> list[tuple[bytes | None, ...]]:
        with self._cursor() as cursor:
            cursor.execute(sql)
            return [tuple(render(value) for value in row) for row in cursor.fetchall()]

    def arrow(self, sql: str, columns: Sequence[SqlColumn]) -> list[pa.Array]:
        batches: list[list[pa.Array]] = []
        with self._cursor() as cursor:
            cursor.execute(sql)
            while rows := cursor.fetchmany(10_000):
                batches.append([rendered(values) for values in zip(*rows, strict=True)])
        if not batches:
            return [pa.array([], pa.binary()) for _ in columns]
        arrays = [pa.concat_arrays(parts) for parts in zip(*batches, strict=True)]
        return [plain_numbers(array) if column.kind == "float" else array for array, column in zip(arrays, columns, strict=False)]

    def close(self) -> None:
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        try:
            if self._connection is None or self._process != os.getpid():  # a connection must not be shared over a fork
                self._connection, self._process = self._connect(), os.getpid()
            cursor = self._connection.cursor()
            try:
                yield cursor
            finally:
                cursor.close()
        except Exception as error:
            failure = self._failure(error, self._system)
            if failure is None:
                raise
            raise failure from None


def said(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
