"""MariaDB and MySQL. The server is told not to convert (`character_set_results = NULL`): text lands as the bytes it is
stored in, everything else as the text the server prints.

Options: `snapshot: true` reads everything through one REPEATABLE READ session, so that all tables of a run show one
instant; the server cannot lend an instant to other sessions, so one worker reads it all. `statement_seconds` (120) and
`lock_seconds` (1) are the limits a query may not exceed; `time_zone` (+07:00) is the zone in which TIMESTAMP columns,
stored as UTC, are printed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from hopnhat.extract.contract import Transport
from hopnhat.extract.failures import mysql_failure
from hopnhat.extract.frames import Options, flag_option, int_option, known_options, plain_numbers, text_option
from hopnhat.extract.keyset import bound_bytes
from hopnhat.extract.mysql_login import check_options, connect
from hopnhat.extract.mysql_rows import read_columns
from hopnhat.extract.sqlsource import Kind, SqlColumn, SqlSource, SqlTable, checked_bound
from hopnhat.model.errors import MappingError
from hopnhat.urls import Place, place_of

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year"), "number"),
    **dict.fromkeys(("float", "double"), "float"),
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json"), "text"),
    **dict.fromkeys(("date", "datetime", "timestamp", "time"), "time"),
    "bit": "bit",
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), "binary"),
}


def open_source(url: str, options: Options) -> SqlSource:
    """URL as SQLAlchemy writes it: mysql://user:password@host:port/database."""
    known_options(options, ("snapshot", "statement_seconds", "lock_seconds", "time_zone"), "mysql")
    system = text_option(options, "system")
    return SqlSource(system, MySqlDialect(), MySqlSession(system, place_of(url), options))


