"""From province and district mentions to the set of communes an address can mean: the block that every rung looks in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA

from transforms.match_keys import omits_marks_only
from transforms.units_index import MIXED, NEW, Index, slot

Parents = frozenset[str]
MOST_ERRORS = 2


@dataclass(frozen=True, slots=True)
class Mention:
    """The parents a chunk may mean: places `old:27`/`new:24` or district codes; `exact` unless it took a fuzzy step."""

    parents: Parents
    exact: bool = True


@lru_cache(maxsize=8192)
def province_mention(index: Index, key: str, type_: str, fuzzy: bool) -> Mention | None:
    """Provinces of a name. `thành phố` means a province only where a province is or was a city."""
    places = index.provinces.get(slot(key), set())
    exact = bool(places)
    if not places and fuzzy:
        places = {place for name in nearest(slot(key), tuple(index.provinces)) for place in index.provinces[name]}
    if type_.startswith("thanh"):
        places = places & index.cities
    return Mention(frozenset(places), exact) if places else None


@lru_cache(maxsize=8192)
def district_mention(index: Index, key: str, type_: str, within: Parents, fuzzy: bool) -> Mention | None:
    """Districts of a name inside the provinces given (none = anywhere); the written type decides between homonyms."""
    names = districts_of(index, within) if within else index.districts
    filed = names.get(slot(key), set())
    codes = {code for code in filed if any(omits_marks_only(key, name) for name in index.district_keys[code])}
    exact = bool(codes)
    if not codes and fuzzy and within:
        codes = {code for name in nearest(slot(key), tuple(names)) for code in names[name]}
    if not codes:
        return None
    same_type = {code for code in codes if type_ and type_ in index.district_types[code]}
    return Mention(frozenset(same_type or codes), exact)


@lru_cache(maxsize=512)
def districts_of(index: Index, places: Parents) -> dict[str, set[str]]:
    """Name → codes of the districts of some provinces, old ones by their parent, new ones by where their communes went."""
    here = set().union(*(index.province_districts.get(place, set()) for place in places))
    found: dict[str, set[str]] = {}
    for code in here:
        for key in index.district_keys.get(code, ()):
            found.setdefault(slot(key), set()).add(code)
    return found


def allowed_errors(key: str) -> int:
    """One typing error in a short name, two from five letters on; below three letters none is believed."""
    return 0 if len(key) < 3 else 1 if len(key) < 5 else MOST_ERRORS


def nearest(key: str, names: Iterable[str]) -> list[str]:
    """The names within the fewest typing errors of a key, all of them when several are equally near."""
    allowed = allowed_errors(key)
    digits = [char for char in key if char.isdigit()]
    costs = ((name, OSA.distance(key, name, score_cutoff=allowed)) for name in names)
    ranked = sorted(((cost, name) for name, cost in costs if cost <= allowed))
    kept = [(name, cost) for cost, name in ranked if [char for char in name if char.isdigit()] == digits]
    return [name for name, cost in kept if cost == kept[0][1]]


@lru_cache(maxsize=4096)
def block(index: Index, provinces: Parents, districts: tuple[Parents, ...]) -> tuple[frozenset[int], ...]:
    """Sets of commune ids to look in, the strictest first. Several district mentions must all hold."""
    inside = index.inside
    units = [frozenset().union(*(inside.get(code, set()) for code in group)) for group in districts]
    local = frozenset.intersection(*units) if units else None
    if not provinces:
        return (local,) if local else ()
    mixed = frozenset().union(*(inside.get(f"{MIXED}:{place}", set()) for place in provinces))
    old = frozenset().union(*(inside.get(place, set()) for place in provinces if not place.startswith(NEW)))
    new = frozenset().union(*(inside.get(place, set()) for place in provinces if place.startswith(NEW)))
    fresh = frozenset(uid for uid in new if index.units[uid].era == NEW)
    if local is None:
        return tuple(part for part in (old | fresh, new | mixed) if part)
    return tuple(part for part in (local & (old | fresh), local & new) if part) if local & old else (local & new,) if local & new else ()
