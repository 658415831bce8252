"""PostgreSQL through COPY … TO STDOUT: text columns come in the server's own encoding, unconverted; the rest as text.

Options: `snapshot: true` (one REPEATABLE READ transaction over all reads of a session; all sessions share one where a
snapshot is held, see hopnhat.extract.shared_snapshot, unless `snapshot: false`), `statement_seconds` (120), `lock_seconds` (1),
`time_zone` (Asia/Ho_Chi_Minh, for timestamptz). Tables outside the search path are named schema.table.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv
from sqlalchemy.engine import URL, make_url

from hopnhat.extract.contract import Transport
from hopnhat.extract.failures import postgres_failure
from hopnhat.extract.frames import Options, flag_option, int_option, known_options, plain_numbers, text_option
from hopnhat.extract.keyset import bound_bytes
from hopnhat.extract.shared_snapshot import lent_snapshot
from hopnhat.extract.sqlsource import Kind, SqlColumn, SqlSource, SqlTable, checked_bound
from hopnhat.model.errors import MappingError, SourceUnavailableError

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("int2", "int4", "int8", "numeric", "oid", "money"), "number"),
    **dict.fromkeys(("float4", "float8"), "float"),
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "citext", "json", "xml"), "text"),
    **dict.fromkeys(("date", "timestamp", "timestamptz", "time", "timetz", "interval"), "time"),
    "bool": "bit",
    "bytea": "binary",
}


def open_source(url: str, options: Options) -> SqlSource:
    """URL as SQLAlchemy writes it: postgresql+psycopg2://user:password@host:port/database."""
    known_options(options, ("snapshot", "statement_seconds", "lock_seconds", "time_zone"), "postgres")
    system = text_option(options, "system")
    lent = lent_snapshot(url)
    return SqlSource(system, PostgresDialect(), PostgresSession(system, make_url(url), options, lent or ""))


class PostgresDialect:
    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def raw(self, column: SqlColumn, expression: str = "") -> str:
        value = expression or self.quote(column.name)
        if column.kind == "bit":
            return f"{value}::int::text"
        if column.kind == "binary":
            return f"encode({value}, 'hex')"
        if column.declared_type.startswith("timestamp") and column.declared_type.endswith("with time zone"):
            return f"{value}::timestamp::text"  # the wall time of the session's zone: `+07` is no ISO offset
        return f"{value}::text"

    def transport(self, column: SqlColumn) -> Transport:
        return "bytes" if column.kind in ("text", "binary") else "text"

    def literal(self, column: SqlColumn, bound: str) -> str:
        if column.kind in ("number", "float"):
            return checked_bound(column, bound)
        raw = bound_bytes(bound)
        if column.kind == "binary":  # its bytes travel as hex in bounds too
            return f"decode('{bytes.fromhex(raw.decode()).hex()}', 'hex')"
        if column.kind == "bit":
            return "true" if bound == "1" else "false"
        if column.kind in ("text", "hash"):
            return f"convert_from(decode('{raw.hex()}', 'hex'), '{column.charset or 'UTF8'}')"
        cast = "tid" if column.kind == "address" else column.declared_type
        return f"convert_from(decode('{raw.hex()}', 'hex'), 'UTF8')::{cast}"

    def limited(self, select: str, rows: int) -> str:
        return f"{select} LIMIT {rows}"

    def physical(self, table: SqlTable) -> tuple[str, SqlColumn]:
        if table.row_estimate is not None:
            return "ctid", SqlColumn("ctid", "tid", False, "address")
        # Views and partitioned tables have no address of their own.
        cells = ", '|', ".join(f"coalesce(encode(convert_to({self.raw(c)}, 'UTF8'), 'hex'), '~')" for c in table.columns)
        return f"md5(concat({cells}))", SqlColumn("_hash", "md5", False, "hash")


