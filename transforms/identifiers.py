"""Numbers that name a person, a dossier, a procedure, a taxpayer. A doubtful one is kept and warned about: a dossier
loads without an identity number, so none of these functions rejects a row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mappings.codelists import personal_id_provinces, phone_prefixes, sentinels
from transforms.columns import Converted
from transforms.distinct import code_where, combine, first_of, on_distinct, replace_at
from transforms.text import clean

_LEAP_SAFE_DAY = r"(?:(?:0[13578]|1[02])(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)(?:0[1-9]|[12]\d|30)|02(?:0[1-9]|1\d|2[0-9]))"
_ORGAN = r"(?:\d{3}\.[0-9A-Z]{2}\.\d{2}\.)?[A-Z]\d{2}(?:\.\d{1,3}){0,4}"
_DOSSIER = rf"^{_ORGAN}-\d{{6}}-\d{{1,6}}$"
_DOSSIER_DATED = rf"^{_ORGAN}-\d\d{_LEAP_SAFE_DAY}-\d{{1,6}}$"
_PROCEDURE = r"^[1-3]\.\d{6}(?:\.000\.00\.00\.[A-Z]\d{2}(?:\.\d{1,3})*)?$"
_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff"
# Every space there is: Arrow's own \s is ASCII only.
_SPACES = "\\s\x0b\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_SEPARATORS = rf"[{_SPACES}.'’,/{_INVISIBLE}-]+"
_SCIENTIFIC = r"^\d+(?:[.,]\d+)?[eE]\+?\d+$"
_PASSPORT = r"^[A-Z]\d{7,8}$"
_MOBILE = re.compile(r"^0[35789]\d{8}$")
_LANDLINE = re.compile(r"^02\d{8,9}$")
_SEVERAL = re.compile(r"\s*(?:[;,/|]|\s-\s|hoặc|và)\s*")
_TAX_WEIGHTS = (31, 29, 23, 19, 17, 13, 7, 5, 3)


def _none() -> pa.Array:
    return pa.nulls(0, pa.string())


@dataclass(frozen=True)
class PersonalIds(Converted):
    """`kind`: cccd | cmnd | passport, null when unknown. `unread`: what was written where no number could be read."""

    kind: pa.Array = field(default_factory=_none)
    unread: pa.Array = field(default_factory=_none)


@dataclass(frozen=True)
class ProcedureCodes(Converted):
    """`national`: the code without the organ's suffix (1.012766), null for codes of no national form."""

    national: pa.Array = field(default_factory=_none)


def personal_ids(values: pa.Array | pa.ChunkedArray) -> PersonalIds:
    """Citizen numbers (12 digits), old identity cards (9 digits), passports.

    Warn codes: id-sentinel (a filler such as 000000001; now null), id-zero-restored (8 or 11 digits whose number is
    valid with a leading zero), id-length, id-prefix (no province's), id-scientific and id-unreadable (now null, kept in
    `unread`). Separators are dropped. Empty → null without a code.
    """
    text = _trimmed(values)
    digits, length = pc.ascii_is_decimal(text), pc.utf8_length(text)
    easy = pc.and_(digits, pc.or_(pc.equal(length, 12), pc.equal(length, 9)))
    hard = pc.fill_null(pc.and_(pc.invert(easy), pc.not_equal(text, "")), False)
    read = _other_ids(text.filter(hard))
    number, doubt, unread = (pc.replace_with_mask(base, hard, new) for base, new in zip((text, _blank(text), _blank(text)), read, strict=True))
    number = _null_where(number, pc.equal(number, ""))
    sentinel = pc.is_in(number, value_set=pa.array(sorted(sentinels("personal-id")), number.type))
    kind = _kinds(number, sentinel)
    prefix = pc.is_in(pc.utf8_slice_codeunits(number, 0, 3), value_set=pa.array(sorted(personal_id_provinces()), number.type))
    strange = pc.and_(pc.fill_null(pc.equal(kind, "cccd"), False), pc.invert(prefix))
    warn = first_of(
        code_where(sentinel, "id-sentinel"), doubt, code_where(strange, "id-prefix"),
    )  # fmt: skip
    return PersonalIds(_null_where(number, sentinel), None, warn, kind, unread)


def _kinds(number: pa.Array, sentinel: pa.Array) -> pa.Array:
    digits, length = pc.ascii_is_decimal(number), pc.utf8_length(number)
    none = pa.scalar(None, pa.string())
    kind = pc.if_else(pc.and_(digits, pc.equal(length, 12)), "cccd", none)
    kind = pc.if_else(pc.and_(digits, pc.equal(length, 9)), "cmnd", kind)
    other = kind.is_null()
    passport = pc.fill_null(pc.match_substring_regex(number.filter(other), _PASSPORT), False)
    return _null_where(pc.replace_with_mask(kind, other, pc.if_else(passport, "passport", none)), sentinel)


