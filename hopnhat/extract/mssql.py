"""Microsoft SQL Server through pymssql. VARCHAR comes as its stored bytes (cp1258, cp1252 or whatever was typed),
NVARCHAR as UTF-8 text, everything else rendered by the server without loss (datetime2(7) keeps its seven digits).

Options: `snapshot: true` (SNAPSHOT isolation, which the vendor must have allowed), `statement_seconds` (120),
`lock_seconds` (1). Tables outside dbo are named schema.table.
State: no server is available to the tests; the SQL, type mapping and a recorded cursor are tested (docs/sources.md).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import URL, make_url

from hopnhat.extract.contract import Transport
from hopnhat.extract.dbapi import DbapiSession, said
from hopnhat.extract.failures import mssql_failure
from hopnhat.extract.frames import Options, flag_option, int_option, known_options, text_option
from hopnhat.extract.keyset import bound_bytes
from hopnhat.extract.sqlsource import Kind, SqlColumn, SqlSource, SqlTable, checked_bound

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint", "decimal", "numeric", "money", "smallmoney"), "number"),
    **dict.fromkeys(("float", "real"), "float"),
    **dict.fromkeys(("char", "varchar", "text"), "text"),
    **dict.fromkeys(("nchar", "nvarchar", "ntext", "xml", "sql_variant", "sysname"), "unicode"),
    **dict.fromkeys(("date", "time", "datetime", "datetime2", "smalldatetime", "datetimeoffset"), "time"),
    **dict.fromkeys(("binary", "varbinary", "image", "timestamp", "rowversion"), "binary"),
    "bit": "bit",
}


def open_source(url: str, options: Options) -> SqlSource:
    """URL as SQLAlchemy writes it: mssql://user:password@host:port/database."""
    known_options(options, ("snapshot", "statement_seconds", "lock_seconds"), "mssql")
    system = text_option(options, "system")
    parsed = make_url(url)
    return SqlSource(system, MssqlDialect(), MssqlSession(system, lambda: _connect(parsed, options), mssql_failure))


class MssqlDialect:
    def quote(self, name: str) -> str:
        return "[" + name.replace("]", "]]") + "]"

    def raw(self, column: SqlColumn, expression: str = "") -> str:
        value = expression or self.quote(column.name)
        base = column.declared_type.split("(")[0].split(" ")[0]
        special = {
            "text": f"CAST(CAST({value} AS varchar(max)) AS varbinary(max))", "ntext": f"CAST({value} AS nvarchar(max))",
            "image": f"CAST({value} AS varbinary(max))", "money": f"CONVERT(varchar(40), {value}, 2)",
            "smallmoney": f"CONVERT(varchar(40), {value}, 2)", "uniqueidentifier": f"LOWER(CONVERT(varchar(36), {value}))",
            "xml": f"CAST({value} AS nvarchar(max))", "sql_variant": f"CAST({value} AS nvarchar(4000))",
        }  # fmt: skip
        if base in special:
            return special[base]
        by_kind = {
            "text": f"CAST({value} AS varbinary(max))", "unicode": value, "binary": f"CAST({value} AS varbinary(max))",
            "bit": f"CONVERT(varchar(1), {value})", "number": f"CONVERT(varchar(60), {value})",
            "float": f"CONVERT(varchar(40), {value}, 3)", "time": f"CONVERT(varchar(40), {value}, {_style(base)})",
            "address": f"CAST({value} AS varbinary(8))",
        }  # fmt: skip
        return by_kind.get(column.kind, f"CONVERT(nvarchar(max), {value})")

    def transport(self, column: SqlColumn) -> Transport:
        return "bytes" if column.kind in ("text", "binary") else "text"

    def literal(self, column: SqlColumn, bound: str) -> str:
        base = column.declared_type.split(" ")[0]
        if column.kind in ("number", "float"):
            return checked_bound(column, bound)
        if column.kind == "bit":
            return f"CAST({checked_bound(column, bound)} AS bit)"
        if column.kind == "time":
            # In the column's own type: datetime's 1/300 s do not equal the same digits in datetime2.
            return f"CONVERT({base}, '{checked_bound(column, bound)}', {_style(base.split('(')[0])})"
        raw = bound_bytes(bound)
        if column.kind == "unicode":
            # Server's own nvarchar bytes; a lone surrogate cannot be in a bound, it came as UTF-8.
            return f"CAST(0x{raw.decode('utf-8').encode('utf-16-le').hex()} AS nvarchar(4000))" + _collate(column)
        if column.kind in ("binary", "address"):
            return f"0x{raw.hex()}"
        if base == "uniqueidentifier":
            return f"CAST(CAST(0x{raw.hex()} AS varchar(36)) AS uniqueidentifier)"
        return f"CAST(0x{raw.hex()} AS varchar(8000))" + _collate(column)

    def limited(self, select: str, rows: int) -> str:
        return f"SELECT TOP ({rows}) {select.removeprefix('SELECT ')}"

    def physical(self, table: SqlTable) -> tuple[str, SqlColumn]:
        return "%%physloc%%", SqlColumn("physloc", "binary(8)", False, "address")


