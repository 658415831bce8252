"""Dictionaries over one version of the registry, built once: what can a name mean, inside which parent, and what
became of it. Everything the ladder asks is a look-up here; nothing is decided here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from functools import lru_cache

import pandas as pd

from mappings.units.registry import Registry
from transforms.match_keys import bare, canonical, numbered, squeezed
from transforms.units_outcome import REFORM, Successor, outcomes

OLD, NEW, HISTORIC = "old", "new", "historic"
_TYPE_KEYS = tuple(
    canonical(word)
    for word in ("Thành phố", "Thị trấn", "Thị xã", "Đặc khu", "Phường", "Huyện", "Quận", "Tỉnh", "Xã")
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit instance a name or code may mean. `key` is its canonical name without the type word, `type` the canonical word."""

    uid: int
    code: str
    valid_from: str
    valid_to: str
    name: str
    type: str
    key: str
    era: str
    successors: tuple[Successor, ...]

    def holds(self, day: str) -> bool:
        return self.valid_from <= day and (not self.valid_to or day < self.valid_to)


@dataclass(eq=False)
class Index:
    """`communes`/`districts`/`provinces`: squeezed unaccented name → ids. `inside`: parent → ids of communes."""

    registry: Registry
    units: list[Unit] = field(default_factory=list)
    communes: dict[str, list[int]] = field(default_factory=dict)
    districts: dict[str, set[str]] = field(default_factory=dict)
    provinces: dict[str, set[str]] = field(default_factory=dict)
    aliases: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    inside: dict[str, set[int]] = field(default_factory=dict)
    by_code: dict[str, list[int]] = field(default_factory=dict)
    district_provinces: dict[str, set[str]] = field(default_factory=dict)
    province_districts: dict[str, set[str]] = field(default_factory=dict)
    whole: dict[str, int] = field(default_factory=dict)
    whole_bare: dict[str, int] = field(default_factory=dict)
    district_types: dict[str, set[tuple[str, str, str]]] = field(default_factory=dict)
    province_names: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    new_province: dict[str, str] = field(default_factory=dict)
    new_name: dict[str, str] = field(default_factory=dict)
    paths: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)


def name_key(name: str) -> str:
    """Canonical name without its type word, roman numerals that are no syllable written as digits."""
    key = canonical(name)
    for word in _TYPE_KEYS:
        if key.startswith(word + " "):
            key = key[len(word) + 1 :]
            break
    return numbered(key)


def slot(key: str) -> str:
    """Where a canonical name is filed: without marks and spaces."""
    return squeezed(bare(key))


@lru_cache(maxsize=4)
def index_of(registry: Registry) -> Index:
    """The index of a registry version. About 0.2 CPU-seconds; kept for the life of the process."""
    index = Index(registry)
    rows = registry.instances
    _file_parents(index, rows[rows.level != "commune"])
    index.new_province = _new_provinces(rows)
    _file_communes(index, rows)
    _file_aliases(index)
    _file_whole(index, rows)
    return index


def _file_whole(index: Index, rows: pd.DataFrame) -> None:
    """Commune, district and province as the official list writes them: most clean addresses are one look-up."""
    last = rows[rows.valid_to == REFORM]
    names = {row.code: (canonical(row.name), row.parent_code) for row in last.itertuples(index=False)}
    for unit in index.units:
        if unit.era == OLD and len(unit.code) == 5:
            commune, district = names[unit.code]
            district, province = names[district]
            key = f"{commune} {district} {names[province][0]}"
            index.whole[key] = unit.uid
            index.whole_bare[bare(key)] = -1 if bare(key) in index.whole_bare else unit.uid


def _file_aliases(index: Index) -> None:
    """Cited other names. A commune's alias is one more name of one instance; a parent's leads to its code in its era."""
    for row in index.registry.aliases.itertuples(index=False):
        key = canonical(row.alias)
        era = NEW if row.valid_from >= REFORM else OLD
        if row.level == "province":
            places = {f"{NEW}:{row.code}", f"{OLD}:{row.code}"} if era == NEW else {f"{OLD}:{row.code}"}
            index.provinces[slot(key)] = index.provinces.get(slot(key), set()) | places
        elif row.level == "district":
            index.districts[slot(key)] = index.districts.get(slot(key), set()) | {row.code}
        else:
            uids = [uid for uid in index.by_code.get(row.code, ()) if index.units[uid].valid_from == row.valid_from]
            index.aliases.setdefault(slot(key), []).extend((key, uid) for uid in uids)


def _new_provinces(rows: pd.DataFrame) -> dict[str, str]:
    new = rows[(rows.level == "commune") & (rows.valid_from >= REFORM)]
    return dict(zip(new.code, new.parent_code, strict=True))


