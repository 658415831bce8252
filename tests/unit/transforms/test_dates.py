"""Dates of every legacy form; days that do not exist never roll over."""

# ruff: noqa: DTZ001 - what is read here is wall time without a zone
from __future__ import annotations

from datetime import date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.codelists import sentinels
from transforms.dates import FORMATS, parse_partial_dates, parse_timestamps
from transforms.dates_partial import suspicious_first_january

WRITTEN = {
    "iso": "{t.year:04}-{t.month:02}-{t.day:02} {t.hour:02}:{t.minute:02}:{t.second:02}",
    "dd/mm/yyyy": "{t.day:02}/{t.month:02}/{t.year:04}",
    "dd/mm/yyyy hh:mm": "{t.day}/{t.month}/{t.year:04} {t.hour}:{t.minute:02}",
    "dd/mm/yyyy hh:mm:ss": "{t.day:02}-{t.month:02}-{t.year:04} {t.hour:02}:{t.minute:02}:{t.second:02}",
    "yyyymmddhhmmss": "{t.year:04}{t.month:02}{t.day:02}{t.hour:02}{t.minute:02}{t.second:02}",
    "yyyymmdd": "{t.year:04}{t.month:02}{t.day:02}",
}


def read(value: str | None, *formats: str, pivot: int | None = None) -> tuple[datetime | None, str | None, str | None]:
    done = parse_timestamps(pa.array([value], pa.string()), formats=formats or FORMATS, century_pivot=pivot)
    reject = None if done.reject is None else done.reject[0].as_py()
    warn = None if done.warn is None else done.warn[0].as_py()
    return done.values[0].as_py(), reject, warn


def test_every_format_has_an_example_here() -> None:
    assert set(WRITTEN) | {"excel-serial"} == set(FORMATS)


@pytest.mark.parametrize("name", WRITTEN)
@given(times=st.lists(st.datetimes(min_value=datetime(1, 1, 2)).map(lambda t: t.replace(microsecond=0)), max_size=20))
def test_reads_what_was_written(name: str, times: list[datetime]) -> None:
    done = parse_timestamps(pa.array([WRITTEN[name].format(t=time) for time in times], pa.string()), formats=[name])
    assert done.values.type == pa.timestamp("s")
    for time, got in zip(times, done.values.to_pylist(), strict=True):
        want = time.replace(second=0 if "ss" not in name and name != "iso" else time.second)
        want = want if "h" in name or name == "iso" else want.replace(hour=0, minute=0)
        assert got == want or (got is None and time.date().isoformat() in sentinels("date"))
    assert done.reject is None


@given(day=st.integers(0, 99), month=st.integers(0, 99), year=st.integers(1, 9999))
def test_no_day_rolls_over(day: int, month: int, year: int) -> None:
    got, reject, warn = read(f"{day:02}/{month:02}/{year:04}", "dd/mm/yyyy")
    try:
        want = date(year, month, day)
    except ValueError:
        assert got is None
        assert reject in ("date-impossible", "date-partial")
    else:
        assert (got is None and warn == "date-sentinel") or (got is not None and got.date() == want)


@pytest.mark.parametrize("value", ["31/02/2020", "29/02/2023", "31/04/2021", "30/02/2024", "2023-02-29", "20230229", "1/13/2020", "31.11.2020 08:00"])
def test_impossible_days_are_refused(value: str) -> None:
    assert read(value) == (None, "date-impossible", None)


@pytest.mark.parametrize("value", ["01/07/2025 24:00", "2025-07-01 08:60:00", "20250701250000"])
def test_impossible_times_are_refused(value: str) -> None:
    assert read(value) == (None, "date-impossible", None)


@pytest.mark.parametrize("value", ["0000-00-00", "00/00/0000", "0000-00-00 00:00:00", "00000000", "0"])
def test_zero_dates_are_null_with_a_warning(value: str) -> None:
    assert read(value) == (None, None, "date-zero")


@pytest.mark.parametrize("value", ["1900-01-01", "01/01/1900 00:00:00", "1970-01-01", "31/12/9999", "9999-12-31 23:59:59", "0001-01-01", "1753-01-01", "30/12/1899", "1"])
def test_sentinels_are_null_with_a_warning(value: str) -> None:
    assert read(value) == (None, None, "date-sentinel")


@pytest.mark.parametrize("value", ["00/00/1975", "00/05/1975", "0/5/1975", "1975-00-00", "1975"])
def test_partial_dates_are_refused_not_completed(value: str) -> None:
    assert read(value) == (None, "date-partial", None)


@pytest.mark.parametrize("value", ["abc", "01/07/25", "7/1/2025 8:00 AM", "01/07-2025", "2025/07/01", "45000x", "1.2E+4", "２０２５-07-01", "-5"])
def test_what_is_no_date_is_refused(value: str) -> None:
    assert read(value) == (None, "date-unreadable", None)


