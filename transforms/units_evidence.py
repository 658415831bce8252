"""What settles a split beyond names and codes: a cited rule on a place, or a point. Evidence that disagrees settles nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from mappings.units.evidence import PlaceRule
from transforms.match_keys import canonical
from transforms.units_answer import Finding
from transforms.units_geo import Boundaries, locate, to_wgs84
from transforms.units_index import OLD, Index
from transforms.units_query import Query


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence at hand for a run. Empty by default: then a split stays open."""

    rules: tuple[PlaceRule, ...] = ()
    boundaries: Boundaries | None = None
    _by_unit: dict[str, list[tuple[str, PlaceRule]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for rule in self.rules:
            self._by_unit.setdefault(rule.old_code, []).append((f" {canonical(rule.place)} ", rule))

    def rules_of(self, code: str) -> list[tuple[str, PlaceRule]]:
        return self._by_unit.get(code, [])


def settle(index: Index, query: Query, finding: Finding, codes: list[str], evidence: Evidence) -> Finding:
    """The finding narrowed to one of `codes` when all evidence that speaks agrees on it; else with what it said."""
    units = [index.units[uid] for uid in finding.uids]
    words = f" {canonical(' '.join((query.text, query.commune)))} "
    rules = [rule for unit in units for place, rule in evidence.rules_of(unit.code) if place in words]
    votes = {rule.new_code for rule in rules if rule.new_code in codes}
    says = [f"place rule: {rule.place} → {rule.new_code} ({rule.decision})" for rule in rules]
    if evidence.boundaries and query.lat and query.lon:
        point = to_wgs84(query.lat, query.lon, _zone(index, finding.uids, evidence.boundaries))
        code, why = locate(evidence.boundaries, point, codes) if point else ("", "the coordinates are no point in Viet Nam")
        says.append(why)
        votes |= {code} if code else set()
    text = "; ".join(part for part in (finding.evidence, *says) if part)
    if len(votes) != 1:
        return finding._replace(evidence=text + ("; the evidence disagrees" if votes else ""))
    return finding._replace(only=tuple(votes), by="place" if rules else "coordinates", evidence=text)


def _zone(index: Index, uids: tuple[int, ...], boundaries: Boundaries) -> int | None:
    """The VN-2000 zone of the old province; None when the units lie in provinces with different ones."""
    places = {place for uid in uids for district in index.homes(uid) for place in index.district_provinces[district]}
    zones = {boundaries.zones[place.removeprefix(f"{OLD}:")] for place in places if place.removeprefix(f"{OLD}:") in boundaries.zones}
    return zones.pop() if len(zones) == 1 else None
