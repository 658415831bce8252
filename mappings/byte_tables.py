"""Reader of `mappings/encodings/`: which bytes stand for which Vietnamese letter, and how common the syllables are."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

ENCODINGS = ("tcvn3", "vni", "viscii", "vps", "cp1258")
LETTERS_FILE = Path(__file__).parent / "encodings" / "letters.csv"
SYLLABLES_FILE = Path(__file__).parent / "encodings" / "syllables.csv"


@cache
def letter_bytes(encoding: str) -> Mapping[str, bytes]:
    """Letter → its bytes in `encoding`; letters the encoding cannot write are absent.

    >>> letter_bytes("vni")["ễ"]
    b'e\\xe3'
    """
    if encoding not in ENCODINGS:
        raise ValueError(f"no byte table for {encoding!r}; there are {', '.join(ENCODINGS)}")
    with LETTERS_FILE.open(encoding="utf-8", newline="") as lines:
        table = {row["letter"]: bytes.fromhex(row[encoding]) for row in csv.DictReader(lines) if row[encoding]}
    return MappingProxyType(table)


@cache
def letters() -> tuple[str, ...]:
    """The 134 accented letters of Vietnamese, precomposed, in the file's order."""
    with LETTERS_FILE.open(encoding="utf-8", newline="") as lines:
        return tuple(row["letter"] for row in csv.DictReader(lines))


@cache
def syllable_counts() -> Mapping[str, int]:
    """Accented syllable → how often it occurs in names and office text; only ratios of the numbers mean anything."""
    with SYLLABLES_FILE.open(encoding="utf-8", newline="") as lines:
        return MappingProxyType({row["syllable"]: int(row["count"]) for row in csv.DictReader(lines)})
