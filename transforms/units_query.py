"""A query's columns as chunks of known level, so that names in columns and free text climb the same ladder."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from transforms.addresses import COMMUNE, DETAIL, DISTRICT, PLAIN, PROVINCE, Chunk, addresses, chunks
from transforms.units_codes import clean_code
from transforms.units_index import NEW, OLD, Index, known_names
from transforms.units_reading import Given


class Query(NamedTuple):
    """One distinct value: any mix of text, names, codes, a date and a point. '' = absent."""

    text: str = ""
    province: str = ""
    district: str = ""
    commune: str = ""
    province_code: str = ""
    district_code: str = ""
    commune_code: str = ""
    as_of: str = ""
    lat: str = ""
    lon: str = ""


def named_chunks(index: Index, query: Query) -> tuple[Chunk, ...]:
    """The chunks of the name columns, smallest unit first. A column that holds a whole address is read as one."""
    found: list[Chunk] = []
    for value, level in ((query.commune, COMMUNE), (query.district, DISTRICT), (query.province, PROVINCE)):
        if value:
            found += column_chunks(index, value, level)
    is_bare = (query.commune + query.district + query.province).isascii()
    return tuple(chunk if chunk.bare == is_bare else replace(chunk, bare=is_bare) for chunk in found)


@lru_cache(maxsize=8192)
def column_chunks(index: Index, value: str, level: str) -> tuple[Chunk, ...]:
    """The chunks of one name column. A column names the unit of its level, whether or not the type word stands there."""
    parts = addresses(value)
    found = chunks(parts[0], known_names(index)) if parts else ()
    if len(found) != 1:
        return found
    chunk = found[0]
    if chunk.level in (PLAIN, DETAIL) or not chunk.full:
        whole = chunk if chunk.level in (PLAIN, DETAIL, level) else replace(chunk, type="")
        return (replace(whole, level=level, full=True),)
    if chunk.type.startswith("thanh") and level != COMMUNE:
        return (replace(chunk, level=level),)
    return found


def given_by_codes(index: Index, query: Query, era: str, home: Given) -> Given:
    """Parents from the code columns. A province code of an undecided era means either province."""
    province, district = clean_code(query.province_code, 2), clean_code(query.district_code, 3)
    eras = (era,) if era else (OLD,) if district else (OLD, NEW)
    places = frozenset(place for side in eras if (place := f"{side}:{province}") in index.inside)
    districts = (frozenset({district}),) if district in index.inside else ()
    return replace(home, provinces=places, districts=districts)
