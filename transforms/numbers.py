"""Numbers written by people and by Excel: amounts, counts, and codes that lost their leading zeros."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columns import Converted
from transforms.distinct import code_where, combine, first_of, on_distinct, replace_at

AMOUNT = pa.decimal128(18, 2)
_LARGEST = Decimal(10) ** 16
_PLAIN_AMOUNT = r"^-?\d{1,15}(?:\.\d{1,2})?$"
_MANY_GROUPS = r"^-?\d{1,3}(?:\.\d{3}){2,4}$"
_PLAIN_INTEGER = r"^-?\d{1,18}$"
_CURRENCY = re.compile(r"\s*(?:đồng|đ|vnđ|vnd|₫)\.?$", re.IGNORECASE)
_SCIENTIFIC = re.compile(r"^[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+$")
_DOT_GROUPS = re.compile(r"^\d{1,3}(?:\.\d{3})+(?:,\d+)?$")
_COMMA_GROUPS = re.compile(r"^\d{1,3}(?:,\d{3})+(?:\.\d+)?$")
_DECIMAL = re.compile(r"^\d+(?:[.,]\d+)?$")


class _Read(NamedTuple):
    number: Decimal | None
    reject: str | None = None
    warn: str | None = None


def amounts(values: pa.Array | pa.ChunkedArray) -> Converted:
    """Money as decimal128(18, 2): `1.234.567`, `1.234.567,50`, `1,234,567.50`, `1234567.5`, `50.000 đ`.

    One group of three digits after one sign (`50.000`, `50,000`) is read as thousands, as Vietnamese write money, with
    the warning number-grouped. Reject codes: number-scientific (Excel has dropped digits), number-unreadable,
    number-too-large, number-precision (more than two decimals that are not zero). Empty → null without a code.
    """
    return on_distinct(_text(values), lambda distinct: _numbers(distinct, _PLAIN_AMOUNT, AMOUNT, decimals=2))


def integers(values: pa.Array | pa.ChunkedArray) -> Converted:
    """Whole numbers as int64; the same writings and reject codes as `amounts`; `12.0` is 12, `12.5` is refused."""
    return on_distinct(_text(values), lambda distinct: _numbers(distinct, _PLAIN_INTEGER, pa.int64(), decimals=0))


def padded_codes(values: pa.Array | pa.ChunkedArray, *, width: int) -> Converted:
    """Codes of a known width that Excel turned into numbers: `4` → `00004`, `79.0` → `00079`.

    Warn code: code-zero-restored. Reject codes: code-too-long, code-unreadable (not digits). Only for columns known to
    hold codes of that width: nothing else tells a lost zero from a short number.
    """

    def work(distinct: pa.Array) -> Converted:
        text = pc.replace_substring_regex(pc.utf8_trim_whitespace(distinct), r"^(\d+)\.0+$", r"\1")
        empty, long = pc.equal(text, ""), pc.greater(pc.utf8_length(text), width)
        garbage = pc.and_(pc.invert(pc.match_substring_regex(text, r"^[0-9]+$")), pc.invert(empty))
        reject = first_of(code_where(garbage, "code-unreadable"), code_where(long, "code-too-long"))
        short = pc.and_(pc.less(pc.utf8_length(text), width), pc.invert(pc.or_(garbage, empty)))
        padded = pc.utf8_lpad(text, width, "0")
        gone = pc.or_(pc.or_(garbage, long), empty)
        return Converted(pc.if_else(gone, pa.scalar(None, padded.type), padded), reject, code_where(short, "code-zero-restored"))

    return on_distinct(_text(values), work)


def _text(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    whole = combine(values)
    return whole.cast(pa.string()) if pa.types.is_null(whole.type) else whole


def _numbers(text: pa.Array, plain: str, kind: pa.DataType, *, decimals: int) -> Converted:
    """Arrow casts the plainly written values; Python reads the distinct rest."""
    easy = pc.match_substring_regex(text, plain)
    if pc.all(easy).as_py():
        return Converted(text.cast(kind))
    grouped = pc.match_substring_regex(text, _MANY_GROUPS)
    if pc.any(grouped).as_py():
        text = pc.if_else(grouped, pc.replace_substring(text, ".", ""), text)
        easy = pc.or_(easy, grouped)
    places = [int(i) for i in np.flatnonzero(pc.invert(easy).to_numpy(zero_copy_only=False))]
    read = [read_number(value, decimals=decimals) for value in text.take(pa.array(places, pa.int64())).to_pylist()]
    rest = replace_at(text, places, [None if one.number is None else f"{one.number:f}" for one in read])
    codes = [
        first_of(replace_at(pa.nulls(len(text), pa.string()), places, column))
        for column in ([one.reject for one in read], [one.warn for one in read])
    ]
    return Converted(rest.cast(kind), *codes)


def read_number(value: str, *, decimals: int) -> _Read:
    """Read one number with at most `decimals` places.

    >>> read_number("1.234.567,50 đ", decimals=2).number, read_number("1.23E+11", decimals=2).reject
    (Decimal('1234567.50'), 'number-scientific')
    """
    plain = _CURRENCY.sub("", "".join(value.replace("\u2212", "-").split()))
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain.removeprefix("+"))
    if not plain:
        return _Read(None) if not value.strip() else _Read(None, "number-unreadable")
    if _SCIENTIFIC.match(plain):
        return _Read(None, "number-scientific")
    text, warn = _western(digits)
    if text is None or not text.isascii():
        return _Read(None, "number-unreadable")
    number = Decimal(sign + text)
    if abs(number) >= _LARGEST:
        return _Read(None, "number-too-large")
    rounded = number.quantize(Decimal(1).scaleb(-decimals))
    return _Read(rounded, None, warn) if rounded == number else _Read(None, "number-precision")


def _western(digits: str) -> tuple[str | None, str | None]:
    """Digits with a decimal point only. A lone sign before three digits groups thousands, and is said so."""
    if _DOT_GROUPS.match(digits):
        lone = digits.count(".") == 1 and "," not in digits
        return digits.replace(".", "").replace(",", "."), "number-grouped" if lone else None
    if _COMMA_GROUPS.match(digits):
        lone = digits.count(",") == 1 and "." not in digits
        return digits.replace(",", ""), "number-grouped" if lone else None
    return (digits.replace(",", "."), None) if _DECIMAL.match(digits) else (None, None)
