"""The last rung: the nearest name in the block, if it is near enough and alone.

The cost of a candidate is its number of
typing errors (insert, delete, substitute, swap of neighbours), half an error more when the type word is another one. It is taken when
the cost is small for the length, the next different unit costs clearly more, and the digits are equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from transforms.addresses import Chunk
from transforms.match_keys import bare, squeezed
from transforms.units_context import allowed_errors
from transforms.units_index import Index, slot
from transforms.units_ladder import Hit

MIN_RATIO = 70.0
MARGIN = 1.0
BARE_MARGIN = 1.5  # without marks and beside a damaged parent: half the letters of the address are in doubt
OTHER_TYPE = 0.5
MARKS = 0.5
SEVERAL = 2
ONE_SLIP = 1.0


@lru_cache(maxsize=2048)
def _names(index: Index, within: frozenset[int], groups: tuple[tuple[str, ...], ...]) -> dict[int, str]:
    allowed = {era for group in groups for era in group}
    return {uid: slot(index.units[uid].key) for uid in within if index.units[uid].era in allowed}


def read_fuzzy(
    index: Index, chunk: Chunk, within: frozenset[int], groups: tuple[tuple[str, ...], ...], *, margin: float = MARGIN
) -> Hit | None:
    """The nearest unit of the block, or None when none is near and alone."""
    key = slot(chunk.key)
    allowed = allowed_errors(key)
    if not allowed:
        return None
    names = _names(index, within, groups)
    near = process.extract(key, names, scorer=OSA.distance, score_cutoff=allowed + 1, limit=8)
    ranked = sorted((_cost(index, chunk, uid, bare_cost), uid) for name, bare_cost, uid in near if _same_digits(key, name))
    if not ranked or ranked[0][0] > allowed + OTHER_TYPE:
        return None
    cost, best = ranked[0]
    heirs = set(index.units[best].successors)
    rivals = [(c, uid) for c, uid in ranked[1:] if set(index.units[uid].successors) != heirs]
    score = _ratio(index, chunk, best)
    if _is_other_word(bare(chunk.key), bare(index.units[best].key)) or (cost >= ONE_SLIP + MARKS * chunk.bare and _is_a_name(index, chunk)):
        return None
    if score < MIN_RATIO or (rivals and rivals[0][0] - cost < margin):
        return None
    runner_up = rivals[0][1] if rivals else -1
    return Hit("fuzzy", (best,), score, runner_up, _ratio(index, chunk, runner_up) if rivals else 0.0)


def _is_a_name(index: Index, chunk: Chunk) -> bool:
    """Is there a commune of exactly this name somewhere? Then it is no garbled other one, but an address that does not fit."""
    units = (index.units[uid] for uid in index.communes.get(slot(chunk.key), ()))
    return any(chunk.key == (bare(unit.key) if chunk.bare else unit.key) for unit in units)


def _cost(index: Index, chunk: Chunk, uid: int, bare_cost: int) -> float:
    """Errors in the letters; where marks were written, errors in the marks count too, but less."""
    unit = index.units[uid]
    cost = float(bare_cost)
    if chunk.key != bare(chunk.key):
        marked = OSA.distance(squeezed(chunk.key), squeezed(unit.key))
        cost += MARKS * max(marked - bare_cost, 0)
    return cost + OTHER_TYPE * (bool(chunk.type) and chunk.type != unit.type)


def _is_other_word(written: str, name: str) -> bool:
    """Letters replaced in every syllable, the first letter too: nothing is left to know the name by. `Không Tên` (no name)
    is no misspelling of `Thông Tân`. Lost, doubled and swapped letters are slips of a hand and do not count."""
    one, other = squeezed(written), squeezed(name)
    if one[0] == other[0] or len(one) != len(other) or not set(written.split()).isdisjoint(name.split()):
        return False
    replaced = sum(a != b for a, b in zip(one, other, strict=True))
    return SEVERAL <= replaced <= OSA.distance(one, other)


def _ratio(index: Index, chunk: Chunk, uid: int) -> float:
    marked = chunk.key != bare(chunk.key)
    return fuzz.ratio(squeezed(chunk.key), squeezed(index.units[uid].key if marked else bare(index.units[uid].key)))


def _same_digits(one: str, other: str) -> bool:
    return _digits(one) == _digits(other)


def _digits(text: Iterable[str]) -> list[str]:
    return [char for char in text if char.isdigit()]
