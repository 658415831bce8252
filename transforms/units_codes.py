"""The first rung: a commune code with its era. A code without an era names up to two places and decides nothing alone.

The era comes from the column (scope), the row's date, a district beside it, or the name beside it when it fits one
reading only. A name or parent that contradicts the code is a conflict: both sides' successors are candidates, and a
steward or more evidence decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from transforms.addresses import Chunk
from transforms.match_keys import bare, omits_marks_only, squeezed
from transforms.units_answer import Finding
from transforms.units_context import MOST_ERRORS, allowed_errors
from transforms.units_index import HISTORIC, NEW, OLD, Index, Unit, slot
from transforms.units_ladder import Eras, prefer

_NUMBER = re.compile(r"(\d{1,5})(?:\.0+)?")
CONFLICT, ERA_UNDECIDED, UNKNOWN_CODE = "conflict", "era-undecided", "unknown-code"


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a code: the commune name's chunk, the blocks of its parents, and whether a district is named."""

    name: Chunk | None
    blocks: tuple[frozenset[int], ...]
    has_parents: bool
    has_district: bool


def clean_code(raw: str, width: int = 5) -> str:
    """A code as text of its full width: spreadsheets drop leading zeros and add `.0`. '' when it is no code."""
    if len(raw) == width and raw.isascii() and raw.isdigit() and raw.strip("0"):
        return raw
    found = _NUMBER.fullmatch(raw.strip())
    return found[1].zfill(width) if found and len(found[1]) <= width and int(found[1]) else ""


def read_code(index: Index, code: str, era: str, eras: Eras, beside: Beside) -> Finding:
    """The unit of a code, a conflict, or an undecided era."""
    sides = _instances(index, code, eras, old=era != NEW, new=_new_is_possible(era, eras, beside))
    if eras.day:  # a date tells the era of a code
        sides = [uid for uid in sides if index.units[uid].holds(eras.day)] or sides
    if not sides:
        return Finding(UNKNOWN_CODE, (), evidence=f"code {code} is no {era or 'known'} commune code", settled=False)
    fitting = [uid for uid in sides if _fits(index, uid, code, beside)]
    if not fitting:
        return Finding(CONFLICT, tuple(sides), evidence="code and name or parents disagree", settled=False)
    if len(fitting) == 1:
        why = "" if len(sides) == 1 else "code and name fit one era only"
        return Finding("code", (fitting[0],), evidence=why)
    heirs = {pair[0] for uid in fitting for pair in index.units[uid].successors}
    if len(heirs) == 1:
        return Finding("code", tuple(fitting), evidence="old and new reading lead to the same unit")
    return Finding(ERA_UNDECIDED, tuple(fitting), evidence=f"code {code} is a unit of both eras", settled=False)


def _new_is_possible(era: str, eras: Eras, beside: Beside) -> bool:
    return era == NEW or (not era and not beside.has_district and NEW in eras.without_district[0])


def _instances(index: Index, code: str, eras: Eras, *, old: bool, new: bool) -> list[int]:
    """The unit that the code named last, or on the day, in the old system and in the new one, as far as they are asked."""
    sides: tuple[list[int], list[int]] = [], []
    for uid in index.by_code.get(code, ()):
        sides[index.units[uid].era == NEW].append(uid)
    return [_one_of(index, uids, eras) for uids, asked in zip(sides, (old, new), strict=True) if uids and asked]


def _one_of(index: Index, uids: list[int], eras: Eras) -> int:
    if len(uids) == 1:
        return uids[0]
    kept, _ = prefer(index, uids, ((OLD,), (HISTORIC,), (NEW,)), eras.day)
    return max(kept, key=lambda uid: index.units[uid].valid_from)


def _fits(index: Index, uid: int, code: str, beside: Beside) -> bool:
    """Does the name beside the code fit the unit, or a name that the same code had in the same era?"""
    if beside.has_parents and not any(uid in block for block in beside.blocks):
        return False
    name, its = beside.name, index.units[uid]
    if name is None or name.key == its.key:
        return True
    near = False
    for other in index.by_code[code]:
        unit = index.units[other]
        if (unit.era == NEW) == (its.era == NEW):
            if _is_named(name, unit):
                return True
            near = near or same_name(name, unit)
    return near and not _names_neighbour(index, uid, code, beside)


def _is_named(chunk: Chunk, unit: Unit) -> bool:
    return slot(chunk.key) == slot(unit.key) and omits_marks_only(chunk.key, unit.key)


def _names_neighbour(index: Index, uid: int, code: str, beside: Beside) -> bool:
    """Is what was written the name of another unit of that time in the same parents? Then it is no misspelling of this one."""
    assert beside.name
    era = NEW if index.units[uid].era == NEW else OLD
    others = [index.units[other] for other in index.communes.get(slot(beside.name.key), ()) if index.units[other].code != code]
    named = {unit.uid for unit in others if unit.era == era and _is_named(beside.name, unit)}
    around = beside.blocks if beside.has_parents else [group for group in index.inside.values() if uid in group]
    return any(not named.isdisjoint(group) for group in around)


def same_name(chunk: Chunk, unit: Unit) -> bool:
    """Equal, marks left out, or a typing error: enough to confirm a code, never to find a unit."""
    if _is_named(chunk, unit):
        return True
    if abs(len(slot(chunk.key)) - len(slot(unit.key))) > MOST_ERRORS:
        return False
    written, name = (chunk.key, unit.key) if chunk.key != bare(chunk.key) else (chunk.key, bare(unit.key))
    written, name = squeezed(written), squeezed(name)
    allowed = min(allowed_errors(written), allowed_errors(name))
    if abs(len(written) - len(name)) > allowed or OSA.distance(written, name, score_cutoff=allowed) > allowed:
        return False
    return bare(written).isalpha() and bare(name).isalpha()
