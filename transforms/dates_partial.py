"""Dates of old registers: often only a year, or month and year. A date column alone would lose them."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from mappings.codelists import sentinels
from transforms.distinct import combine, first_of

_DAY, _MONTH, _YEAR = r"(\d{1,2}|[_?xX]{1,2}|--?)", r"(\d{1,2}|[_?xX]{1,2}|--?)", r"(\d{4})"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"(?P<d>{_DAY[1:-1]})\s*[/.-]\s*(?P<m>{_MONTH[1:-1]})\s*[/.-]\s*(?P<y>\d{{4}})(?: 00:00(?::00)?)?",
        r"(?P<y>\d{4})-(?P<m>\d{2})(?:-(?P<d>\d{2}))?(?:[T ]00:00(?::00)?)?",
        r"(?:tháng )?(?P<m>\d{1,2})\s*[/.-]\s*(?P<y>\d{4})",
        r"(?:ngày )?(?P<d>\d{1,2}) tháng (?P<m>\d{1,2})(?: năm|,)? (?P<y>\d{4})",
        r"tháng (?P<m>\d{1,2}) năm (?P<y>\d{4})",
        r"(?:sinh )?(?:năm )?(?P<y>\d{4})",
        r"[/.\s-]+(?P<y>\d{4})",
    )
)
_ABOUT = re.compile(r"^(?:khoảng|chừng|độ|≈|~)\s*")
_NOTHING = re.compile(r"^[\s/_.0-]*$")


@dataclass(frozen=True)
class PartialDates:
    """Five columns and the reasons. `precision`: day | month | year, null where there is no date.

    `year`, `month`, `day` are int16; month and day are null where the source does not say them.
    """

    year: pa.Array
    month: pa.Array
    day: pa.Array
    precision: pa.Array
    reject: pa.Array | None = None
    warn: pa.Array | None = None


class _Read(NamedTuple):
    year: int | None = None
    month: int | None = None
    day: int | None = None
    precision: str | None = None
    reject: str | None = None
    warn: str | None = None


def parse_partial_dates(values: pa.Array | pa.ChunkedArray) -> PartialDates:
    """Read dates that may lack day or month: `5/7/1975`, `00/00/1975`, `__/10/1975`, `10/1975`, `năm 1975`, `1975-10`.

    Reject codes: date-impossible (31/02, month 13), date-unreadable. Warn codes: date-zero and date-sentinel (no date
    left), date-about ("khoảng 1950"). Empty → null without a code. Once per distinct value.
    """
    whole = combine(values)
    coded = (whole.cast(pa.string()) if pa.types.is_null(whole.type) else whole).dictionary_encode()
    read = [read_partial_date(value) for value in coded.dictionary.to_pylist()]
    kinds = (pa.int16(), pa.int16(), pa.int16(), pa.string(), pa.string(), pa.string())
    columns = [pa.array([one[i] for one in read], kind).take(coded.indices) for i, kind in enumerate(kinds)]
    year, month, day, precision, reject, warn = columns
    return PartialDates(year, month, day, precision, first_of(reject), first_of(warn))


def read_partial_date(value: str) -> _Read:
    """Read one value.

    >>> read_partial_date("__/10/1975")[:4], read_partial_date("30/02/1975").reject
    ((1975, 10, None, 'month'), 'date-impossible')
    """
    plain = " ".join(unicodedata.normalize("NFC", value).lower().split())
    if not plain:
        return _Read()
    if _NOTHING.match(plain):
        return _Read(warn="date-zero") if "0" in plain else _Read(warn="date-empty-form")
    shorter = _ABOUT.sub("", plain)
    found = next((hit for form in _FORMS if (hit := form.fullmatch(shorter))), None)
    if found is None:
        return _Read(reject="date-unreadable")
    parts = {"d": None, "m": None} | found.groupdict()
    return _checked(_number(parts["y"]), _number(parts["m"]), _number(parts["d"]), about=shorter != plain)


def _number(text: str | None) -> int | None:
    """Digits above zero; 00, __ and ?? are "not said"."""
    return int(text) if text and text.isascii() and text.isdigit() and int(text) else None


def _checked(year: int | None, month: int | None, day: int | None, *, about: bool) -> _Read:
    if year is None:
        return _Read(reject="date-unreadable")
    if (month or 1) > 12 or (day or 1) > (monthrange(year, month)[1] if month and month <= 12 else 31):
        return _Read(reject="date-impossible")
    if month and day and f"{year:04}-{month:02}-{day:02}" in sentinels("date") and (year, month, day) != (1970, 1, 1):
        return _Read(warn="date-sentinel")
    warn = "date-about" if about else None
    if month is None:
        return _Read(year, None, None, "year", None, warn or ("date-day-without-month" if day else None))
    return _Read(year, month, day, "day" if day else "month", None, warn)


def suspicious_first_january(partial: PartialDates) -> bool:
    """Whether 1 January is so frequent that many of them only mean "some day of that year" (over 3 times its share)."""
    days = partial.precision.filter(pc.equal(partial.precision, "day"))
    first = pc.and_(pc.equal(partial.month, 1), pc.equal(partial.day, 1))
    hits = pc.sum(pc.fill_null(first, False)).as_py() or 0
    return len(days) >= 365 and hits > 3 * len(days) / 365
