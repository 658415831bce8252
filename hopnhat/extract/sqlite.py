"""SQLite through the standard library, read-only. Text comes as its stored bytes; numbers are rendered.

SQLite types values, not columns, so every value is rendered by what it is. URL: a path or sqlite:///path.
Option `snapshot: true` keeps one read transaction open over all reads (in WAL mode writers go on undisturbed).
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote as url_quote

import pyarrow as pa

from hopnhat.extract.contract import Transport
from hopnhat.extract.files import broken, digest_all, path_of, readable
from hopnhat.extract.frames import Options, flag_option, known_options, render, rendered, text_option
from hopnhat.extract.keyset import bound_bytes
from hopnhat.extract.sqlsource import Kind, SqlColumn, SqlSource, SqlTable
from hopnhat.model.errors import SourceDriftError, SourceUnavailableError

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


def open_source(url: str, options: Options) -> SqlSource:
    known_options(options, ("snapshot",), "sqlite")
    system = text_option(options, "system")
    session = SqliteSession(system, path_of(url), snapshot=flag_option(options, "snapshot"))
    return SqlSource(system, SqliteDialect(), session)


class SqliteDialect:
    def quote(self, name: str) -> str:
        """In backticks: what stands in double quotes and is no column, SQLite takes for a text."""
        return "`" + name.replace("`", "``") + "`"

    def raw(self, column: SqlColumn, expression: str = "") -> str:
        if expression and column.kind == "other":
            return f"quote({expression})"  # a bound of an untyped column must say whether it is a number or text
        return expression or self.quote(column.name)

    def transport(self, column: SqlColumn) -> Transport:
        return "text" if column.kind == "number" else "bytes"

    def literal(self, column: SqlColumn, bound: str) -> str:
        raw = bound_bytes(bound)
        if column.kind in ("number", "other") and _NUMBER.fullmatch(bound):
            return bound
        if column.kind == "other" and re.fullmatch(rb"X'[0-9A-F]*'", raw):
            return raw.decode()
        if column.kind == "other" and raw[:1] == raw[-1:] == b"'":
            raw = raw[1:-1].replace(b"''", b"'")
        return f"CAST(X'{raw.hex()}' AS TEXT)"

    def limited(self, select: str, rows: int) -> str:
        return f"{select} LIMIT {rows}"

    def physical(self, table: SqlTable) -> tuple[str, SqlColumn]:
        if table.row_estimate is None:  # a view has no rows of its own
            cells = ", ".join(self.quote(column.name) for column in table.columns)
            return f"row_hash({cells})", SqlColumn("_hash", "md5", False, "hash")
        taken = {column.name.lower() for column in table.columns}
        name = next(name for name in ("rowid", "_rowid_", "oid") if name not in taken)
        return name, SqlColumn(name, "rowid", False, "number")


class SqliteSession:
    def __init__(self, system: str, path: Path, *, snapshot: bool) -> None:
        self._system, self._path, self._snapshot = system, path, snapshot
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    def rows(self, sql: str) -> list[tuple[bytes | None, ...]]:
        with self._translated():
            return [tuple(render(value) for value in row) for row in self._connected().execute(sql)]

    def arrow(self, sql: str, columns: Sequence[SqlColumn]) -> list[pa.Array]:
        batches: list[list[pa.Array]] = []
        with self._translated():
            cursor = self._connected().execute(sql)
            while rows := cursor.fetchmany(10_000):
                batches.append([rendered(values) for values in zip(*rows, strict=True)])
        if not batches:
            return [pa.array([], pa.binary()) for _ in columns]
        return [pa.concat_arrays(parts) for parts in zip(*batches, strict=True)][: len(columns)]

    def tables(self) -> list[str]:
        sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
        with self._translated():
            return [(row[0] or b"").decode() for row in self.rows(sql)]

    def describe(self, table: str) -> SqlTable | None:
        name = f"CAST(X'{table.encode().hex()}' AS TEXT)"
        found = self.rows(f"SELECT type FROM sqlite_master WHERE name = {name} AND type IN ('table', 'view')")
        if not found:
            return None
        listed = self.rows(f'SELECT name, type, "notnull", pk FROM pragma_table_info({name}) ORDER BY cid')
        with self._translated():
            columns = tuple(_column(row) for row in listed)
        keyed = sorted((int(row[3] or 0), columns[at].name) for at, row in enumerate(listed) if row[3] != b"0")
        if found[0][0] == b"view":
            return SqlTable(columns, (), None)
        quoted = SqliteDialect().quote(table)
        has_rowid = self.rows(f"SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = {name}")[0][0] == b"0"
        hides = any(column.name.lower() == "rowid" for column in columns)
        counted = "max(rowid)" if has_rowid and not hides else "count(*)"  # the greatest rowid costs no scan
        estimate = self.rows(f"SELECT {counted} FROM {quoted}")[0][0]
        return SqlTable(columns, tuple(name for _, name in keyed), int(estimate or 0))

    def position(self) -> str:
        wal = self._path.with_name(self._path.name + "-wal")
        return digest_all([self._path, *([wal] if wal.exists() and wal.stat().st_size else [])], self._system)

    def close(self) -> None:
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():  # SQLite must not be carried over a fork
            with readable(self._path, self._system), self._path.open("rb"):
                pass
            uri = f"file:{url_quote(str(self._path.absolute()))}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)
            self._process = os.getpid()
            self._connection.text_factory = bytes
            self._connection.create_function("row_hash", -1, _row_hash, deterministic=True)
            if self._snapshot:
                self._connection.execute("BEGIN")
                self._connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        return self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            said = str(error)
            if "no such" in said:
                raise SourceDriftError(
                    "a table or column vanished while it was read", system=self._system,
                    hint="ask the vendor what changed",
                ) from None  # fmt: skip
            if "locked" in said or "unable to open" in said or "busy" in said:
                raise SourceUnavailableError(
                    f"file {self._path.name} is locked or its journal cannot be opened", system=self._system,
                    hint="retry when the program that writes to it is idle",
                ) from None  # fmt: skip
            raise broken(self._path, f"is no sound SQLite database ({type(error).__name__})", system=self._system) from None
        except UnicodeDecodeError:
            raise broken(self._path, "is no sound SQLite database: a name in it is no text", system=self._system) from None


def _column(row: tuple[bytes | None, ...]) -> SqlColumn:
    name, declared = ((value or b"").decode() for value in row[:2])
    return SqlColumn(name, declared or "ANY", row[2] == b"0", _affinity(declared.upper()))


def _affinity(declared: str) -> Kind:
    """SQLite's own rules, https://sqlite.org/datatype3.html §3.1, as far as comparing needs them."""
    if "INT" in declared:
        return "number"
    if any(part in declared for part in ("CHAR", "CLOB", "TEXT")):
        return "text"
    return "other" if not declared or "BLOB" in declared else "number"


def _row_hash(*values: object) -> str:
    cells = (b"~" if value is None else (render(value) or b"").hex().encode() for value in values)
    return hashlib.md5(b"|".join(cells), usedforsecurity=False).hexdigest()
