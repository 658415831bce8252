"""The rungs that read a commune's name inside a block, best evidence first. The first rung that finds anything decides.

1 canonical              the name and its type word as written, spelling differences aside
2 unaccented             marks left out, type word equal
3 type-free              the name is equal; the type word is missing or another one (xã became phường)
4 unaccented-type-free   both
5 fuzzy                  few typing errors, far enough from the next name, digits equal (`units_fuzzy`)

A mark that was written and contradicts the name is an error to be weighed (rung 5), never a missing mark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from transforms.addresses import Chunk
from transforms.match_keys import omits_marks_only
from transforms.units_index import HISTORIC, NEW, OLD, Index, Unit, slot

RUNGS = ("canonical", "unaccented", "type-free", "unaccented-type-free")


@dataclass(frozen=True, slots=True)
class Hit:
    """The units a rung found, equally good among themselves; `cost` counts typing errors; `runner_up` is the next."""

    rung: str
    uids: tuple[int, ...]
    score: float = 100.0
    runner_up: int = -1
    runner_up_score: float = 0.0


def read_name(index: Index, chunk: Chunk, within: frozenset[int] | None, eras: tuple[tuple[str, ...], ...]) -> Hit | None:
    """The first of rungs 1–4 that finds a unit. `eras`: which to look in, the likeliest group first."""
    best, found = len(RUNGS), []
    second = -1
    for uid in index.communes.get(slot(chunk.key), ()):
        if within is not None and uid not in within:
            continue
        rung = _rung(chunk, index.units[uid])
        if rung < best:
            second = found[0] if found else second
            best, found = rung, [uid]
        elif rung == best < len(RUNGS):
            found.append(uid)
        else:
            second = uid
    if not found:
        return None
    kept, dropped = prefer(index, found, eras)
    if not kept:
        return None
    return Hit(RUNGS[best], kept, 100.0, dropped[0] if dropped else second, 100.0 if dropped or second >= 0 else 0.0)


def _rung(chunk: Chunk, unit: Unit) -> int:
    other_type = chunk.type != unit.type
    if chunk.key == unit.key:
        return 2 if other_type else 0
    if omits_marks_only(chunk.key, unit.key):
        return 3 if other_type else 1
    return len(RUNGS)


def prefer(index: Index, uids: Iterable[int], eras: tuple[tuple[str, ...], ...]) -> tuple[tuple[int, ...], list[int]]:
    """The units of the first group of eras that has any, and those passed over."""
    uids = list(uids)
    for group in eras:
        kept = tuple(uid for uid in uids if index.units[uid].era in group)
        if kept:
            return kept, [uid for uid in uids if uid not in kept]
    return (), uids


WITH_DISTRICT = ((OLD,), (HISTORIC, NEW))  # a district is named: the address speaks of the time before the reform
WITHOUT_DISTRICT = ((OLD, NEW), (HISTORIC,))
ONLY_OLD = ((OLD,), (HISTORIC,))
ONLY_NEW = ((NEW,),)
