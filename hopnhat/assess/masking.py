"""What a report may show of a value. A column nobody knows counts as personal: its form is shown, not its content."""

from __future__ import annotations

import re

from hopnhat.report.mask import ends, initials, scrubbed
from mappings.spec import DomainColumn

_FREE = ("dossier_no", "procedure_code", "code", "timestamp", "amount")
_LONGEST = 60
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def form_of(text: str) -> str:
    """The shape of a value: letters as a/A, digits as 9, signs kept, long runs cut.

    >>> form_of("Nguyễn Văn 12/3"), form_of("0912345678")
    ('Aaaa+ Aaa 99/9', '9999+')
    """
    shape = "".join(
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else "·" if _UNPRINTED.match(c) else c for c in text[:_LONGEST]
    )
    return re.sub(r"(a{3}|9{4}|A{4})\w+", r"\1+", shape)


def printed(text: str) -> str:
    r"""Control characters as they are called in a report: `\x00`.

    >>> printed("a\x00b")
    'a\\x00b'
    """
    return _UNPRINTED.sub(lambda hit: f"\\x{ord(hit[0]):02x}", text)[:_LONGEST]


def shown_value(raw: bytes | None, text: str | None, kind: str, column: DomainColumn | None) -> str:
    """One faulty value, masked by what its column means."""
    value = (text if text is not None else (raw or b"").decode("utf-8", "backslashreplace")).strip(" \t\r\n")
    if kind in _FREE or (column is not None and column.pii == "none") or kind == "place":
        return printed(scrubbed(value) if kind not in ("dossier_no", "timestamp", "amount") else value)
    if kind == "person_id":
        return ends(value, 3, 3)
    if kind == "phone":
        return ends(value, 0, 3)
    if kind == "name":
        return initials(value)
    return form_of(value)


def shown_key(key: str) -> str:
    """A key that finds the row again. What could be an identity or telephone number is masked, words are not shown.

    >>> shown_key("H26.29-250601-0001"), shown_key("17"), shown_key("001085012345"), shown_key("Nguyễn Văn An")
    ('H26.29-250601-0001', '17', '001******345', 'Aaaa+ Aaa Aa')
    """
    parts = []
    for part in key.split("|"):
        has_words = " " in part.strip() and any(c.isalpha() for c in part)
        parts.append(form_of(part) if has_words or not part.isascii() else scrubbed(printed(part)))
    return "|".join(parts)
