"""The rungs that read a commune's name inside a block, best evidence first. The first rung that finds anything decides.

1 canonical              the name and its type word as written, spelling differences aside
2 alias                  a cited other name
3 unaccented             marks left out, type word equal
4 type-free              the name is equal; the type word is missing or another one (xã became phường)
5 unaccented-type-free   both
6 fuzzy                  few typing errors, far enough from the next name, digits equal (`units_fuzzy`)

A mark that was written and contradicts the name is an error to be weighed (rung 6), never a missing mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from transforms.addresses import Chunk
from transforms.match_keys import omits_marks_only
from transforms.units_index import HISTORIC, NEW, OLD, Index, Unit, slot
from transforms.units_outcome import REFORM

RUNGS = ("canonical", "alias", "unaccented", "type-free", "unaccented-type-free")


@dataclass(frozen=True, slots=True)
class Hit:
    """The units a rung found, equally good among themselves; `cost` counts typing errors; `runner_up` is the next."""

    rung: str
    uids: tuple[int, ...]
    score: float = 100.0
    runner_up: int = -1
    runner_up_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Eras:
    """Which eras a name is looked for in, the likeliest group first, with and without a district beside it; `day` is the
    date the names are known to be of."""

    with_district: tuple[tuple[str, ...], ...] = ((OLD,), (HISTORIC, NEW))  # a district: the time before the reform
    without_district: tuple[tuple[str, ...], ...] = ((OLD, NEW), (HISTORIC,))
    day: str = ""


@lru_cache(maxsize=1024)
def eras_of(era: str, as_of: str) -> Eras:
    """What the column's era and the row's date say. A date after the reform makes the new reading likelier, no more."""
    if era == NEW:
        return Eras(((NEW,),), ((NEW,),), as_of)
    if era or (as_of and as_of < REFORM):
        return Eras(((OLD,), (HISTORIC,)), ((OLD,), (HISTORIC,)), as_of)
    return Eras(without_district=((NEW,), (OLD,), (HISTORIC,)), day=as_of) if as_of else Eras()


def read_name(index: Index, chunk: Chunk, within: frozenset[int] | None, groups: tuple[tuple[str, ...], ...], day: str = "") -> Hit | None:
    """The first of rungs 1–5 that finds a unit inside the block (None = the whole country)."""
    key = slot(chunk.key)
    allowed = {era for group in groups for era in group}
    here = index.communes.get(key, ())
    here = here if within is None else [uid for uid in here if uid in within]
    graded = [(_rung(chunk, unit), uid) for uid in here if (unit := index.units[uid]).era in allowed]
    if key in index.aliases:
        others = [uid for alias, uid in index.aliases[key] if alias == chunk.key and (within is None or uid in within)]
        graded += [(RUNGS.index("alias"), uid) for uid in others if index.units[uid].era in allowed]
    graded.sort()
    if not graded or graded[0][0] == len(RUNGS):
        return None
    best = graded[0][0]
    kept, passed = prefer(index, [uid for rung, uid in graded if rung == best], groups, day)
    passed += [uid for rung, uid in graded if rung > best]
    return Hit(RUNGS[best], kept, 100.0, passed[0] if passed else -1, 100.0 if passed else 0.0)


def _rung(chunk: Chunk, unit: Unit) -> int:
    other_type = chunk.type != unit.type
    if chunk.key == unit.key and not chunk.bare:
        return 3 if other_type else 0
    if omits_marks_only(chunk.key, unit.key):
        return 4 if other_type else 2
    return len(RUNGS)


def prefer(index: Index, uids: list[int], groups: tuple[tuple[str, ...], ...], day: str = "") -> tuple[tuple[int, ...], list[int]]:
    """The units that were valid on the day, else those of the first group of eras that has any; and those passed over."""
    choices = [[uid for uid in uids if day and index.units[uid].holds(day)]]
    choices += [[uid for uid in uids if index.units[uid].era in group] for group in groups]
    kept = next((choice for choice in choices if choice), [])
    return tuple(kept), [uid for uid in uids if uid not in kept]
