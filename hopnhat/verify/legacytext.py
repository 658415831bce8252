"""Legacy bytes to letters for the prover: the byte tables are shared data, the reading is its own (law 9).

Only distinct values come here. A byte that the table does not have makes the whole value unreadable; nothing is guessed.
"""

from __future__ import annotations

import csv
from functools import cache

from mappings.read import HERE

HEX = "hex:"


def decoded(value: str, encoding: str) -> str | None:
    """Text of a value marked `hex:…`, None when it cannot be read for certain.

    >>> decoded("hex:5468AD" + "EA6E67", "tcvn3"), decoded("hex:FF", "tcvn3")
    ('Thường', None)
    """
    table = _table(encoding.lower())
    if not table or not value.startswith(HEX):
        return None
    raw, out, at = bytes.fromhex(value[len(HEX) :]), [], 0
    while at < len(raw):
        two, one = raw[at : at + 2], raw[at : at + 1]
        if letter := table.get(two):
            out.append(letter)
            at += 2
        elif letter := table.get(one) or (chr(one[0]) if 32 <= one[0] < 127 else None):
            out.append(letter)
            at += 1
        else:
            return None
    return "".join(out)


@cache
def _table(encoding: str) -> dict[bytes, str]:
    with (HERE / "encodings" / "letters.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    if encoding not in rows[0] or encoding in ("letter", "unicode"):
        return {}
    return {bytes.fromhex(row[encoding]): row["letter"] for row in rows if row[encoding]}