class MySqlDialect:
    def quote(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def raw(self, column: SqlColumn, expression: str = "") -> str:
        value = expression or self.quote(column.name)
        if column.kind == "bit":
            return f"{value} + 0"
        if column.kind == "float":  # a FLOAT prints six digits of its eight
            return f"CAST({value} AS DOUBLE)"
        return value

    def transport(self, column: SqlColumn) -> Transport:
        return "bytes" if column.kind in ("text", "binary") else "text"

    def literal(self, column: SqlColumn, bound: str) -> str:
        if column.kind in ("number", "float", "bit"):
            return checked_bound(column, bound)
        if column.kind == "time":
            return f"'{checked_bound(column, bound)}'"
        if column.kind == "binary":
            return f"X'{bound_bytes(bound).hex()}'"
        if column.kind == "text" and column.charset:
            return f"_{column.charset} X'{bound_bytes(bound).hex()}' COLLATE {column.collation}"
        return f"_latin1 X'{bound_bytes(bound).hex()}'"

    def limited(self, select: str, rows: int) -> str:
        return f"{select} LIMIT {rows}"

    def physical(self, table: SqlTable) -> tuple[str, SqlColumn]:
        cells = ", '|', ".join(f"COALESCE(HEX({_as_bytes(self.raw(column), column)}), '~')" for column in table.columns)
        return f"MD5(CONCAT({cells}))", SqlColumn("_hash", "md5", False, "hash")


def _as_bytes(value: str, column: SqlColumn) -> str:
    """A raw value as bytes, for the hash of a row."""
    if column.kind == "other":  # uuid, inet6: their binary form is not their text
        value = f"CAST({value} AS CHAR)"
    return value if column.kind == "binary" else f"CAST({value} AS BINARY)"


class MySqlSession:
    """One connection per process, opened by pymysql; bulk results are read off its stream (`mysql_rows`)."""

    def __init__(self, system: str, place: Place, options: Options) -> None:
        check_options(place, system)
        self._system, self._place = system, place
        self._snapshot = flag_option(options, "snapshot")
        zone = text_option(options, "time_zone", "+07:00")
        if not re.fullmatch(r"[-+]\d\d:\d\d", zone):
            raise MappingError("option `time_zone` must look like +07:00")
        self._limits = (int_option(options, "statement_seconds", 120), int_option(options, "lock_seconds", 1))
        self._base = (f"SET SESSION time_zone = '{zone}'", "SET SESSION TRANSACTION READ ONLY", "SET SESSION character_set_results = NULL")
        self._connection: Any = None
        self._process = 0

    def rows(self, sql: str) -> list[tuple[bytes | None, ...]]:
        with self._translated(), self._connected().cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def arrow(self, sql: str, columns: Sequence[SqlColumn]) -> list[pa.Array]:
        with self._translated():
            arrays = read_columns(self._connected(), sql)[: len(columns)]  # none asked for: `SELECT 1` only counts the rows
        for number, column in enumerate(columns):
            if column.kind == "float":
                arrays[number] = plain_numbers(arrays[number], single=column.declared_type.startswith("float"))
        return arrays

    def tables(self) -> list[str]:
        found = self.rows("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1")
        return [(row[0] or b"").decode() for row in found]

    def describe(self, table: str) -> SqlTable | None:
        schema, _, name = table.rpartition(".")
        where = f"TABLE_SCHEMA = {_text(schema) if schema else 'DATABASE()'} AND TABLE_NAME = {_text(name)}"
        columns = self.rows(
            "SELECT COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, IS_NULLABLE, CHARACTER_SET_NAME, COLLATION_NAME"
            f" FROM information_schema.COLUMNS WHERE {where} ORDER BY ORDINAL_POSITION"
        )
        if not columns:
            return None
        keys = self.rows(
            f"SELECT COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE WHERE {where}"
            " AND CONSTRAINT_NAME = 'PRIMARY' ORDER BY ORDINAL_POSITION"
        )
        estimate = self.rows(f"SELECT TABLE_ROWS FROM information_schema.TABLES WHERE {where}")[0][0]
        primary = tuple((row[0] or b"").decode() for row in keys)
        return SqlTable(tuple(_column(row) for row in columns), primary, int(estimate) if estimate else None)

    def position(self) -> str:
        now, version, gtid = self.rows("SELECT UTC_TIMESTAMP(6), VERSION(), @@GLOBAL.server_id")[0]
        kind = "repeatable-read" if self._snapshot else "per-range"
        return f"mysql {kind} at {_said(now)}Z, server {_said(version)} id {_said(gtid)}"

    def running(self) -> int:
        """Sessions at work on the server: what the governor backs off from."""
        return int(self.rows("SELECT count(*) FROM information_schema.PROCESSLIST WHERE COMMAND NOT IN ('Sleep', 'Daemon') AND ID <> CONNECTION_ID()")[0][0] or 0)

    def close(self) -> None:
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    def _connected(self) -> Any:
        # A connection must not be shared over a fork. One that was lost is opened anew, unless its instant went with it.
        is_lost = self._connection is not None and not self._connection.open and not self._snapshot
        if self._connection is None or is_lost or self._process != os.getpid():
            with self._translated():
                self._connection = connect(self._place, self._system, seconds=self._limits[0] + 30)
                self._process = os.getpid()
                self._restrict()
        return self._connection

    def _restrict(self) -> None:
        """Nothing this session does can change, block or overload the source."""
        seconds, lock = self._limits
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            is_mariadb = b"MariaDB" in cursor.fetchone()[0]
            limit = f"max_statement_time = {seconds}" if is_mariadb else f"max_execution_time = {seconds * 1000}"
            for setting in (
                *self._base, f"SET SESSION {limit}", f"SET SESSION innodb_lock_wait_timeout = {lock}", f"SET SESSION lock_wait_timeout = {lock}",
            ):  # fmt: skip
                cursor.execute(setting)
            if self._snapshot:
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            failure = mysql_failure(error, self._system)
            if failure is None:
                raise
            raise failure from None  # the driver's own text may quote the statement, and so values


def _column(row: tuple[bytes | None, ...]) -> SqlColumn:
    name, declared, data, nullable, charset, collation = (_said(value) for value in row)
    kind = _KINDS.get(data, "other")
    if charset:
        declared += f" CHARACTER SET {charset}"
    return SqlColumn(name, declared, nullable == "YES", kind, charset, collation)


def _said(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _text(value: str) -> str:
    return f"_utf8mb4 X'{value.encode().hex()}'"
