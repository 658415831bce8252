"""Reader of the small lists in `mappings/codelists/` that cleaning and checking rely on."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

FOLDER = Path(__file__).parent / "codelists"


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@cache
def phone_prefixes() -> Mapping[str, str]:
    """Old four-digit mobile prefix → the three-digit prefix of 2018 ("0162" → "032")."""
    return MappingProxyType({row["old_prefix"]: row["new_prefix"] for row in _rows("phone_prefixes_2018.csv")})


@cache
def personal_id_provinces() -> frozenset[str]:
    """First three digits that a citizen number issued in Viet Nam may have."""
    return frozenset(row["prefix"] for row in _rows("personal_id_provinces.csv"))


@cache
def sentinels(kind: str, treatment: str = "null") -> frozenset[str]:
    """Values of one kind (`date`, `personal-id`, `phone`, `name` …) that mean "nothing was entered".

    Raises ValueError for a kind the list does not have: a misspelt kind must not mean "no sentinel".
    """
    rows = [row for row in _rows("sentinel_values.csv") if row["kind"] == kind]
    if not rows:
        raise ValueError(f"no sentinel values of kind {kind!r}")
    return frozenset(row["value"] for row in rows if row["treatment"] == treatment)
