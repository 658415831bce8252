"""Tests of the values of one column, run on its distinct values: each gives a fault code per value, or nothing.

Byte probes need no meaning and run on every column; the converters that the migration itself uses run where a column's
role is known, so the assessment counts exactly what the migration would refuse or change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.assess.model import Role
from transforms import codes, dates, identifiers, numbers, text
from transforms.columns import Converted
from transforms.encodings_decode import UTF8

Mask = npt.NDArray[np.bool_]

ZERO_DATE = r"^\s*(?:0000[-/.]00[-/.]00|00[-/.]00[-/.]0000)"
_MOJIBAKE = r"\xc3\xa1\xc2[\xba\xbb]|\xc3[\x83\x84\x86\x82](?:\xc2[\x80-\xbf]|\xe2\x80|\xc5)|\xc3\x84\xe2"
_CONTROL = r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]"
_CONTROL_IS_LETTER = ("viscii", "vps")
_QUIET = {"phone-several", "phone-renumbered", "text-html", "text-homoglyph", "date-zero", "dossier-number-local", "number-grouped"}
"""Codes that call for no work before a migration, or that another probe already counts."""
_WIDTHS = {"commune_code": 5, "district_code": 3, "province_code": 2}

_CONVERTERS: dict[str, Callable[[pa.Array], Converted]] = {
    "text": text.clean, "name": text.clean, "amount": numbers.amounts, "integer": numbers.integers,
    "dossier_no": identifiers.dossier_numbers, "procedure_code": identifiers.procedure_codes,
    "person_id": identifiers.personal_ids, "phone": identifiers.phones,
}  # fmt: skip


def found_faults(values: pa.Array, texts: pa.Array, decoded: Converted, role: Role | None, encoding: str) -> Iterator[tuple[str, Mask]]:
    """(code, mask over the distinct values) of every fault that some value has."""
    for code, mask in _all(values, texts, decoded, role, encoding):
        if mask.any():
            yield code, mask


def _all(values: pa.Array, texts: pa.Array, decoded: Converted, role: Role | None, encoding: str) -> Iterator[tuple[str, Mask]]:
    base = encoding.removesuffix("-as-utf8").removesuffix("-as-cp1258")
    yield "nul-bytes", _matches(values, r"\x00")
    yield "zero-date", _matches(values, ZERO_DATE)
    yield "replacement-character", _matches(values, r"\xef\xbf\xbd")
    if base not in _CONTROL_IS_LETTER:
        yield "control-bytes", _matches(values, _CONTROL)
    if encoding == "utf-8":
        yield "invalid-utf8", ~_matches(values, UTF8)
        yield "mojibake", _matches(values, _MOJIBAKE)
    else:
        yield f"encoding:{encoding}", _matches(values, r"[\x80-\xff]") | _matches(values, _CONTROL)
    yield from _codes(decoded)
    if role is not None:
        yield from _by_role(texts, role)


def _by_role(texts: pa.Array, role: Role) -> Iterator[tuple[str, Mask]]:
    if role.name in _WIDTHS:
        width = _WIDTHS[role.name]
        yield "code-zero-restored", _matches(texts, rf"^\s*\d{{1,{width - 1}}}(?:\.0+)?\s*$")
    elif role.kind in ("timestamp", "watermark"):
        if role.formats:
            yield from _codes(dates.parse_timestamps(texts, formats=list(role.formats)))
    elif role.kind == "code":
        if role.codes is not None:
            yield from _codes(codes.recode(texts, role.codes))
    elif convert := _CONVERTERS.get(role.kind):
        yield from _codes(convert(texts))


def _codes(done: Converted) -> Iterator[tuple[str, Mask]]:
    for column in (done.reject, done.warn):
        if column is None:
            continue
        for code in pc.unique(column.drop_null()).to_pylist():
            if code not in _QUIET:
                yield code, _as_mask(pc.equal(column, code))


def _matches(values: pa.Array, pattern: str) -> Mask:
    return _as_mask(pc.match_substring_regex(values, pattern))


def _as_mask(found: Any) -> Mask:
    return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=np.bool_)
