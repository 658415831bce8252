"""Keyset conditions: cut and read a table by key without OFFSET, in any SQL dialect.

Row-value comparison `(a, b) > (x, y)` is spelt out, because MariaDB does not use an index for it and Oracle and SQL
Server do not have it. Rows with a NULL in the key belong to the first range, so no row falls between two ranges.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hopnhat.extract.contract import KeyRange
from hopnhat.model.errors import SourceDriftError

_PLAIN = re.compile(rb"[\x20-\x5b\x5d-\x7e]*")
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})|\\\\")


@dataclass(frozen=True)
class KeyPart:
    """One column of a key: its SQL expression and how a bound becomes a literal of the key's own type."""

    expression: str
    literal: Callable[[str], str]
    nullable: bool = False


def bound_text(raw: bytes) -> str:
    r"""Any bytes as JSON-safe text; printable ASCII stays readable.

    >>> bound_text(b"HS-001"), bound_text("hồ".encode("utf-8"))
    ('HS-001', 'h\\xe1\\xbb\\x93')
    """
    if _PLAIN.fullmatch(raw):
        return raw.decode("ascii")
    return "".join(chr(b) if 0x20 <= b <= 0x7E and b != 0x5C else "\\\\" if b == 0x5C else f"\\x{b:02x}" for b in raw)


def bound_bytes(text: str) -> bytes:
    r"""The reverse of bound_text; text from elsewhere that is not ASCII counts as UTF-8.

    >>> bound_bytes(bound_text(bytes(range(256)))) == bytes(range(256))
    True
    """
    if "\\" not in text:
        return text.encode("utf-8")
    parts: list[bytes] = []
    at = 0
    for found in _ESCAPED.finditer(text):
        parts.append(text[at : found.start()].encode("utf-8"))
        parts.append(bytes.fromhex(found.group(1)) if found.group(1) else b"\\")
        at = found.end()
    return b"".join([*parts, text[at:].encode("utf-8")])


def after(parts: Sequence[KeyPart], bound: Sequence[str]) -> str:
    """Strictly behind the bound in key order."""
    part, value = parts[0], parts[0].literal(bound[0])
    if len(parts) == 1:
        return f"{part.expression} > {value}"
    rest = after(parts[1:], bound[1:])
    return f"({part.expression} >= {value} AND ({part.expression} > {value} OR {rest}))"


def up_to(parts: Sequence[KeyPart], bound: Sequence[str]) -> str:
    """At the bound or before it in key order."""
    part, value = parts[0], parts[0].literal(bound[0])
    if len(parts) == 1:
        return f"{part.expression} <= {value}"
    rest = up_to(parts[1:], bound[1:])
    return f"({part.expression} <= {value} AND ({part.expression} < {value} OR {rest}))"


def within(parts: Sequence[KeyPart], key_range: KeyRange) -> str:
    """The WHERE condition of one range; empty text when the range is the whole table."""
    conditions = []
    if key_range.low is not None:
        conditions.append(after(parts, key_range.low))
    if key_range.high is not None:
        conditions.append(up_to(parts, key_range.high))
    if not conditions:
        return ""
    nullable = [part.expression for part in parts if part.nullable]
    condition = " AND ".join(conditions)
    if nullable and key_range.low is None:
        return f"({condition} OR " + " OR ".join(f"{name} IS NULL" for name in nullable) + ")"
    if nullable:
        condition += "".join(f" AND {name} IS NOT NULL" for name in nullable)
    return condition


def continued(known: Sequence[KeyRange]) -> tuple[list[KeyRange], tuple[str, ...] | None]:
    """The closed ranges that stay as they are, and the key behind which cutting goes on."""
    kept = [key_range for key_range in known if key_range.high is not None]
    return kept, kept[-1].high if kept else None


def cut(
    known: Sequence[KeyRange], boundary: Callable[[tuple[str, ...] | None], tuple[str, ...] | None]
) -> list[KeyRange]:
    """Ranges from `known` on: `boundary(low)` gives the last key of the next range, None when the rest fits into one."""
    ranges, low = continued(known)
    met = {key_range.high for key_range in ranges}
    while (high := boundary(low)) is not None:
        if high in met:  # only a damaged index leads back to where we were
            raise SourceDriftError("the key does not advance: its index is damaged", hint="have the vendor check and repair the table, then run again")
        met.add(high)
        ranges.append(KeyRange(len(ranges), low, high))
        low = high
    return [*ranges, KeyRange(len(ranges), low, None)]
