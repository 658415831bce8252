"""Names for unit codes in reports. A code means nothing without a date (law 4), so old and new names are kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mappings.units.registry import load_registry

_REFORM = "2025-07-01"


@dataclass(frozen=True)
class UnitNames:
    """Commune code → name, the latest of each era."""

    old: dict[str, str]
    new: dict[str, str]

    def show_old(self, code: str) -> str:
        return f"{code} {self.old.get(code, '')}".strip()

    def show_new(self, code: str) -> str:
        return f"{code} {self.new.get(code, '')}".strip()


@cache
def unit_names() -> UnitNames:
    names = UnitNames({}, {})
    for unit in sorted(load_registry().instances, key=lambda u: (u.code, u.valid_from)):
        if unit.level == "commune":
            (names.old if unit.valid_from < _REFORM else names.new)[unit.code] = unit.name
    return names