class PostgresSession:
    def __init__(self, system: str, url: URL, options: Options, lent: str = "") -> None:
        """`lent`: a snapshot that another session holds, in which this one's transaction begins."""
        self._system, self._url, self._lent = system, url, lent
        self._snapshot = flag_option(options, "snapshot") or bool(lent)
        self._zone = text_option(options, "time_zone", "Asia/Ho_Chi_Minh")
        if not re.fullmatch(r"[-+A-Za-z0-9_/:]+", self._zone):
            raise MappingError("option `time_zone` must be a zone name such as Asia/Ho_Chi_Minh")
        self._limits = int_option(options, "statement_seconds", 120), int_option(options, "lock_seconds", 1)
        self._connection: Any = None
        self._process = 0

    def rows(self, sql: str) -> list[tuple[bytes | None, ...]]:
        buffer = self._copied(sql)
        if not buffer.getbuffer().nbytes:
            return []
        table = _parsed(buffer)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def arrow(self, sql: str, columns: Sequence[SqlColumn]) -> list[pa.Array]:
        buffer = self._copied(sql)
        if not buffer.getbuffer().nbytes:
            return [pa.array([], pa.binary()) for _ in columns]
        arrays = [column.combine_chunks() for column in _parsed(buffer).columns]
        for number, column in enumerate(columns):
            if column.kind == "binary":
                arrays[number] = pa.array(
                    [None if v is None else bytes.fromhex(v.decode()) for v in arrays[number].to_pylist()], pa.binary()
                )
            elif column.kind == "float":
                arrays[number] = plain_numbers(arrays[number])
        return arrays[: len(columns)]

    def tables(self) -> list[str]:
        found = self.rows(
            "SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
            " AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1"
        )
        return [(row[0] or b"").decode() for row in found]

    def describe(self, table: str) -> SqlTable | None:
        name = ".".join(PostgresDialect().quote(part) for part in table.split(".", 1))
        oid = f"to_regclass(convert_from(decode('{name.encode().hex()}', 'hex'), 'UTF8'))"
        found = self.rows(f"SELECT relkind, greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = {oid}")
        if not found:
            return None
        listed = self.rows(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), coalesce(b.typname, t.typname), a.attnotnull::int,"
            " getdatabaseencoding() FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
            " LEFT JOIN pg_type b ON b.oid = nullif(t.typbasetype, 0)"
            f" WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        )
        keys = self.rows(
            "SELECT a.attname FROM pg_index i JOIN unnest(i.indkey) WITH ORDINALITY k(n, at) ON true"
            f" JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n WHERE i.indrelid = {oid} AND i.indisprimary ORDER BY k.at"
        )
        columns = tuple(_column(row) for row in listed)
        has_address = found[0][0] in (b"r", b"m")
        estimate = int(found[0][1] or 0) if has_address else None
        return SqlTable(columns, tuple((row[0] or b"").decode() for row in keys), estimate)

    def position(self) -> str:
        snapshot, now = self.rows("SELECT pg_current_snapshot()::text, clock_timestamp()::text")[0]
        kind = "shared" if self._lent else "repeatable-read" if self._snapshot else "per-range"
        return f"postgres {kind} snapshot {(snapshot or b'').decode()} at {(now or b'').decode()}"

    def running(self) -> int:
        """Sessions at work on the server: what the governor backs off from."""
        return int(self.rows("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()")[0][0] or 0)

    def close(self) -> None:
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    def _copied(self, sql: str) -> io.BytesIO:
        buffer = io.BytesIO()
        with self._translated(), self._connected().cursor() as cursor:
            cursor.copy_expert(f"COPY ({sql}) TO STDOUT WITH (FORMAT csv)", buffer)
        return buffer

    def _connected(self) -> Any:
        if self._connection is None or self._process != os.getpid():
            import psycopg2

            with self._translated():
                dsn = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
                self._connection = psycopg2.connect(dsn, connect_timeout=10, application_name="hopnhat extract")
                self._process = os.getpid()
                level = "REPEATABLE READ" if self._snapshot else None
                self._connection.set_session(isolation_level=level, readonly=True, autocommit=not self._snapshot)
                if self._lent:
                    self._begin_in_lent()
                self._restrict()
        return self._connection

    def _begin_in_lent(self) -> None:
        import psycopg2

        try:
            with self._connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION SNAPSHOT %s", (self._lent,))
        except psycopg2.Error:
            self._connection.close()
            self._connection = None
            problem = "the snapshot that all readers share is gone: the session that held it ended"
            raise SourceUnavailableError(problem, system=self._system, hint="start again: the run goes on in a new snapshot") from None

    def _restrict(self) -> None:
        seconds, lock = self._limits
        with self._connection.cursor() as cursor:
            cursor.execute("SHOW server_encoding")
            cursor.execute(f"SET client_encoding = '{cursor.fetchone()[0]}'")  # equal on both sides: nothing converts
            cursor.execute(f"SET statement_timeout = '{seconds}s'; SET lock_timeout = '{lock}s'; SET TimeZone = '{self._zone}'")
            cursor.execute("SET DateStyle = ISO; SET IntervalStyle = iso_8601; SET extra_float_digits = 1; SET bytea_output = hex")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            failure = postgres_failure(error, self._system)
            if failure is None:
                raise
            if self._connection is not None and not self._connection.closed:
                # A transaction that failed has lost its instant: with a lent one the next read begins in it anew.
                self._connection.close() if self._lent else self._connection.rollback()
                self._connection = None if self._lent else self._connection
            raise failure from None


def _parsed(buffer: io.BytesIO) -> pa.Table:
    """COPY's CSV: an unquoted empty cell is NULL, a quoted one is empty text."""
    raw = buffer.getbuffer()
    return arrow_csv.read_csv(
        pa.BufferReader(raw),
        arrow_csv.ReadOptions(autogenerate_column_names=True, use_threads=False, block_size=raw.nbytes + 1),
        arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        arrow_csv.ConvertOptions(
            column_types={f"f{number}": pa.binary() for number in range(1664)}, check_utf8=False, null_values=[""],
            strings_can_be_null=True, quoted_strings_can_be_null=False,
        ),
    )  # fmt: skip


def _column(row: tuple[bytes | None, ...]) -> SqlColumn:
    name, declared, base, not_null, encoding = ((value or b"").decode() for value in row)
    kind = _KINDS.get(base, "other")
    said = f"{declared} encoding {encoding}" if kind == "text" else declared
    return SqlColumn(name, said, not_null == "0", kind, charset=encoding if kind == "text" else "")
