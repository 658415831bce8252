"""Resolve distinct unit values to new communes, each with its explanation, or keep the candidates. Never guess.

The ladder: codes with their era → names in columns → free text; inside names the rungs of `units_ladder`, then
`units_fuzzy`. What a split leaves open is settled by evidence (`units_evidence`) or stays ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import pandas as pd

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


def resolve(
    queries: pd.DataFrame, registry: Registry, *, scope: Scope = ANYWHERE, carries: Carries = "people"
) -> pd.DataFrame:
    """One explained row per query, same index. `queries` are distinct values in any of COLUMNS, absent = NA or ''."""
    index = index_of(registry)
    home = _home(index, scope)
    has_evidence = bool(scope.evidence.rules or scope.evidence.boundaries)
    found = []
    for query in _queries(queries):  # distinct values: a column of a million rows has a few thousand
        finding = find(index, query, scope.era, home)
        if has_evidence and finding.settled and len(finding.uids) >= 1:
            codes, _ = successors([index.units[uid] for uid in finding.uids], carries)
            finding = settle(index, query, finding, codes, scope.evidence) if len(codes) > 1 else finding
        found.append(answer(index, finding, carries, scope.era))
    columns = zip(*found, strict=True) if found else ((),) * len(Answer._fields)
    return pd.DataFrame(dict(zip(Answer._fields, columns, strict=True)), index=queries.index)


def _queries(frame: pd.DataFrame) -> Iterator[Query]:
    present = [name for name in Query._fields if name in frame]
    values = [frame[name].fillna("").tolist() if name in present else repeat("") for name in Query._fields]
    rows = zip(*values, strict=False) if present else ()  # absent columns repeat without end
    return map(Query._make, rows)


def _home(index: Index, scope: Scope) -> Given:
    eras = (scope.era,) if scope.era else (OLD, NEW)
    places = (f"{era}:{code}" for code in scope.provinces for era in eras)
    return Given(
        home_provinces=frozenset(place for place in places if place in index.inside),
        home_districts=frozenset(code for code in scope.districts if code in index.inside),
    )
