"""SQL Server and Oracle without a server: the SQL that is sent, the type mapping, and a recorded cursor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hopnhat.extract.contract import KeyRange
from hopnhat.extract.failures import mssql_failure, oracle_failure
from hopnhat.extract.mssql import MssqlDialect, MssqlSession, mssql_column
from hopnhat.extract.mssql import session_settings as mssql_settings
from hopnhat.extract.oracle import OracleDialect, OracleSession, oracle_column
from hopnhat.extract.oracle import session_settings as oracle_settings
from hopnhat.extract.sqlsource import Dialect, Session, SqlSource
from hopnhat.model.errors import MappingError, SourceAccessError, SourceDriftError, SourceUnavailableError

Answers = list[tuple[str, list[tuple[object, ...]]]]


class RecordedCursor:
    """Answers statements as a server was seen to answer them; keeps what it was asked."""

    def __init__(self, answers: Answers, asked: list[str]) -> None:
        self._answers, self._asked, self._rows = answers, asked, list[tuple[object, ...]]()

    def execute(self, sql: str) -> None:
        self._asked.append(sql)
        found = [rows for mark, rows in self._answers if mark in sql]
        assert found, f"no recorded answer for: {sql}"
        self._rows = list(found[0])

    def fetchall(self) -> list[tuple[object, ...]]:
        return self._rows

    def fetchmany(self, size: int) -> list[tuple[object, ...]]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def close(self) -> None:
        """Recorded: nothing to close."""


def recorded(session: Callable[..., Session], dialect: Dialect, failure: Any, answers: Answers) -> tuple[SqlSource, list[str]]:
    asked: list[str] = []

    class Connection:
        def cursor(self) -> RecordedCursor:
            return RecordedCursor(answers, asked)

        def close(self) -> None:
            """Recorded: nothing to close."""

    return SqlSource("huyen", dialect, session("huyen", Connection, failure)), asked


MSSQL: Answers = [
    ("INFORMATION_SCHEMA.COLUMNS", [
        ("ID", "int", "NO", None, 10, 0, None, None), ("HoTen", "varchar", "YES", 50, None, None, None, "Vietnamese_CI_AS"),
        ("DiaChi", "nvarchar", "YES", -1, None, None, None, "Vietnamese_CI_AS"), ("Luc", "datetime2", "YES", None, None, None, 7, None),
        ("Phi", "money", "YES", None, 19, 4, None, None), ("Ma", "uniqueidentifier", "YES", None, None, None, None, None),
    ]),
    ("KEY_COLUMN_USAGE", [("ID",)]), ("sys.partitions", [(2,)]),
    ("CAST([HoTen] AS varbinary(max))", [
        ("1", b"Nguy\xd4n", "Đường Ý", "2020-01-02 03:04:05.1234567", "12.5000", "11223344-5566-7788-99aa-bbccddeeff00"),
        ("2", None, "", None, None, None),
    ]),
    ("SELECT TOP (1) CONVERT(varchar(60), s.k0)", [("2",)]), ("SELECT TOP (1) 1", []), ("count(*)", [(2,)]), ("min(", [("1", "2")]),
]  # fmt: skip


def test_sql_server_contract_on_a_recorded_cursor() -> None:
    source, asked = recorded(MssqlSession, MssqlDialect(), mssql_failure, MSSQL)
    shape = source.shape("HoSo")
    assert [(c.name, c.declared_type, c.transport) for c in shape.columns] == [
        ("ID", "int", "text"), ("HoTen", "varchar(50) COLLATE Vietnamese_CI_AS", "bytes"), ("DiaChi", "nvarchar(max) COLLATE Vietnamese_CI_AS", "text"),
        ("Luc", "datetime2(7)", "text"), ("Phi", "money", "text"), ("Ma", "uniqueidentifier", "text"),
    ]  # fmt: skip
    assert (shape.primary_key, shape.row_estimate) == (("ID",), 2)
    frame = source.read("HoSo", ["ID"], KeyRange(0, ("0",), ("5",)), [c.name for c in shape.columns], since=("Luc", "2020-01-01 00:00:00.0000001"))
    assert frame.to_pylist() == [
        {"ID": b"1", "HoTen": b"Nguy\xd4n", "DiaChi": "Đường Ý".encode(), "Luc": b"2020-01-02 03:04:05.1234567", "Phi": b"12.5000",
         "Ma": b"11223344-5566-7788-99aa-bbccddeeff00"},
        {"ID": b"2", "HoTen": None, "DiaChi": b"", "Luc": None, "Phi": None, "Ma": None},
    ]  # fmt: skip
    assert asked[-1] == (
        "SELECT CONVERT(varchar(60), [ID]) AS [ID], CAST([HoTen] AS varbinary(max)) AS [HoTen], [DiaChi] AS [DiaChi],"
        " CONVERT(varchar(40), [Luc], 121) AS [Luc], CONVERT(varchar(40), [Phi], 2) AS [Phi], LOWER(CONVERT(varchar(36), [Ma])) AS [Ma]"
        " FROM [HoSo] t WHERE t.[ID] > 0 AND t.[ID] <= 5 AND"
        " (t.[Luc] >= CONVERT(datetime2(7), '2020-01-01 00:00:00.0000001', 121) OR t.[Luc] IS NULL) ORDER BY t.[ID]"
    )
    assert source.ranges("HoSo", ["ID"], 1) == [KeyRange(0, None, ("1",)), KeyRange(1, ("1",), None)]
    assert asked[-2] == "SELECT CONVERT(varchar(60), min(t.[ID])), CONVERT(varchar(60), max(t.[ID])) FROM [HoSo] t"
    assert source.boundary("HoSo", ["ID"], 2, None, None) is None
    assert asked[-2] == (
        "SELECT TOP (1) CONVERT(varchar(60), s.k0) FROM (SELECT TOP (2) t.[ID] AS k0 FROM [HoSo] t WHERE 1 = 1 ORDER BY t.[ID]) s ORDER BY s.k0 DESC"
    )
    assert source.count("HoSo") == 2
    assert not [sql for sql in asked if "OFFSET" in sql.upper()]


@pytest.mark.parametrize(
    ("row", "raw", "bound", "literal"),
    [
        (("c", "varchar", "YES", "9", "", "", "", "Vietnamese_CI_AS"), "CAST([c] AS varbinary(max))", "Nguy\\xd4n", "CAST(0x4e677579d46e AS varchar(8000)) COLLATE Vietnamese_CI_AS"),
        (("c", "nvarchar", "YES", "9", "", "", "", ""), "[c]", "h\\xe1\\xbb\\x93", "CAST(0x6800d31e AS nvarchar(4000))"),
        (("c", "datetime", "YES", "", "", "", "3", ""), "CONVERT(varchar(40), [c], 121)", "2020-01-01 00:00:00.003", "CONVERT(datetime, '2020-01-01 00:00:00.003', 121)"),
        (("c", "date", "YES", "", "", "", "0", ""), "CONVERT(varchar(40), [c], 23)", "2020-01-01", "CONVERT(date, '2020-01-01', 23)"),
        (("c", "float", "YES", "", "53", "", "", ""), "CONVERT(varchar(40), [c], 3)", "1.5e10", "1.5e10"),
        (("c", "bit", "YES", "", "", "", "", ""), "CONVERT(varchar(1), [c])", "1", "CAST(1 AS bit)"),
        (("c", "varbinary", "YES", "16", "", "", "", ""), "CAST([c] AS varbinary(max))", "\\x00a", "0x0061"),
        (("c", "text", "YES", "", "", "", "", ""), "CAST(CAST([c] AS varchar(max)) AS varbinary(max))", "a", "CAST(0x61 AS varchar(8000))"),
        (("c", "decimal", "YES", "", "38", "30", "", ""), "CONVERT(varchar(60), [c])", "1.5", "1.5"),
        (("c", "uniqueidentifier", "YES", "", "", "", "", ""), "LOWER(CONVERT(varchar(36), [c]))", "11", "CAST(CAST(0x3131 AS varchar(36)) AS uniqueidentifier)"),
    ],
)  # fmt: skip
def test_sql_server_types(row: tuple[str, ...], raw: str, bound: str, literal: str) -> None:
    column = mssql_column(tuple(value.encode() for value in row))
    assert MssqlDialect().raw(column) == raw
    assert MssqlDialect().literal(column, bound) == literal


ORACLE: Answers = [
    ("ALL_TAB_COLUMNS", [("ID", "NUMBER", "N", "22", "10", "0"), ("HO_TEN", "VARCHAR2", "Y", "200", None, None), ("NGAY", "DATE", "Y", "7", None, None)]),
    ("ALL_CONSTRAINTS", [("ID",)]), ("ALL_TABLES", [("2",)]), ("UTL_RAW.CAST_TO_RAW(\"HO_TEN\")", [("1", b"\xb8\xb5", "2020-01-02 03:04:05"), ("2", None, None)]),
]  # fmt: skip


def test_oracle_contract_on_a_recorded_cursor() -> None:
    source, asked = recorded(OracleSession, OracleDialect(), oracle_failure, ORACLE)
    shape = source.shape("HO_SO")
    assert [(c.name, c.declared_type, c.nullable, c.transport) for c in shape.columns] == [
        ("ID", "NUMBER(10,0)", False, "text"), ("HO_TEN", "VARCHAR2(200)", True, "bytes"), ("NGAY", "DATE", True, "text"),
    ]  # fmt: skip
    frame = source.read("HO_SO", ["NGAY", "ID"], KeyRange(0, None, ("2020-01-02 00:00:00", "7")), ["ID", "HO_TEN", "NGAY"])
    assert frame.to_pylist() == [{"ID": b"1", "HO_TEN": b"\xb8\xb5", "NGAY": b"2020-01-02 03:04:05"}, {"ID": b"2", "HO_TEN": None, "NGAY": None}]
    day = "TO_DATE('2020-01-02 00:00:00', 'YYYY-MM-DD HH24:MI:SS')"
    assert asked[-1] == (
        "SELECT TO_CHAR(\"ID\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') AS \"ID\", UTL_RAW.CAST_TO_RAW(\"HO_TEN\") AS \"HO_TEN\","
        " TO_CHAR(\"NGAY\", 'YYYY-MM-DD HH24:MI:SS') AS \"NGAY\" FROM \"HO_SO\" t WHERE"
        f' ((t."NGAY" <= {day} AND (t."NGAY" < {day} OR t."ID" <= 7)) OR t."NGAY" IS NULL) ORDER BY t."NGAY", t."ID"'
    )


@pytest.mark.parametrize(
    ("row", "raw", "bound", "literal"),
    [
        (("C", "VARCHAR2", "Y", "4000", "", ""), '"C"', "a", "UTL_RAW.CAST_TO_NVARCHAR2(HEXTORAW('0061'))"),
        (("C", "TIMESTAMP(9)", "Y", "11", "", "9"), "TO_CHAR(\"C\", 'YYYY-MM-DD HH24:MI:SS.FF9')", "2020-01-01 00:00:00.123456789",
         "TO_TIMESTAMP('2020-01-01 00:00:00.123456789', 'YYYY-MM-DD HH24:MI:SS.FF9')"),
        (("C", "RAW", "Y", "16", "", ""), '"C"', "\\x00\\xff", "HEXTORAW('00ff')"),
        (("C", "CHAR", "Y", "5", "", ""), 'UTL_RAW.CAST_TO_RAW("C")', "\\xb8'", "UTL_RAW.CAST_TO_VARCHAR2(HEXTORAW('b827'))"),
        (("C", "BINARY_DOUBLE", "Y", "8", "", ""), "TO_CHAR(\"C\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')", "-1.5", "-1.5"),
    ],
)  # fmt: skip
def test_oracle_types(row: tuple[str, ...], raw: str, bound: str, literal: str) -> None:
    column = oracle_column(tuple(value.encode() for value in row))
    assert OracleDialect().raw(column) == raw
    assert OracleDialect().literal(column, bound) == literal


def test_keyless_tables_go_by_physical_address() -> None:
    for session, dialect, failure, answers, said in (
        (MssqlSession, MssqlDialect(), mssql_failure, MSSQL, "ORDER BY t.%%physloc%%"),
        (OracleSession, OracleDialect(), oracle_failure, ORACLE, "ORDER BY t.ROWID"),
    ):
        source, asked = recorded(session, dialect, failure, answers)
        source.read("HoSo", [], KeyRange(0, None, None), [c.name for c in source.shape("HoSo").columns])
        assert asked[-1].endswith(said)


@pytest.mark.parametrize("bound", ["1; DROP TABLE x", "1 OR 1=1", "", "0x1"])
def test_a_number_bound_that_is_no_number_never_reaches_the_server(bound: str) -> None:
    with pytest.raises(MappingError):
        MssqlDialect().literal(mssql_column((b"c", b"int", b"NO", None, None, None, None, None)), bound)
    with pytest.raises(MappingError):
        OracleDialect().literal(oracle_column((b"C", b"NUMBER", b"N", b"22", b"", b"")), bound)


def test_sessions_are_read_only_and_limited() -> None:
    assert mssql_settings({"snapshot": True, "lock_seconds": 2})[:2] == ["SET LOCK_TIMEOUT 2000", "SET TRANSACTION ISOLATION LEVEL SNAPSHOT"]
    assert "SET TRANSACTION READ ONLY" in oracle_settings({"snapshot": True})


def test_real_drivers_tell_an_unreachable_server_apart_from_a_missing_table() -> None:
    """The drivers themselves, against a closed port; the server's own codes as recorded."""
    import oracledb
    import pymssql

    from hopnhat.extract.technologies import open_source

    for technology in ("oracle", "mssql"):
        with pytest.raises(SourceUnavailableError) as caught:
            open_source(technology, f"{technology}://u:mat-khau@127.0.0.1:1/db", {"system": "s"}).tables()
        assert "mat-khau" not in str(caught.value)
    assert isinstance(mssql_failure(pymssql.ProgrammingError((208, b"Invalid object name 'x'")), "s"), SourceDriftError)
    assert isinstance(mssql_failure(pymssql.OperationalError((18456, b"Login failed")), "s"), SourceAccessError)
    assert oracle_failure(oracledb.DatabaseError(type("E", (), {"code": 942, "full_code": "ORA-00942"})()), "s").__class__ is SourceDriftError
    assert oracle_failure(oracledb.DatabaseError(type("E", (), {"code": 1017, "full_code": "ORA-01017"})()), "s").__class__ is SourceAccessError
    assert mssql_failure(ValueError("x"), "s") is None
