"""When a parent's name is too damaged to be found, it may still confirm: the commune is found by its exact name among the
communes of the parents that are readable, and the damaged name must resemble that commune's own parent."""

from __future__ import annotations

from rapidfuzz import fuzz

from transforms.addresses import CITY, COMMUNE, DISTRICT, PROVINCE, Chunk
from transforms.units_answer import Finding
from transforms.units_context import block
from transforms.units_index import Index, slot
from transforms.units_ladder import Eras, read_name
from transforms.units_reading import Given, readings

RESEMBLES = 60.0


def read_verified(index: Index, chunks: tuple[Chunk, ...], given: Given, eras: Eras) -> Finding | None:
    """Leave one damaged parent out, find the commune exactly, and let the damaged name confirm it."""
    for at, damaged in enumerate(chunks):
        if damaged.level not in (DISTRICT, CITY, PROVINCE) or not damaged.full or _exists(index, damaged):
            continue
        rest = chunks[:at] + chunks[at + 1 :]
        for reading in readings(index, rest, given, False):
            found = {
                uid
                for within in block(index, reading.provinces, reading.districts)[:1]
                for chunk in reading.communes
                if chunk.level == COMMUNE and (hit := read_name(index, chunk, within, eras.with_district, eras.day))
                if hit.rung in ("canonical", "unaccented")
                for uid in hit.uids
            }
            kept = tuple(sorted(uid for uid in found if _confirms(index, damaged, uid)))
            if len(kept) == 1:
                return Finding("fuzzy-parent+canonical", kept, evidence=f"{damaged.level} name damaged, resembles its own")
    return None


def _exists(index: Index, chunk: Chunk) -> bool:
    """A name that is some parent's is not damaged; if it does not fit, the address contradicts itself."""
    key = slot(chunk.key)
    return key in index.provinces if chunk.level == PROVINCE else key in index.districts or key in index.provinces


def _confirms(index: Index, damaged: Chunk, uid: int) -> bool:
    key = slot(damaged.key)
    names = index.parent_names(uid, PROVINCE if damaged.level == PROVINCE else DISTRICT)
    digits = [char for char in key if char.isdigit()]
    return any(fuzz.ratio(key, name) >= RESEMBLES and [char for char in name if char.isdigit()] == digits for name in names)