def _file_parents(index: Index, rows: pd.DataFrame) -> None:
    """Provinces as `old:27`/`new:24`, districts by code; a name that a unit ever had leads to it."""
    provinces: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[tuple[str, str]]] = defaultdict(set)
    districts: dict[str, set[str]] = defaultdict(set)
    above: dict[str, set[str]] = defaultdict(set)
    types: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for row in rows.itertuples(index=False):
        key = name_key(row.name)
        if row.level == "province":
            place = f"{NEW if row.valid_from >= REFORM else OLD}:{row.code}"
            provinces[slot(key)].add(place)
            names[place].add((canonical(row.type), key))
        else:
            districts[slot(key)].add(row.code)
            above[row.code].add(f"{OLD}:{row.parent_code}")
            types[row.code].add((canonical(row.type), key, row.valid_to))
    index.provinces, index.province_names = dict(provinces), dict(names)
    index.districts, index.district_provinces, index.district_types = dict(districts), dict(above), dict(types)


def _file_communes(index: Index, rows: pd.DataFrame) -> None:
    became = outcomes(index.registry)
    home = {row.code: row.parent_code for row in rows[rows.valid_to == REFORM].itertuples(index=False)}
    communes: dict[str, list[int]] = defaultdict(list)
    aliases: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    inside: dict[str, set[int]] = defaultdict(set)
    by_code: dict[str, list[int]] = defaultdict(list)
    fed_by: dict[str, set[str]] = defaultdict(set)
    wanted = rows[(rows.level == "commune") | rows.code.isin(became.special)]
    for row in wanted.itertuples(index=False):
        era = NEW if row.valid_from >= REFORM else OLD if row.valid_to == REFORM else HISTORIC
        successors = became.of(row.code, row.valid_from, row.valid_to)
        uid = len(index.units)
        key = name_key(row.name)
        unit = Unit(uid, row.code, row.valid_from, row.valid_to, row.name, canonical(row.type), key, era, successors)
        index.units.append(unit)
        communes[slot(key)].append(uid)
        by_code[row.code].append(uid)
        if era == NEW:
            index.new_name[row.code] = row.name
            inside[f"{NEW}:{row.parent_code}"].add(uid)
            continue
        special = row.level == "district"
        districts = {row.code} if special else {row.parent_code}
        districts |= {home[code] for code in became.heirs(row.code) if code in home and not special}
        for district in districts:
            inside[district].add(uid)
            fed_by.update({code: fed_by[code] | {district} for code, _ in successors})
            for province in index.district_provinces.get(district, ()):
                inside[province].add(uid)
        for code, _ in successors:
            inside[f"{NEW}:{index.new_province[code]}"].add(uid)
    for unit in index.units:  # a new unit inside the old districts it was made of: addresses that mix the eras
        if unit.era == NEW:
            for district in fed_by[unit.code]:
                inside[district].add(unit.uid)
    index.communes, index.inside, index.by_code = dict(communes), dict(inside), dict(by_code)
    index.province_districts = _province_districts(index)
    index.paths = _paths(index.registry)


def _province_districts(index: Index) -> dict[str, set[str]]:
    """Old province → its districts; new province → the districts whose communes it received."""
    found: dict[str, set[str]] = defaultdict(set)
    for code, places in index.district_provinces.items():
        heirs = (index.units[uid].successors for uid in index.inside.get(code, ()))
        new = {f"{NEW}:{index.new_province[pair[0]]}" for pairs in heirs for pair in pairs}
        for place in places | new:
            found[place].add(code)
    return dict(found)


def _paths(registry: Registry) -> dict[str, list[tuple[str, str, str]]]:
    """Per code its events in order: (date, code after, one line of text)."""
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for row in registry.events.itertuples(index=False):
        if row.code_before:
            act = f" ({row.legal_ref})" if row.legal_ref else ""
            change = row.code_before if row.code_after == row.code_before else f"{row.code_before}→{row.code_after}"
            line = f"{row.effective_date} {row.kind} {change}{act}"
            found[row.code_before].append((row.effective_date, row.code_after, line))
    return dict(found)


@lru_cache(maxsize=4)
def known_names(index: Index) -> Callable[[str, str], bool]:
    """The grammar's question: is there a unit of this level and canonical name anywhere?"""
    tables: dict[str, tuple[Container[str], ...]] = {
        "commune": (index.communes,),
        "district": (index.districts,),
        "city": (index.districts, index.provinces),
        "province": (index.provinces,),
        "": (index.communes, index.districts, index.provinces),
    }
    return lambda level, key: any(slot(key) in table for table in tables.get(level, ()))