def _other_ids(values: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """(number, warning, unread) of values that are not simply 9 or 12 digits."""
    plain = pc.utf8_upper(pc.replace_substring_regex(values, _SEPARATORS, ""))
    scientific = pc.match_substring_regex(values, _SCIENTIFIC)
    passport, digits, length = pc.match_substring_regex(plain, _PASSPORT), pc.ascii_is_decimal(plain), pc.utf8_length(plain)
    padded = pc.binary_join_element_wise("0", plain, "")
    issued = pc.is_in(pc.utf8_slice_codeunits(padded, 0, 3), value_set=pa.array(sorted(personal_id_provinces()), values.type))
    lost_zero = pc.and_(digits, pc.or_(pc.equal(length, 8), pc.and_(pc.equal(length, 11), issued)))
    odd = pc.and_(digits, pc.invert(pc.is_in(length, value_set=pa.array([9, 12], length.type))))
    unread = pc.or_(scientific, pc.invert(pc.or_(passport, digits)))
    none = pa.scalar(None, pa.string())
    number = pc.if_else(unread, none, pc.if_else(lost_zero, padded, plain))
    warn = pc.if_else(unread, pc.if_else(scientific, "id-scientific", "id-unreadable"), pc.if_else(lost_zero, "id-zero-restored", none))
    warn = pc.coalesce(warn, pc.if_else(odd, "id-length", none))
    return number, warn, pc.if_else(unread, values, none)


def _blank(text: pa.Array) -> pa.Array:
    return pa.nulls(len(text), pa.string())


def phones(values: pa.Array | pa.ChunkedArray) -> Converted:
    """Vietnamese phone numbers as national digits: mobile 10, fixed line 10 or 11 starting 02.

    Warn codes: phone-renumbered (an eleven-digit mobile of before 2018 got its new prefix), phone-zero-restored,
    phone-several (kept, each one read, joined by "; "), phone-sentinel (a filler; now null), phone-unreadable (kept as
    written).
    """
    text = _trimmed(values)
    easy = pc.match_substring_regex(text, r"^0[35789]\d{8}$")
    hard = pc.fill_null(pc.and_(pc.invert(easy), pc.not_equal(text, "")), False)
    places, found = _each(text, hard, _phone)
    number = _put(text, places, [one[0] for one in found])
    number = _null_where(number, pc.equal(number, ""))
    sentinel = pc.is_in(number, value_set=pa.array(sorted(sentinels("phone")), number.type))
    warn = first_of(code_where(sentinel, "phone-sentinel"), _put(None, places, [one[1] for one in found], len(text)))
    return Converted(_null_where(number, sentinel), None, warn)


def _phone(value: str) -> tuple[str, str | None]:
    number, warn = _one_phone(value)
    if warn != "phone-unreadable":
        return number, warn
    parts = [part for part in _SEVERAL.split(value) if part]
    read = [_one_phone(part) for part in parts]
    if len(parts) > 1 and all(one[1] != "phone-unreadable" for one in read):
        return "; ".join(one[0] for one in read), "phone-several"
    return value, "phone-unreadable"


def _one_phone(value: str) -> tuple[str, str | None]:
    digits = re.sub(rf"[\s.()'’{_INVISIBLE}-]+", "", value)
    digits = "0" + digits.removeprefix("+")[2:].removeprefix("0") if re.match(r"^\+84|^84\d{9}$", digits) else digits
    if not (digits.isascii() and digits.isdigit()):
        return value, "phone-unreadable"
    warn = None
    if re.match(r"^[35789]\d{8}$|^1\d{9}$", digits):
        digits, warn = "0" + digits, "phone-zero-restored"
    if len(digits) == 11 and digits[:4] in phone_prefixes():
        return phone_prefixes()[digits[:4]] + digits[4:], "phone-renumbered"
    known = _MOBILE.match(digits) or _LANDLINE.match(digits) or digits in sentinels("phone")
    return (digits, warn) if known else (value, "phone-unreadable")


def dossier_numbers(values: pa.Array | pa.ChunkedArray) -> Converted:
    """Public dossier numbers, verbatim after `clean`: case, accents and zeros are kept, whatever their form.

    Reject codes: those of `clean`. Warn codes: dossier-number-local (not `{organ}-{yymmdd}-{serial}`), dossier-number-date (its yymmdd is no day).
    """
    text = _as_text(values)
    dated = pc.match_substring_regex(text, _DOSSIER_DATED)
    other = pc.fill_null(pc.invert(dated), False)
    read = _other_dossier_numbers(text.filter(other))
    number, *reasons = (pc.replace_with_mask(base, other, new) for base, new in zip((text, _blank(text), _blank(text)), read, strict=True))
    return Converted(number, *map(first_of, reasons))


def _other_dossier_numbers(values: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """(number, reject, warning) of values that are not plainly of the national form with a day that exists."""
    cleaned = clean(values)
    number = _null_where(cleaned.values, pc.equal(cleaned.values, ""))
    dated, national = pc.match_substring_regex(number, _DOSSIER_DATED), pc.match_substring_regex(number, _DOSSIER)
    none = pa.scalar(None, pa.string())
    form = pc.if_else(dated, none, pc.if_else(national, "dossier-number-date", "dossier-number-local"))
    reject, warn = (_blank(number) if codes is None else codes for codes in (cleaned.reject, cleaned.warn))
    return number, reject, pc.coalesce(warn, form)


def procedure_codes(values: pa.Array | pa.ChunkedArray) -> ProcedureCodes:
    """Procedure codes, verbatim after `clean`; `national` drops `.000.00.00.Hxx…`. Warn code: procedure-code-local."""
    cleaned = clean(_as_text(values))
    text = cleaned.values

    def work(distinct: pa.Array) -> Converted:
        known = pc.match_substring_regex(distinct, _PROCEDURE)
        national = pc.if_else(known, pc.utf8_slice_codeunits(distinct, 0, 8), pa.scalar(None, distinct.type))
        local = pc.and_(pc.invert(known), pc.not_equal(distinct, ""))
        return Converted(national, None, code_where(local, "procedure-code-local"))

    done = on_distinct(text, work)
    warn = first_of(cleaned.warn, done.warn)
    return ProcedureCodes(_null_where(text, pc.equal(text, "")), cleaned.reject, warn, done.values)


def tax_codes(values: pa.Array | pa.ChunkedArray) -> Converted:
    """Tax codes: 10 digits, 13 as `N10-NNN`, or the 12 digits of a person (since 1 July 2025).

    Warn codes: tax-code-zero-restored (9 or 12 digits that are valid with a leading zero), tax-code-checksum (kept),
    tax-code-unreadable (kept as written). One random number in eleven passes the check: it proves little.
    """

    def work(distinct: pa.Array) -> Converted:
        found = [_tax_code(value) for value in distinct.to_pylist()]
        warn = pa.array([one[1] for one in found], pa.string())
        return Converted(pa.array([one[0] for one in found], distinct.type), None, first_of(warn))

    return on_distinct(_trimmed(values), work)


def _tax_code(value: str) -> tuple[str | None, str | None]:
    digits = re.sub(_SEPARATORS, "", value)
    if not digits:
        return None, "tax-code-unreadable" if value else None
    if not (digits.isascii() and digits.isdigit() and len(digits) in (9, 10, 12, 13)):
        return value, "tax-code-unreadable"
    if len(digits) == 12 and digits[:3] in personal_id_provinces():
        return digits, None
    warn = None
    if len(digits) in (9, 12):
        digits, warn = "0" + digits, "tax-code-zero-restored"
    if not tax_checksum_holds(digits[:10]):
        return (value, "tax-code-checksum" if warn is None else "tax-code-unreadable")
    return (digits if len(digits) == 10 else f"{digits[:10]}-{digits[10:]}"), warn


def tax_checksum_holds(digits: str) -> bool:
    """Weights 31 29 23 19 17 13 7 5 3; the tenth digit is 10 minus the sum modulo 11.

    >>> tax_checksum_holds("0100109106"), tax_checksum_holds("0100109107")
    (True, False)
    """
    rest = sum(weight * int(digit) for weight, digit in zip(_TAX_WEIGHTS, digits, strict=False)) % 11
    return rest != 0 and int(digits[9]) == 10 - rest


def _as_text(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    whole = combine(values)
    return whole.cast(pa.string()) if pa.types.is_null(whole.type) else whole


def _trimmed(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return pc.ascii_trim_whitespace(_as_text(values))


def _each(text: pa.Array, mask: pa.Array, read: object) -> tuple[list[int], list[tuple[str | None, ...]]]:
    places = [int(i) for i in np.flatnonzero(mask.to_numpy(zero_copy_only=False))]
    if not places:
        return [], []
    coded = text.take(pa.array(places)).dictionary_encode()
    found = [read(value) for value in coded.dictionary.to_pylist()]  # type: ignore[operator]
    return places, [found[index] for index in coded.indices.to_pylist()]


def _put(text: pa.Array | None, places: list[int], new: list[str | None], length: int = 0) -> pa.Array:
    return replace_at(pa.nulls(length, pa.string()) if text is None else text, places, new)


def _null_where(text: pa.Array, mask: pa.Array) -> pa.Array:
    return pc.if_else(pc.fill_null(mask, False), pa.scalar(None, text.type), text) if pc.any(mask).as_py() else text
