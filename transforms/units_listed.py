"""An address of today as the official list writes it: its parent and its name are known without reading the words again,
only what else bears the name there is looked up."""

from __future__ import annotations

from functools import lru_cache

from transforms.addresses import COMMUNE, Chunk
from transforms.units_answer import Finding
from transforms.units_context import block, province_mention
from transforms.units_index import TYPE_KEYS, Index, name_key
from transforms.units_ladder import read_name

Groups = tuple[tuple[str, ...], ...]


def new_address(index: Index, key: str, groups: Groups) -> Finding | None:
    """What the ladder finds for commune and province in words, without a district, a date or a scope; None when `key` is
    not in the list, or the ladder has more to say. `groups`: see `Eras`."""
    uid = index.whole_new.get(key)
    if uid is None:
        return None
    unit = index.units[uid]
    hit = read_name(index, Chunk(COMMUNE, unit.type, unit.key, True), _around(index, index.new_province[unit.code]), groups)
    if hit is None or hit.rung != "canonical":
        return None
    return Finding(hit.rung, hit.uids, hit.score, hit.runner_up, hit.runner_up_score)


@lru_cache(maxsize=128)
def _around(index: Index, province: str) -> frozenset[int]:
    """The communes that an address in a province of today may mean first."""
    row = next(row for row in index.registry.instances if row.code == province and not row.valid_to)
    mention = province_mention(index, name_key(row.name), TYPE_KEYS[row.type], False)
    assert mention  # every province of the list is filed under its name
    return block(index, mention.parents, ())[0]
