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

NOTHING = ("",) * 6
RESULT = tuple(field.name for field in fields(Answer))


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known of the whole column: its `era` (old | new, '' = undecided) and the codes of the provinces it serves
    and districts it serves: where a bare name is looked for first."""

    era: str = ""
    provinces: tuple[str, ...] = ()
    districts: tuple[str, ...] = ()


def resolve(
    queries: pd.DataFrame, registry: Registry, *, scope: Scope = Scope(), carries: Carries = "people"
) -> pd.DataFrame:
    """One explained row per query, same index. `queries` are distinct values in any of COLUMNS, absent = NA or ''."""
    index = index_of(registry)
    home = _home(index, scope)
    found = [answer(index, _find(index, query, scope.era, home), carries) for query in _queries(queries)]
    columns = {name: [getattr(row, name) for row in found] for name in RESULT}
    return pd.DataFrame(columns, index=queries.index, columns=list(RESULT))


def _queries(frame: pd.DataFrame) -> Iterator[Query]:
    present = [name for name in Query._fields if name in frame]
    values = [frame[name].fillna("").tolist() if name in present else repeat("") for name in Query._fields]
    rows = zip(*values) if present else ()
    return map(Query._make, rows)


def _home(index: Index, scope: Scope) -> Given:
    eras = (scope.era,) if scope.era else (OLD, NEW)
    places = (f"{era}:{code}" for code in scope.provinces for era in eras)
    return Given(
        home_provinces=frozenset(place for place in places if place in index.inside),
        home_districts=frozenset(code for code in scope.districts if code in index.inside),
    )


def _find(index: Index, query: Query, era: str, home: Given) -> Finding:
    """Code, then names in columns, then text. A lower step is taken only when the higher one has nothing to say."""
    eras = eras_of(era, query.as_of)
    if query[1:7] == NOTHING:
        return _read_text(index, query.text, (), home, eras)
    given = given_by_codes(index, query, era, home)
    names = named_chunks(index, query)
    code = clean_code(query.commune_code)
    if code:
        found = read_code(index, code, era, eras, _beside(index, names, given, query))
        if found.rule not in (CONFLICT, UNKNOWN_CODE) or not names:
            return found
        return conflict(found, read_names(index, names, given, eras))
    found = read_names(index, names, given, eras) if query.commune else Finding("no-commune", ())
    if found.uids or not query.text:
        return found
    return _read_text(index, query.text, names if not query.commune else (), given, eras)


def _read_text(index: Index, text: str, names: tuple[Chunk, ...], given: Given, eras: Eras) -> Finding:
    """The first of the text's addresses that names a unit; two that name different places are a conflict."""
    known = known_names(index)
    found = [read_names(index, chunks(part, known) + names, given, eras) for part in addresses(text)]
    named = [finding for finding in found if finding.uids]
    if len(named) > 1:
        return both_addresses(index, named[0], named[1])
    return named[0] if named else found[0] if found else Finding("unknown", ())
