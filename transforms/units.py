"""Resolve distinct unit values to new communes, each with its explanation, or keep the candidates. Never guess.

The ladder: codes with their era → names in columns → free text; inside names the rungs of `units_ladder`, then
`units_fuzzy`. What a split leaves open is settled by evidence (`units_evidence`) or stays ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

import pandas as pd

from mappings.units.registry import Registry
from transforms.addresses import addresses, chunks
from transforms.units_answer import Answer, Carries, Finding, answer
from transforms.units_context import Parents
from transforms.units_index import NEW, OLD, Index, index_of, known_names
from transforms.units_names import eras_of, read_names

COLUMNS = (
    "text", "province", "district", "commune", "province_code", "district_code", "commune_code", "as_of", "lat", "lon",
)  # fmt: skip
RESULT = tuple(field.name for field in fields(Answer))


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known of the whole column: its `era` (old | new, '' = undecided) and the codes of the provinces it serves
    (of its era; both eras' when undecided)."""

    era: str = ""
    provinces: tuple[str, ...] = ()


class Query(NamedTuple):
    text: str = ""
    province: str = ""
    district: str = ""
    commune: str = ""
    province_code: str = ""
    district_code: str = ""
    commune_code: str = ""
    as_of: str = ""
    lat: str = ""
    lon: str = ""


def resolve(
    queries: pd.DataFrame, registry: Registry, *, scope: Scope = Scope(), carries: Carries = "people"
) -> pd.DataFrame:
    """One explained row per query, same index. `queries` are distinct values in any of COLUMNS, absent = NA or ''."""
    index = index_of(registry)
    given = Parents(_places(index, scope.provinces))
    found = [answer(index, _find(index, query, scope, given), carries) for query in _queries(queries)]
    columns = {name: [getattr(row, name) for row in found] for name in RESULT}
    return pd.DataFrame(columns, index=queries.index, columns=list(RESULT))


def _queries(frame: pd.DataFrame) -> Iterator[Query]:
    present = [name for name in COLUMNS if name in frame]
    values = [frame[name].fillna("").tolist() for name in present]
    for row in zip(*values, strict=True):
        yield Query(**dict(zip(present, row, strict=True)))


def _places(index: Index, codes: tuple[str, ...]) -> Iterator[str]:
    return (place for code in codes for place in (f"{OLD}:{code}", f"{NEW}:{code}") if place in index.inside)


def _find(index: Index, query: Query, scope: Scope, given: Parents) -> Finding:
    best: Finding | None = None
    for part in addresses(query.text):
        found = read_names(index, chunks(part, known_names(index)), given, eras_of(scope.era, query.as_of))
        if best is None or (found.uids and not best.uids):
            best = found
    return best or Finding("unknown", ())
