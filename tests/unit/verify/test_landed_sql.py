"""The SQL that reads landed bytes: certain text is read, the rest is marked, nothing is lost."""

from __future__ import annotations

import duckdb
import pytest

from hopnhat.verify.landed import backslashed, day_expression, key_expression, readable, strptime_formats


def value(expression: str, **columns: bytes | None) -> object:
    with duckdb.connect() as db:
        db.create_function("backslashed", backslashed, ["BLOB"], "VARCHAR", null_handling="special")  # type: ignore[call-overload]
        names = ", ".join(f"?::blob as {name}" for name in columns)
        return db.execute(f"select {expression} from (select {names})", list(columns.values())).fetchall()[0][0]


@pytest.mark.parametrize(
    ("encoding", "transport", "raw", "read"),
    [
        ("utf-8", "bytes", "Đã trả".encode(), "Đã trả"),
        ("utf-8", "bytes", b"\xb5", "hex:B5"),
        ("utf-8", "bytes", None, ""),
        ("tcvn3", "bytes", b"5", "5"),
        ("tcvn3", "bytes", b"\xa7\xb7 tr\xb6", "hex:A7B7207472B6"),
        ("tcvn3", "bytes", None, ""),
        ("tcvn3", "text", "Đã trả".encode(), "Đã trả"),
    ],
)
def test_text_is_read_only_where_the_encoding_makes_it_certain(encoding: str, transport: str, raw: bytes | None, read: str) -> None:
    assert value(readable("c", encoding, transport), c=raw) == read


def test_composite_and_undecodable_keys_are_spelled_as_the_target_spells_them() -> None:
    assert value(key_expression(["a", "b"]), a=b"7", b=None) == "7|"
    assert value(key_expression(["a"]), a=b"\xe9 1") == "\\xe9 1"


@pytest.mark.parametrize(
    ("raw", "day"),
    [("2024-03-05 10:00:00", "2024-03-05"), ("2024-03-05T23:30:00Z", "zone"), ("2024-03-05 10:00:00.000", "2024-03-05"), ("5/3/2024", "5/3/2024")],
)
def test_a_time_with_a_zone_is_not_taken_for_a_local_day(raw: str, day: str) -> None:
    assert value(day_expression("decode(c)"), c=raw.encode()) == day


def test_formats_that_sql_cannot_read_are_left_out() -> None:
    assert strptime_formats(["excel-serial"]) == []
    assert strptime_formats(["yyyymmddhhmmss"])[0] == "%Y%m%d"