@pytest.mark.parametrize("value", ["", "   ", None, "\u00a0"])
def test_empty_is_null_without_a_code(value: str | None) -> None:
    assert read(value) == (None, None, None)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (" 01/07/2025\t", datetime(2025, 7, 1)), ("1.7.2025 8:05", datetime(2025, 7, 1, 8, 5)),
        ("2025-07-01T08:05:09.123", datetime(2025, 7, 1, 8, 5, 9)), ("2025-07-01T08:05:09+07:00", datetime(2025, 7, 1, 8, 5, 9)),
        ("2025-06-30T20:00:00Z", datetime(2025, 7, 1, 3)), ("2025-07-01 00:30:00 -0500", datetime(2025, 7, 1, 12, 30)),
        ("45839", datetime(2025, 7, 1)), ("45839.5", datetime(2025, 7, 1, 12)), ("61", datetime(1900, 3, 1)),
    ],
)
def test_untidy_forms(value: str, want: datetime) -> None:
    assert read(value) == (want, None, None)


def test_excel_never_had_a_sixtieth_day() -> None:
    assert read("60", "excel-serial") == (None, "date-impossible", None)
    assert read("2", "excel-serial")[0] == datetime(1900, 1, 2)


def test_two_digit_years_need_a_pivot() -> None:
    assert read("01/07/25", "dd/mm/yyyy")[1] == "date-unreadable"
    assert read("01/07/25", "dd/mm/yyyy", pivot=30)[0] == datetime(2025, 7, 1)
    assert read("01/07/31", "dd/mm/yyyy", pivot=30)[0] == datetime(1931, 7, 1)


def test_only_declared_formats_are_read_and_unknown_ones_are_an_error() -> None:
    assert read("20250701", "iso")[1] == "date-unreadable"
    with pytest.raises(ValueError, match="mm/dd"):
        parse_timestamps(pa.array(["1"]), formats=["mm/dd/yyyy"])
    with pytest.raises(ValueError, match="unknown"):
        parse_timestamps(pa.array(["1"]), formats=[])


def test_rows_keep_their_place_over_blocks_widths_and_nulls() -> None:
    texts = [None if i % 11 == 0 else f"{i % 28 + 1}/{i % 12 + 1}/{1980 + i % 40}" if i % 2 else "31/02/2020" for i in range(70_000)]
    done = parse_timestamps(pa.chunked_array([texts[:40_000], texts[40_000:]], pa.string()), formats=["dd/mm/yyyy"])
    for i in (0, 1, 2, 33, 32_767, 32_768, 39_999, 40_001, 69_999):
        want = None if i % 11 == 0 or i % 2 == 0 else datetime(1980 + i % 40, i % 12 + 1, i % 28 + 1)
        assert done.values[i].as_py() == want
        assert (done.reject[i].as_py() == "date-impossible") == (i % 11 != 0 and i % 2 == 0)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ("5/7/1975", (1975, 7, 5, "day")), ("1975-07-05", (1975, 7, 5, "day")), ("ngày 5 tháng 7 năm 1975", (1975, 7, 5, "day")),
        ("00/00/1975", (1975, None, None, "year")), ("0/0/1975", (1975, None, None, "year")), ("__/__/1975", (1975, None, None, "year")),
        ("  /  /1975", (1975, None, None, "year")), ("Năm 1975", (1975, None, None, "year")), ("1975-00-00", (1975, None, None, "year")),
        ("10/1975", (1975, 10, None, "month")), ("00/10/1975", (1975, 10, None, "month")), ("tháng 10 năm 1975", (1975, 10, None, "month")),
    ],
)
def test_partial_dates_keep_what_is_known(value: str, want: tuple[int, int | None, int | None, str]) -> None:
    read = parse_partial_dates(pa.array([value]))
    assert (read.year[0].as_py(), read.month[0].as_py(), read.day[0].as_py(), read.precision[0].as_py()) == want
    assert read.reject is None


def test_partial_dates_refuse_and_warn() -> None:
    read = parse_partial_dates(pa.array(["30/02/1975", "13/1975", "197?", "00/00/0000", "31/12/9999", "khoảng 1950", "", None]))
    assert read.year.to_pylist() == [None, None, None, None, None, 1950, None, None]
    assert read.reject is not None
    assert read.reject.to_pylist() == ["date-impossible", "date-impossible", "date-unreadable", None, None, None, None, None]
    assert read.warn is not None
    assert read.warn.to_pylist() == [None, None, None, "date-zero", "date-sentinel", "date-about", None, None]


def test_too_many_first_of_january_are_noticed() -> None:
    ordinary = [f"{i % 28 + 1}/{i // 28 % 12 + 1}/1975" for i in range(1000)]
    assert not suspicious_first_january(parse_partial_dates(pa.array(ordinary)))
    assert suspicious_first_january(parse_partial_dates(pa.array([*ordinary, *["01/01/1960"] * 50])))
