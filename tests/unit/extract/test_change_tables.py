"""The SQL that asks a change table, where no server is at hand: change data capture of SQL Server, a log of Oracle."""

from __future__ import annotations

from typing import Any

import pytest

from hopnhat.extract.changes import ChangedSource, deleted_keys, last_change, reaches_back, window
from hopnhat.extract.contract import KeyRange
from hopnhat.extract.failures import mssql_failure, oracle_failure
from hopnhat.extract.mssql import MssqlDialect, MssqlSession
from hopnhat.extract.oracle import OracleDialect, OracleSession
from hopnhat.extract.sqlsource import SqlSource
from mappings.spec import Table

LSN = b"\x00\x00\x00\x2a\x00\x00\x01\x10\x00\x03"


class Cursor:
    def __init__(self, answers: Any, asked: list[str]) -> None:
        self._answers, self._asked, self._rows = answers, asked, list[tuple[Any, ...]]()

    def execute(self, sql: str) -> None:
        self._asked.append(sql)
        self._rows = list(self._answers(sql))

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def close(self) -> None:
        """Recorded: nothing to close."""


def recorded(session: Any, dialect: Any, failure: Any, answers: Any) -> tuple[SqlSource, list[str]]:
    asked: list[str] = []

    class Connection:
        def cursor(self) -> Cursor:
            return Cursor(answers, asked)

        def close(self) -> None:
            """Recorded: nothing to close."""

    return SqlSource("huyen", dialect, session("huyen", Connection, failure)), asked


def table(name: str, changes: dict[str, Any]) -> Table:
    base = {"name": name, "entity": "dossier", "key": ["ID"], "columns": {}, "expect": {"min_rows": 0, "max_rows": 9}}
    return Table.model_validate({**base, "changes": changes})


def test_change_data_capture_of_sql_server() -> None:
    def answer(sql: str) -> list[tuple[Any, ...]]:
        if "INFORMATION_SCHEMA.COLUMNS" in sql:
            log = [("__$start_lsn", "binary", "NO", 10, None, None, None, None), ("ID", "int", "NO", None, 10, 0, None, None)]
            return log if "cdc".encode("utf-16-le").hex() in sql else [log[1], ("Ten", "nvarchar", "YES", 50, None, None, None, None)]
        return next(
            (
                rows
                for mark, rows in {"max(": [(LSN,)], "NOT EXISTS": [("7",)], "EXISTS": [("1", "An")], "TOP (1)": [(1,)]}.items()
                if mark in sql
            ),
            [],
        )

    source, asked = recorded(MssqlSession, MssqlDialect(), mssql_failure, answer)
    spec = table("HoSo", {"table": "cdc.dbo_HoSo_CT", "key": ["ID"], "at": "__$start_lsn"})
    assert spec.changes is not None
    mark = last_change(source, spec.changes) or ""
    assert asked[-1] == "SELECT CAST(max(c.[__$start_lsn]) AS varbinary(max)) FROM [cdc].[dbo_HoSo_CT] c"
    assert reaches_back(source, spec.changes, mark)
    assert asked[-1] == f"SELECT TOP (1) 1 FROM [cdc].[dbo_HoSo_CT] c WHERE c.[__$start_lsn] <= 0x{LSN.hex()}"
    assert window(source, spec.changes, mark) == mark  # positions of the log come in the order of commits: no overlap
    rows = ChangedSource(source, spec).read("HoSo", ["ID"], KeyRange(0, ("0",), ("5",)), ["ID", "Ten"], ("__$start_lsn", mark))
    assert rows.to_pylist() == [{"ID": b"1", "Ten": b"An"}]
    named = f"SELECT 1 FROM [cdc].[dbo_HoSo_CT] c WHERE c.[ID] = t.[ID] AND c.[__$start_lsn] >= 0x{LSN.hex()}"
    assert asked[-1] == (
        "SELECT CONVERT(varchar(60), [ID]) AS [ID], [Ten] AS [Ten] FROM [HoSo] t WHERE t.[ID] > 0 AND t.[ID] <= 5"
        f" AND EXISTS ({named}) ORDER BY t.[ID]"
    )
    assert deleted_keys(source, spec, mark).to_pylist() == [{"ID": b"7"}]
    assert asked[-1] == (
        f"SELECT DISTINCT CONVERT(varchar(60), c.[ID]) AS [ID] FROM [cdc].[dbo_HoSo_CT] c WHERE c.[__$start_lsn] >= 0x{LSN.hex()}"
        " AND NOT EXISTS (SELECT 1 FROM [HoSo] t WHERE c.[ID] = t.[ID])"
    )


@pytest.mark.parametrize(("overlap", "since"), [(0, "2026-01-02 03:04:05.123456000"), (5, "2026-01-02 03:04:00.123456000")])
def test_a_log_with_a_moment_in_oracle(overlap: int, since: str) -> None:
    def answer(sql: str) -> list[tuple[Any, ...]]:
        if "ALL_TAB_COLUMNS" in sql:
            return [("ID", "NUMBER", "N", "22", "10", "0"), ("LUC", "TIMESTAMP(6)", "Y", "11", None, "6")]
        return [("2026-01-02 03:04:05.123456000",)] if "max(" in sql else []

    source, asked = recorded(OracleSession, OracleDialect(), oracle_failure, answer)
    spec = table("HO_SO", {"table": "NHAT_KY", "key": ["ID"], "at": "LUC", "overlap": overlap})
    assert spec.changes is not None
    mark = last_change(source, spec.changes) or ""
    assert window(source, spec.changes, mark) == since
    ChangedSource(source, spec).read("HO_SO", ["ID"], KeyRange(0, None, None), ["ID"], ("LUC", since))
    moment = f"TO_TIMESTAMP('{since}', 'YYYY-MM-DD HH24:MI:SS.FF9')"
    assert asked[-1].endswith(
        f'FROM "HO_SO" t WHERE EXISTS (SELECT 1 FROM "NHAT_KY" c WHERE c."ID" = t."ID" AND c."LUC" >= {moment}) ORDER BY t."ID"'
    )
    assert not reaches_back(source, spec.changes, mark)
