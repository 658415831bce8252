"""The addresses of today as the official list writes them, and what the ladder finds for each: worked out at once for all
of them when the first is asked for, because an index of their words answers in a third of the time."""

from __future__ import annotations

from functools import lru_cache

from transforms.addresses import COMMUNE, Chunk
from transforms.match_keys import canonical
from transforms.units_answer import Finding
from transforms.units_context import block, province_mention
from transforms.units_index import NEW, TYPE_KEYS, Index, name_key
from transforms.units_ladder import read_name


@lru_cache(maxsize=8)
def new_addresses(index: Index, groups: tuple[tuple[str, ...], ...]) -> dict[str, Finding]:
    """Commune and province in words → the finding, without a district, a date or a scope. `groups`: see `Eras`."""
    found: dict[str, Finding] = {}
    around: dict[str, tuple[str, frozenset[int]]] = {}
    for row in index.registry.instances:
        if row.level == "province" and not row.valid_to:
            mention = province_mention(index, name_key(row.name), TYPE_KEYS[row.type], False)
            assert mention  # every province of the list is filed under its name
            around[row.code] = canonical(row.name), block(index, mention.parents, ())[0]
    for unit in index.units:
        if unit.era == NEW and not unit.valid_to:
            words, within = around[index.new_province[unit.code]]
            hit = read_name(index, Chunk(COMMUNE, unit.type, unit.key, True), within, groups)
            if hit and hit.rung == "canonical":
                found[f"{unit.type} {unit.key} {words}"] = Finding(hit.rung, hit.uids, hit.score, hit.runner_up, hit.runner_up_score)
    return found
