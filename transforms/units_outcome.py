"""What became of a unit: its successors under the registry, with what each of them received.

A live old unit has the targets of the law's crosswalk. A unit abolished before the reform has the targets of the unit
it was merged into; where that unit was split later, the former unit's own territory (overlay of its 2015 boundary)
narrows them, but only when nearly all of it lies in them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mappings.units.registry import Registry
from mappings.units.timeline import Instance

REFORM = "2025-07-01"
MOST_OF_TERRITORY = 0.9
Successor = tuple[str, str]  # new code, carries: both | area | people


@dataclass(eq=False)
class Outcomes:
    """Successors per unit instance. `special` are the districts without communes, which became special zones."""

    crosswalk: dict[str, list[Successor]] = field(default_factory=lambda: defaultdict(list))
    ended: dict[str, list[tuple[str, str, tuple[Successor, ...]]]] = field(default_factory=lambda: defaultdict(list))
    special: set[str] = field(default_factory=set)

    def of(self, code: str, valid_from: str, valid_to: str) -> tuple[Successor, ...]:
        """The successors of the instance: of its end if it ended before the reform, else of the reform."""
        if valid_from >= REFORM:
            return ((code, "both"),)
        end = self._end(code, valid_to)
        return end[2] if end else tuple(self.crosswalk.get(code, ()))

    def former(self, instances: Iterable[Instance]) -> Iterator[Instance]:
        """Those that the reform, or an earlier change, made into other communes."""
        return (row for row in instances if row.valid_from < REFORM and (row.level == "commune" or row.code in self.special))

    def heirs(self, code: str) -> set[str]:
        """Old units that may now carry the name of this one's place: itself and what it was merged into."""
        return {code} | {heir for _, heir, _ in self.ended.get(code, ()) if heir}

    def _end(self, code: str, valid_to: str) -> tuple[str, str, tuple[Successor, ...]] | None:
        return next((end for end in self.ended.get(code, ()) if valid_to <= end[0]), None)


def outcomes(registry: Registry) -> Outcomes:
    """Fold the events of a registry into successors per instance."""
    found = Outcomes()
    former = []
    for event in registry.events:
        if event.effective_date == REFORM and len(event.code_after) == 5:
            found.crosswalk[event.code_before].append((event.code_after, event.carries))
            if len(event.code_before) == 3:
                found.special.add(event.code_before)
        elif event.kind in ("merge", "recode", "abolished") and event.effective_date < REFORM:
            former.append(event)
    for event in former:
        targets = _former_targets(event.final_codes, event.area_shares, found.crosswalk.get(event.code_after, []))
        found.ended[event.code_before].append((event.effective_date, event.code_after, targets))
    return found


def _former_targets(final: str, shares: str, heir_targets: list[Successor]) -> tuple[Successor, ...]:
    codes = [code for code in final.split("|") if code]
    legal = dict(heir_targets)
    if not legal or set(codes) == legal.keys():
        return tuple((code, legal.get(code, "both")) for code in codes)
    by_area = {code: float(share) for code, _, share in (part.partition(":") for part in shares.split("|") if part)}
    within = sum(by_area.get(code, 0.0) for code in codes)
    if codes and set(codes) < legal.keys() and within >= MOST_OF_TERRITORY:
        return tuple((code, legal[code]) for code in codes)
    return tuple(legal.items()) + tuple((code, "both") for code in codes if code not in legal)
