"""Oracle through python-oracledb's thin mode (database 12.1 or later; no Oracle client needed).

VARCHAR2 and CHAR up to 2000 bytes come as their stored bytes in the database character set; longer ones, NVARCHAR2 and
CLOB as UTF-8 text; everything else rendered by the server. Oracle stores empty text as NULL: the two cannot be told
apart. DATE has a time of day. Options: `snapshot: true` (one READ ONLY transaction: all reads show one SCN),
`statement_seconds` (120). Tables of another owner are named OWNER.TABLE.
State: no server is available to the tests; the SQL, type mapping and a recorded cursor are tested (docs/sources.md).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import URL, make_url

from hopnhat.extract.contract import Transport
from hopnhat.extract.dbapi import DbapiSession, said
from hopnhat.extract.failures import oracle_failure
from hopnhat.extract.frames import Options, flag_option, int_option, known_options, text_option
from hopnhat.extract.keyset import bound_bytes
from hopnhat.extract.sqlsource import Kind, SqlColumn, SqlSource, SqlTable, checked_bound

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("NUMBER", "FLOAT", "INTEGER"), "number"),
    **dict.fromkeys(("BINARY_FLOAT", "BINARY_DOUBLE"), "float"),
    **dict.fromkeys(("VARCHAR2", "CHAR", "VARCHAR"), "text"),
    **dict.fromkeys(("NVARCHAR2", "NCHAR", "CLOB", "NCLOB", "LONG"), "unicode"),
    **dict.fromkeys(("RAW", "BLOB", "LONG RAW"), "binary"),
}
_NUMERIC = "NLS_NUMERIC_CHARACTERS=''.,''"


def open_source(url: str, options: Options) -> SqlSource:
    """URL as SQLAlchemy writes it: oracle://user:password@host:port/?service_name=NAME (or /NAME)."""
    known_options(options, ("snapshot", "statement_seconds"), "oracle")
    system = text_option(options, "system")
    parsed = make_url(url)
    return SqlSource(system, OracleDialect(), OracleSession(system, lambda: _connect(parsed, options), oracle_failure))


class OracleDialect:
    def quote(self, name: str) -> str:
        return '"' + name.replace('"', "") + '"'  # Oracle has no way to write a quote inside a name

    def raw(self, column: SqlColumn, expression: str = "") -> str:
        value = expression or self.quote(column.name)
        if column.kind == "time":
            return f"TO_CHAR({value}, '{_format(column)}')"
        by_kind = {
            "text": f"UTL_RAW.CAST_TO_RAW({value})", "unicode": value, "binary": value, "address": f"ROWIDTOCHAR({value})",
            "number": f"TO_CHAR({value}, 'TM9', '{_NUMERIC}')",
            "float": f"TO_CHAR({value}, 'TM9', '{_NUMERIC}')",
        }  # fmt: skip
        return by_kind.get(column.kind, f"TO_CHAR({value})")

    def transport(self, column: SqlColumn) -> Transport:
        return "bytes" if column.kind in ("text", "binary") else "text"

    def literal(self, column: SqlColumn, bound: str) -> str:
        if column.kind in ("number", "float"):
            return checked_bound(column, bound)
        if column.kind == "time":
            reader = "TO_DATE" if column.declared_type == "DATE" else "TO_TIMESTAMP_TZ" if "ZONE" in column.declared_type else "TO_TIMESTAMP"
            return f"{reader}('{checked_bound(column, bound)}', '{_format(column)}')"
        raw = bound_bytes(bound)
        if column.kind == "binary":
            return f"HEXTORAW('{raw.hex()}')"
        if column.kind == "address":
            return f"CHARTOROWID(UTL_RAW.CAST_TO_VARCHAR2(HEXTORAW('{raw.hex()}')))"
        if column.kind == "unicode":
            return f"UTL_RAW.CAST_TO_NVARCHAR2(HEXTORAW('{raw.decode('utf-8').encode('utf-16-be').hex()}'))"
        return f"UTL_RAW.CAST_TO_VARCHAR2(HEXTORAW('{raw.hex()}'))"

    def limited(self, select: str, rows: int) -> str:
        return f"SELECT * FROM ({select}) WHERE ROWNUM <= {rows}"

    def physical(self, table: SqlTable) -> tuple[str, SqlColumn]:
        return "ROWID", SqlColumn("ROWID", "ROWID", False, "address")


