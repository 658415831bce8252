"""Which chunk is the province, which the district, which the commune: all readings that use every unit word written.

A chunk with a type word of the district or province level must find its unit, and all of them must fit together;
otherwise the address contradicts itself and no reading exists. Plain chunks take the level that fits, from the right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from transforms.addresses import CITY, COMMUNE, DISTRICT, PLAIN, PROVINCE, Chunk
from transforms.units_context import Mention, Parents, district_mention, province_mention
from transforms.units_index import Index, slot


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the chunks. `exact`: no parent needed a fuzzy step; `ignores_place`: a chunk that could be the
    province is not read as one; not `is_sure`: the district is a plain name that is a province's too. `communes` in the order to try."""

    provinces: Parents
    districts: tuple[Parents, ...]
    communes: tuple[Chunk, ...]
    exact: bool = True
    ignores_place: bool = False
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class Given:
    """Parents known beside the words: from code columns (they must hold) and from the system's scope (`home`: where a
    name that says nothing of its parents is looked for)."""

    provinces: Parents = frozenset()
    districts: tuple[Parents, ...] = ()
    home_provinces: Parents = frozenset()
    home_districts: Parents = frozenset()


def readings(index: Index, chunks: tuple[Chunk, ...], given: Given, fuzzy: bool) -> Iterator[Reading]:
    """All consistent readings, the likeliest first."""
    named_place = False
    for at, province in _provinces(index, chunks, fuzzy):
        places = province.parents if province else given.provinces or given.home_provinces
        if province and given.provinces:
            places &= given.provinces
            if not places:
                continue
        exact, ignores = province is None or province.exact, province is None and named_place
        named_place = named_place or province is not None
        rest = chunks[:at] + chunks[at + 1 :] if province else chunks
        for districts, communes, all_exact in _districts(index, rest, places, fuzzy):
            is_sure = bool(places) or not any(chunk.level == PLAIN and _is_either(index, chunk) for chunk in rest[-1:])
            if given.home_districts and not districts and not given.districts:
                yield Reading(places, (given.home_districts,), communes, exact and all_exact)
            yield Reading(places, districts + given.districts, communes, exact and all_exact, ignores, is_sure)


def _is_either(index: Index, chunk: Chunk) -> bool:
    """`Ngọc Trạo, Thanh Hóa`: the city or the province?"""
    return slot(chunk.key) in index.provinces and slot(chunk.key) in index.districts


def _provinces(index: Index, chunks: tuple[Chunk, ...], fuzzy: bool) -> Iterator[tuple[int, Mention | None]]:
    named = [at for at, chunk in enumerate(chunks) if chunk.level == PROVINCE]
    plain = [at for at, chunk in enumerate(chunks) if chunk.level in (CITY, PLAIN)]
    places = reversed(named or plain)
    found = False
    for at in places:
        chunk = chunks[at]
        last = at == len(chunks) - 1
        mention = province_mention(index, chunk.key, chunk.type, fuzzy and (bool(named) or last))
        if mention:
            found = True
            yield at, mention
    if not any(chunks[at].full for at in named) and not (found and named):
        yield -1, None


def _districts(
    index: Index, chunks: tuple[Chunk, ...], places: Parents, fuzzy: bool
) -> Iterator[tuple[tuple[Parents, ...], tuple[Chunk, ...], bool]]:
    """(district mentions, commune chunks, no fuzzy step) for every way to take districts out of the chunks."""
    named = [chunk for chunk in chunks if chunk.level in (DISTRICT, CITY)]
    rest = tuple(chunk for chunk in chunks if chunk.level in (COMMUNE, PLAIN))
    if named:
        mentions = [district_mention(index, chunk.key, chunk.type, places, fuzzy) for chunk in named]
        kept = [mention for mention in mentions if mention]
        if len(kept) == len(named):
            exact = all(mention.exact for mention in kept)
            yield tuple(mention.parents for mention in kept), _communes(rest, -1), exact
        return
    for at in range(len(rest) - 1, -1, -1):
        if rest[at].level != PLAIN or len(rest) == 1:
            continue
        mention = district_mention(index, rest[at].key, "", places, False)
        if mention:
            yield (mention.parents,), _communes(rest[:at] + rest[at + 1 :], at), True
    yield (), _communes(rest, -1), True


def _communes(chunks: tuple[Chunk, ...], near: int) -> tuple[Chunk, ...]:
    """Chunks with a commune's type word, those in full before abbreviations; else the plain chunks next to the district."""
    named = [chunk for chunk in chunks if chunk.level == COMMUNE]
    if named:
        full = [chunk for chunk in named if chunk.full]
        return tuple(reversed(full or named))
    if near < 0:
        return tuple(chunk for chunk in chunks[-1:] if chunk.level == PLAIN)
    return tuple(chunk for chunk in chunks[max(near - 1, 0) : near + 1] if chunk.level == PLAIN)
