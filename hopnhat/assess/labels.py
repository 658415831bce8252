"""Which of our codes a legacy code means, where its own words say so. Bare numbers never do: 5 is "returned" with one
vendor and "supplement wanted" nationally (DOMAIN §0, fact 6), so they wait for a person."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from hopnhat.assess.naming import folded

_FILE = Path(__file__).with_name("labels.csv")


@cache
def _labels() -> Mapping[tuple[str, str], str]:
    with _FILE.open(encoding="utf-8", newline="") as lines:
        return {(row["field"], label): row["code"] for row in csv.DictReader(lines) for label in row["labels"].split()}


def proposed_codes(field: str, codelist: Mapping[str, str], values: Iterable[str]) -> dict[str, str]:
    """Legacy value → our code, for values whose words equal a label of the code list or a listed synonym."""
    known = {folded(label): code for code, label in codelist.items()}
    found = {}
    for value in values:
        fold = folded(value)
        code = known.get(fold) or _labels().get((field, fold))
        if code is not None and code in codelist and not value.strip().isdigit():
            found[value] = code
    return found