def _format(column: SqlColumn) -> str:
    """Every digit the type can hold."""
    if column.declared_type == "DATE":
        return "YYYY-MM-DD HH24:MI:SS"
    return "YYYY-MM-DD HH24:MI:SS.FF9" + (" TZH:TZM" if "ZONE" in column.declared_type else "")


class OracleSession(DbapiSession):
    def tables(self) -> list[str]:
        found = self.rows("SELECT TABLE_NAME FROM USER_TABLES UNION SELECT VIEW_NAME FROM USER_VIEWS ORDER BY 1")
        return [said(row[0]) for row in found]

    def describe(self, table: str) -> SqlTable | None:
        owner, _, name = table.rpartition(".")
        of = _text(owner) if owner else "SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')"
        listed = self.rows(
            "SELECT COLUMN_NAME, DATA_TYPE, NULLABLE, TO_CHAR(DATA_LENGTH), TO_CHAR(DATA_PRECISION), TO_CHAR(DATA_SCALE)"
            f" FROM ALL_TAB_COLUMNS WHERE OWNER = {of} AND TABLE_NAME = {_text(name)} ORDER BY COLUMN_ID"
        )
        if not listed:
            return None
        keys = self.rows(
            "SELECT k.COLUMN_NAME FROM ALL_CONSTRAINTS c JOIN ALL_CONS_COLUMNS k ON k.OWNER = c.OWNER"
            " AND k.CONSTRAINT_NAME = c.CONSTRAINT_NAME WHERE c.CONSTRAINT_TYPE = 'P'"
            f" AND c.OWNER = {of} AND c.TABLE_NAME = {_text(name)} ORDER BY k.POSITION"
        )
        estimate = self.rows(f"SELECT TO_CHAR(NUM_ROWS) FROM ALL_TABLES WHERE OWNER = {of} AND TABLE_NAME = {_text(name)}")
        rows = int(estimate[0][0]) if estimate and estimate[0][0] else None
        return SqlTable(tuple(oracle_column(row) for row in listed), tuple(said(row[0]) for row in keys), rows)

    def position(self) -> str:
        (now,) = self.rows("SELECT TO_CHAR(SYS_EXTRACT_UTC(SYSTIMESTAMP), 'YYYY-MM-DD HH24:MI:SS.FF6') FROM DUAL")[0]
        return f"oracle at {said(now)}Z"


def oracle_column(row: tuple[bytes | None, ...]) -> SqlColumn:
    name, data, nullable, length, precision, scale = (said(value) for value in row)
    kind = _KINDS.get(data, "time" if data == "DATE" or data.startswith("TIMESTAMP") else "other")
    declared = data
    if kind == "text":
        declared = f"{data}({length})"
        if int(length or 0) > 2000:  # RAW in SQL ends there
            kind = "unicode"
    elif data == "NUMBER" and precision:
        declared = f"NUMBER({precision},{scale or 0})"
    return SqlColumn(name, declared, nullable == "Y", kind)


def _text(value: str) -> str:
    return f"UTL_RAW.CAST_TO_VARCHAR2(HEXTORAW('{value.encode().hex()}'))"


def _connect(url: URL, options: Options) -> Any:
    import oracledb

    oracledb.defaults.fetch_lobs = False
    service = str(url.query.get("service_name") or url.database or "")
    connection = oracledb.connect(
        user=url.username, password=str(url.password or ""), host=url.host, port=url.port or 1521, service_name=service,
        tcp_connect_timeout=10,
    )  # fmt: skip
    connection.call_timeout = int_option(options, "statement_seconds", 120) * 1000
    with connection.cursor() as cursor:
        for setting in session_settings(options):
            cursor.execute(setting)
    return connection


def session_settings(options: Options) -> list[str]:
    """READ ONLY gives one SCN to all statements of the transaction and forbids every change."""
    zone = ["ALTER SESSION SET TIME_ZONE = '+07:00'"]
    return [*zone, "SET TRANSACTION READ ONLY"] if flag_option(options, "snapshot") else zone
