"""Distinct queries in, one explained answer each: the resolver without data frames, for whoever reads rows himself.

The ladder: codes with their era → names in columns → free text; inside names the rungs of `units_ladder`, then
`units_fuzzy`. What a split leaves open is settled by evidence (`units_evidence`) or stays ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mappings.units.registry import Registry
from transforms.units_answer import Answer, Carries, answer, successors
from transforms.units_evidence import Evidence, settle
from transforms.units_find import find
from transforms.units_index import NEW, OLD, Index, index_of
from transforms.units_query import Query
from transforms.units_reading import Given

NO_EVIDENCE = Evidence()


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known of the whole column: its `era` (old | new, '' = undecided) and the codes of the provinces it serves
    and districts it serves: where a bare name is looked for first. `evidence`: what may settle splits."""

    era: str = ""
    provinces: tuple[str, ...] = ()
    districts: tuple[str, ...] = ()
    evidence: Evidence = NO_EVIDENCE


ANYWHERE = Scope()


def answers(queries: Iterable[Query], registry: Registry, *, scope: Scope = ANYWHERE, carries: Carries = "people") -> list[Answer]:
    """One answer per query, in order. A loop on purpose: queries are distinct values, a few thousand for a million rows."""
    index = index_of(registry)
    home = _home(index, scope)
    has_evidence = bool(scope.evidence.rules or scope.evidence.boundaries)
    found = []
    for query in queries:
        finding = find(index, query, scope.era, home)
        if has_evidence and finding.settled and len(finding.uids) >= 1:
            codes, _ = successors([index.units[uid] for uid in finding.uids], carries)
            finding = settle(index, query, finding, codes, scope.evidence) if len(codes) > 1 else finding
        found.append(answer(index, finding, carries, scope.era))
    return found


def _home(index: Index, scope: Scope) -> Given:
    eras = (scope.era,) if scope.era else (OLD, NEW)
    places = (f"{era}:{code}" for code in scope.provinces for era in eras)
    return Given(
        home_provinces=frozenset(place for place in places if place in index.inside),
        home_districts=frozenset(code for code in scope.districts if code in index.inside),
    )