def _style(base: str) -> int:
    """CONVERT styles that keep every digit: ODBC canonical, and ISO date."""
    return {"date": 23, "smalldatetime": 120}.get(base, 121)


def _collate(column: SqlColumn) -> str:
    return f" COLLATE {column.collation}" if column.collation else ""


class MssqlSession(DbapiSession):
    def tables(self) -> list[str]:
        found = self.rows("SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES ORDER BY 1, 2")
        return [said(name) if schema == b"dbo" else f"{said(schema)}.{said(name)}" for schema, name in found]

    def describe(self, table: str) -> SqlTable | None:
        schema, _, name = table.rpartition(".")
        where = f"TABLE_SCHEMA = {_text(schema or 'dbo')} AND TABLE_NAME = {_text(name)}"
        listed = self.rows(
            "SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE,"
            f" DATETIME_PRECISION, COLLATION_NAME FROM INFORMATION_SCHEMA.COLUMNS WHERE {where} ORDER BY ORDINAL_POSITION"
        )
        if not listed:
            return None
        keys = self.rows(
            "SELECT k.COLUMN_NAME FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS c JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE k"
            " ON k.CONSTRAINT_NAME = c.CONSTRAINT_NAME AND k.TABLE_SCHEMA = c.TABLE_SCHEMA"
            f" WHERE c.CONSTRAINT_TYPE = 'PRIMARY KEY' AND c.{where.replace(' AND ', ' AND c.')} ORDER BY k.ORDINAL_POSITION"
        )
        estimate = self.rows(
            "SELECT SUM(p.rows) FROM sys.partitions p JOIN sys.tables o ON o.object_id = p.object_id JOIN sys.schemas s"
            f" ON s.schema_id = o.schema_id WHERE s.name = {_text(schema or 'dbo')} AND o.name = {_text(name)} AND p.index_id IN (0, 1)"
        )
        rows = int(estimate[0][0]) if estimate and estimate[0][0] else None
        return SqlTable(tuple(mssql_column(row) for row in listed), tuple(said(row[0]) for row in keys), rows)

    def position(self) -> str:
        now, lsn = self.rows("SELECT CONVERT(varchar(40), SYSUTCDATETIME(), 121), CONVERT(varchar(60), MIN_ACTIVE_ROWVERSION(), 1)")[0]
        return f"mssql at {said(now)}Z, row version {said(lsn)}"


def mssql_column(row: tuple[bytes | None, ...]) -> SqlColumn:
    name, data, nullable, length, precision, scale, moment, collation = (said(value) for value in row)
    declared = data
    if data in ("decimal", "numeric"):
        declared = f"{data}({precision},{scale})"
    elif data in ("datetime2", "time", "datetimeoffset"):
        declared = f"{data}({moment})"
    elif length and data not in ("text", "ntext", "image", "xml"):
        declared = f"{data}({'max' if length == '-1' else length})"
    kind = _KINDS.get(data, "other")
    return SqlColumn(name, declared + (f" COLLATE {collation}" if collation else ""), nullable == "YES", kind, collation=collation)


def _text(value: str) -> str:
    return f"CAST(0x{value.encode('utf-16-le').hex()} AS nvarchar(128))"


def _connect(url: URL, options: Options) -> Any:
    import pymssql

    connection = pymssql.connect(
        server=url.host or "", port=str(url.port or 1433), user=url.username, password=str(url.password or ""),
        database=url.database or "", charset="UTF-8", login_timeout=10, timeout=int_option(options, "statement_seconds", 120),
        autocommit=not flag_option(options, "snapshot"), appname="hopnhat extract", read_only=True,
    )  # fmt: skip
    with connection.cursor() as cursor:
        for setting in session_settings(options):
            cursor.execute(setting)
    return connection


def session_settings(options: Options) -> list[str]:
    level = "SNAPSHOT" if flag_option(options, "snapshot") else "READ COMMITTED"
    lock = int_option(options, "lock_seconds", 1) * 1000
    return [f"SET LOCK_TIMEOUT {lock}", f"SET TRANSACTION ISOLATION LEVEL {level}", "SET DATEFORMAT ymd", "SET TEXTSIZE 2147483647"]
