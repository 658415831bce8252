"""Personal data never leaves whole: what a steward needs to find the row stays, who it is about does not."""

from __future__ import annotations

import re

from mappings.spec import DomainColumn

HIDDEN = "(ẩn)"
_IDENTIFIER = re.compile(r"(?<!\d)(\d{3})(\d{3}|\d{6})(\d{3})(?!\d)")
_PHONE = re.compile(r"(?<!\d)0\d{6}(\d{3})(?!\d)")
_PLACE = re.compile(r"^(xã|phường|thị trấn|đặc khu|huyện|quận|thị xã|thành phố|tỉnh|tp|tt|p|x|q|h)\b[ .]", re.IGNORECASE)


def masked(value: str | None, column: DomainColumn | None) -> str:
    """A value as a report may show it. A column that the domain does not know counts as personal."""
    if value is None or value == "":
        return ""
    if column is None or column.pii == "sensitive":
        return HIDDEN
    if column.pii == "none":
        return value if column.kind in ("timestamp", "amount", "dossier_no", "procedure_code", "code") else scrubbed(value)
    if column.kind == "name":
        return initials(value)
    if column.kind == "person_id":
        return ends(value, 3, 3)
    if column.kind == "phone":
        return ends(value, 0, 3)
    return f"(dữ liệu cá nhân, {len(value)} ký tự)"


def initials(name: str) -> str:
    """
    >>> initials("Nguyễn Thị Hương")
    'N. T. H.'
    """
    return " ".join(f"{word[0].upper()}." for word in name.split()[:6] if word[0].isalpha()) or HIDDEN


def ends(text: str, first: int, last: int) -> str:
    """
    >>> ends("001085012345", 3, 3), ends("0912345678", 0, 3), ends("1234", 3, 3)
    ('001******345', '*******678', '****')
    """
    compact = text.strip()
    if len(compact) < first + last + 3:
        return "*" * len(compact)
    return compact[:first] + "*" * (len(compact) - first - last) + compact[len(compact) - last :]


def scrubbed(text: str) -> str:
    """Free text with anything shaped like an identity or telephone number masked.

    >>> scrubbed("CCCD 001085012345, ĐT 0912345678"), scrubbed("5.000.000")
    ('CCCD 001******345, ĐT *******678', '5.000.000')
    """
    text = _IDENTIFIER.sub(lambda m: m[1] + "*" * len(m[2]) + m[3], text)
    return _PHONE.sub(lambda m: "*" * 7 + m[1], text)


def commune_part(address: str) -> str:
    """The part of an address that names commune, district and province; house, street and hamlet stay out.

    >>> commune_part("Số 5 ngõ 12 Đội Cấn, tổ 3, phường Cống Vị, quận Ba Đình, Hà Nội")
    'phường Cống Vị, quận Ba Đình, Hà Nội'
    >>> commune_part("nhà ông Bảy")
    '(ẩn)'
    """
    pieces = [p.strip() for p in re.split(r"[,;]| - ", address) if p.strip()]
    start = next((n for n, p in enumerate(pieces) if _PLACE.match(p + " ")), None)
    if start is None:
        start = max(len(pieces) - 2, 1)
    kept = [re.sub(r"\d{4,}", "…", p) for p in pieces[start:]]
    return ", ".join(kept) or HIDDEN
