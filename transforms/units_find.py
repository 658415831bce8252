"""One query to what was found: code, then names in columns, then text, and what to do when two of them disagree."""

from __future__ import annotations

from functools import lru_cache

from transforms.addresses import CITY, COMMUNE, DISTRICT, PROVINCE, Chunk, addresses, chunks
from transforms.match_keys import address_key
from transforms.units_answer import Finding, successors
from transforms.units_codes import CONFLICT, UNKNOWN_CODE, Beside, clean_code, read_code
from transforms.units_context import block
from transforms.units_index import NEW, OLD, Index, known_names
from transforms.units_ladder import Eras, eras_of
from transforms.units_listed import new_address
from transforms.units_names import read_names
from transforms.units_query import Query, column_chunks, given_by_codes, named_chunks
from transforms.units_reading import Given, readings

NO_COLUMNS = ("",) * 6


def find(index: Index, query: Query, era: str, home: Given) -> Finding:
    """Code, then names in columns, then text. A lower step is taken only when the higher one has nothing to say."""
    eras = eras_of(era, query.as_of)
    if query[1:7] == NO_COLUMNS:
        return _whole(index, query.text, eras, home) or _read_text(index, query.text, (), home, eras)
    code = clean_code(query.commune_code)
    quick = (_official(index, query, code, era, eras) if code else None) or _whole_columns(index, query, code, eras, home)
    if quick:
        return quick
    given = given_by_codes(index, query, era, home)
    names = named_chunks(index, query)
    if code:
        found = read_code(index, code, era, eras, _beside(index, names, given))
        if found.rule not in (CONFLICT, UNKNOWN_CODE) or not names:
            return found
        return conflict(found, read_names(index, names, given, eras))
    found = read_names(index, names, given, eras) if query.commune else Finding("no-commune", ())
    if found.uids or not query.text:
        return found
    return _read_text(index, query.text, names if not query.commune else (), given, eras)


def _whole(index: Index, text: str, eras: Eras, home: Given) -> Finding | None:
    """The short cut of rungs 1 and 3 for an address that is nothing but its official names, three or two."""
    key = address_key(text)
    uid, rung = index.whole.get(key, -1), "canonical"
    if uid < 0:
        uid, rung = index.whole_bare.get(key, -1), "unaccented"
    if uid < 0 and not eras.day and not home.home_districts:
        return new_address(index, key, eras.without_district)
    if uid < 0 or OLD not in eras.with_district[0] or (eras.day and not index.units[uid].holds(eras.day)):
        return None
    return Finding(rung, (uid,))


def _official(index: Index, query: Query, code: str, era: str, eras: Eras) -> Finding | None:
    """The short cuts of rung 1: a code beside the very words of the official list, or beside nothing or one commune's name.
    What the parents allow is worked out once for all their communes. Whatever does not fit takes the long way."""
    uid = _as_listed(index, query, code, era or OLD, eras)
    if uid >= 0:
        return Finding("code", (uid,))
    parents = _parents(index, query.district, query.province, query.district_code, query.province_code, era)
    if parents is None:
        return None
    name = _name_of(index, query.commune, code) if query.commune else None
    if query.commune and name is None:
        return None
    found = read_code(index, code, era, eras, Beside(name, parents.blocks, parents.has_parents, parents.has_district))
    return None if found.rule in (CONFLICT, UNKNOWN_CODE) else found


def _as_listed(index: Index, query: Query, code: str, era: str, eras: Eras) -> int:
    """The unit of a code whose era leaves no second reading, when everything beside it is as listed; -1 otherwise."""
    if NEW in eras.without_district[0] and era != NEW and not (query.district or query.district_code):
        return -1
    uid, words = index.official.get((era, code), (-1, ()))
    if uid < 0 or (eras.day and not index.units[uid].holds(eras.day)):
        return -1
    beside = query[1:6]
    if beside == words or all(not given or given == word for given, word in zip(beside, words, strict=True)):
        return uid
    return -1


def _name_of(index: Index, written: str, code: str) -> Chunk | None:
    """The name beside a code: as the official list writes it, or as the grammar reads it. None when it is not one commune."""
    for uid in index.by_code.get(code, ()):
        unit = index.units[uid]
        if written == unit.name:
            return Chunk(COMMUNE, unit.type, unit.key, True)
    found = column_chunks(index, written, COMMUNE)
    return found[0] if len(found) == 1 and found[0].level == COMMUNE else None


@lru_cache(maxsize=4096)
def _parents(index: Index, district: str, province: str, district_code: str, province_code: str, era: str) -> Beside | None:
    """What stands above the commune; None when the columns hold more than one parent's name each."""
    query = Query(district=district, province=province, district_code=district_code, province_code=province_code)
    names = named_chunks(index, query)
    if any(chunk.level not in (DISTRICT, CITY, PROVINCE) for chunk in names):
        return None
    return _beside(index, names, given_by_codes(index, query, era, Given()))


def _whole_columns(index: Index, query: Query, code: str, eras: Eras, home: Given) -> Finding | None:
    """The same for name columns; a code beside them must be that unit's, other codes take the long way."""
    if not (query.commune and query.province) or query.province_code or query.district_code:
        return None
    if not query.district and query.commune_code:
        return None
    found = _whole(index, f"{query.commune},{query.district},{query.province}", eras, home)
    if not found or not query.commune_code:
        return found
    return Finding("code", found.uids) if code == index.units[found.uids[0]].code else None


def _read_text(index: Index, text: str, names: tuple[Chunk, ...], given: Given, eras: Eras) -> Finding:
    """The first of the text's addresses that names a unit; two that name different places are a conflict."""
    known = known_names(index)
    found = [read_names(index, chunks(part, known) + names, given, eras) for part in addresses(text)]
    named = [finding for finding in found if finding.uids]
    if len(named) > 1:
        return both_addresses(index, named[0], named[1])
    return named[0] if named else found[0] if found else Finding("unknown", ())


def _beside(index: Index, names: tuple[Chunk, ...], given: Given) -> Beside:
    """What the code must fit: the name, and every block that the parents allow (none when they contradict each other)."""
    has_district = bool(given.districts) or any(chunk.level == DISTRICT for chunk in names)
    has_parents = has_district or bool(given.provinces) or any(chunk.level == PROVINCE for chunk in names)
    bare = Given(given.provinces, given.districts)
    found = has_parents and (list(readings(index, names, bare, False)) or list(readings(index, names, bare, True)))
    blocks = [part for reading in found or () for part in block(index, reading.provinces, reading.districts)]
    commune = next((chunk for chunk in names if chunk.level == COMMUNE), None)
    return Beside(commune, tuple(blocks), has_parents, has_district)


def conflict(one: Finding, other: Finding) -> Finding:
    """Both sides' units as candidates: nothing here says which of them is the mistake."""
    uids = tuple(dict.fromkeys(one.uids + other.uids))
    return Finding(CONFLICT, uids, min(one.score, other.score), evidence=one.evidence, settled=False)


def both_addresses(index: Index, first: Finding, second: Finding) -> Finding:
    """`A (nay là B)`: one place under two names, if what became of A allows B; otherwise a conflict."""
    one, _ = successors([index.units[uid] for uid in first.uids], "both")
    two, _ = successors([index.units[uid] for uid in second.uids], "both")
    shared = sorted(set(one) & set(two))
    if not shared or not (first.settled and second.settled):
        return conflict(first, second)
    if len(shared) == len(one):
        return first
    return first._replace(only=tuple(shared), by="text", evidence="the address names the new unit too")
