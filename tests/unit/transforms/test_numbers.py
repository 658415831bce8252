"""Amounts, counts and zero-padded codes as people and Excel write them."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.columns import Converted
from transforms.numbers import amounts, integers, padded_codes


def first(done: Converted) -> tuple[object, str | None, str | None]:
    reasons = [None if column is None else column[0].as_py() for column in (done.reject, done.warn)]
    return done.values[0].as_py(), reasons[0], reasons[1]


@pytest.mark.parametrize(
    ("value", "want", "reject", "warn"),
    [
        ("1234567", "1234567", None, None), ("1234567.5", "1234567.5", None, None), ("1.234.567", "1234567", None, None),
        ("1.234.567,50", "1234567.50", None, None), ("1,234,567.50", "1234567.50", None, None), ("12,5", "12.5", None, None),
        ("50.000", "50000", None, "number-grouped"), ("50,000", "50000", None, "number-grouped"), ("50.000 đ", "50000", None, "number-grouped"),
        ("1 234 567 VNĐ", "1234567", None, None), ("-5", "-5", None, None), ("−7", "-7", None, None), ("0", "0", None, None),
        ("1.23E+11", None, "number-scientific", None), ("1e3", None, "number-scientific", None), ("12.345,678", None, "number-precision", None),
        ("12 nghìn", None, "number-unreadable", None), ("1.2.3", None, "number-unreadable", None), ("đ", None, "number-unreadable", None),
        ("99999999999999999", None, "number-too-large", None), ("٣", None, "number-unreadable", None), ("", None, None, None),
    ],
)
def test_amounts(value: str, want: str | None, reject: str | None, warn: str | None) -> None:
    got = first(amounts(pa.array([value])))
    assert got == (None if want is None else Decimal(want), reject, warn)


@given(st.lists(st.one_of(st.none(), st.decimals(-(10**12), 10**12, places=2)), max_size=20))
def test_plain_and_vietnamese_writing_mean_the_same(numbers: list[Decimal | None]) -> None:
    plain = amounts(pa.array([None if number is None else f"{number:f}" for number in numbers], pa.string()))
    grouped = [None if number is None else f"{number:,.2f}".translate(str.maketrans(",.", ".,")) for number in numbers]
    assert plain.values.to_pylist() == numbers
    assert amounts(pa.array(grouped, pa.string())).values.to_pylist() == numbers
    assert plain.reject is None


@pytest.mark.parametrize(
    ("value", "want", "reject"),
    [("12", 12, None), ("12.0", 12, None), ("12.5", None, "number-precision"), ("1.234", 1234, None), (" 7 ", 7, None), ("abc", None, "number-unreadable"), ("", None, None)],
)
def test_integers(value: str, want: int | None, reject: str | None) -> None:
    assert first(integers(pa.array([value])))[:2] == (want, reject)


@pytest.mark.parametrize(
    ("value", "want", "reject", "warn"),
    [
        ("4", "00004", None, "code-zero-restored"), ("00004", "00004", None, None), ("79.0", "00079", None, "code-zero-restored"),
        ("123456", None, "code-too-long", None), ("4a", None, "code-unreadable", None), ("", None, None, None),
    ],
)
def test_padded_codes(value: str, want: str | None, reject: str | None, warn: str | None) -> None:
    assert first(padded_codes(pa.array([value]), width=5)) == (want, reject, warn)


def test_a_column_of_nulls_has_no_reasons() -> None:
    for convert in (amounts, integers):
        done = convert(pa.nulls(3, pa.string()))
        assert done.values.null_count == 3
        assert done.reject is None
        assert convert(pa.nulls(2)).values.null_count == 2


def test_rows_keep_their_place() -> None:
    values = [str(i) if i % 3 else f"{i:,}".replace(",", ".") for i in range(2_000_000, 2_040_000)]
    values[100], values[200] = "1E5", ""
    done = amounts(pa.array(values))
    assert done.values[99].as_py() == 2_000_099
    assert done.values[100].as_py() is None
    assert done.reject is not None
    assert done.reject[100].as_py() == "number-scientific"
    assert done.reject.null_count == len(values) - 1
