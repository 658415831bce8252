"""Dictionaries over one version of the registry, built once: what can a name mean, inside which parent, and what
became of it. Everything the ladder asks is a look-up here; nothing is decided here."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from mappings.units.registry import Registry
from mappings.units.timeline import TYPES, Event, Instance
from transforms.match_keys import bare, canonical, numbered, squeezed
from transforms.units_outcome import REFORM, Outcomes, Successor, outcomes

OLD, NEW, HISTORIC = "old", "new", "historic"
MIXED = "mixed"  # `mixed:old:36`: the new units that an old province was made into
TYPE_KEYS = {word: canonical(word) for word in TYPES}
_TYPE_STARTS = tuple(f"{key} " for key in TYPE_KEYS.values())


Above = tuple[str, str, str, str, str]  # province, district, commune as the list spells them; province and district code


class Unit(NamedTuple):
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
    """Names are filed under their `slot`; places are `old:27`/`new:24`; `inside` leads from a district or place to communes."""

    registry: Registry
    units: list[Unit] = field(default_factory=list)
    by_code: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    communes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    aliases: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    whole: dict[str, int] = field(default_factory=dict)  # official triple in words → id
    official: dict[tuple[str, str], tuple[int, Above]] = field(default_factory=dict)  # era, code → id and the words beside it
    whole_bare: dict[str, int] = field(default_factory=dict)  # the same without marks, -1 where two coincide
    whole_new: dict[str, int] = field(default_factory=dict)  # a commune and province of today in words → id
    inside: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    districts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    district_keys: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    district_types: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    district_provinces: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    province_districts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    provinces: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    cities: set[str] = field(default_factory=set)  # places that are or were a city as a whole
    new_province: dict[str, str] = field(default_factory=dict)
    new_name: dict[str, str] = field(default_factory=dict)
    events_after_reform: set[str] = field(default_factory=set)
    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))  # of a code, by date

    def homes(self, uid: int) -> set[str]:
        """The districts a unit was ever in."""
        return {code for code in self.district_provinces if uid in self.inside[code]}

    def parent_names(self, uid: int, level: str) -> set[str]:
        """Filed names of the districts or provinces that a unit was ever in."""
        codes = self.homes(uid)
        if level == "district":
            return {name for name, found in self.districts.items() if found & codes}
        places = set().union(*(self.district_provinces[code] for code in codes))
        return {name for name, found in self.provinces.items() if found & places}


@lru_cache(maxsize=16384)
def name_key(name: str) -> str:
    """Canonical name without its type word, a roman number in digits."""
    key = canonical(name)
    for start in _TYPE_STARTS:
        if key.startswith(start):
            key = key[len(start) :]
            break
    return numbered(key)


@lru_cache(maxsize=16384)
def slot(key: str) -> str:
    """Where a canonical name is filed: without marks and spaces."""
    return squeezed(bare(key))


@lru_cache(maxsize=4)
def index_of(registry: Registry) -> Index:
    """The index of a registry version, kept for the life of the process."""
    index = Index(registry)
    communes = [row for row in registry.instances if row.level == "commune"]
    parents = [row for row in registry.instances if row.level != "commune"]
    became = outcomes(registry)
    for row in communes:
        if row.valid_from >= REFORM:
            index.new_province[row.code], index.new_name[row.code] = row.parent_code, row.name
    _file_parents(index, parents)
    _file_communes(index, communes + [row for row in parents if row.code in became.special], became)
    _file_mixed(index)
    _file_aliases(index)
    _file_whole(index, registry.instances)
    _file_events(index)
    gc.freeze()  # a registry lives as long as its process; walking it at every collection cost a third of the speed
    return index


def _file_parents(index: Index, rows: Iterable[Instance]) -> None:
    """A name that a province or district ever had leads to it."""
    for row in rows:
        filed = slot(name_key(row.name))
        if row.level == "province":
            place = f"{NEW if row.valid_from >= REFORM else OLD}:{row.code}"
            index.provinces[filed].add(place)
            if row.type.startswith("Thành phố"):
                index.cities.add(place)
        else:
            index.districts[filed].add(row.code)
            index.district_keys[row.code].add(name_key(row.name))
            index.district_types[row.code].add(TYPE_KEYS[row.type])
            index.district_provinces[row.code].add(f"{OLD}:{row.parent_code}")


def _file_communes(index: Index, rows: Iterable[Instance], became: Outcomes) -> None:
    home = {row.code: row.parent_code for row in index.registry.instances if row.valid_to == REFORM}
    for row in rows:
        era = NEW if row.valid_from >= REFORM else OLD if row.valid_to == REFORM else HISTORIC
        heirs = became.of(row.code, row.valid_from, row.valid_to)
        uid, key = len(index.units), name_key(row.name)
        index.units.append(Unit(uid, row.code, row.valid_from, row.valid_to, row.name, TYPE_KEYS[row.type], key, era, heirs))
        index.communes[slot(key)].append(uid)
        index.by_code[row.code].append(uid)
        for code, _ in heirs:
            index.inside[f"{NEW}:{index.new_province[code]}"].add(uid)
        if era != NEW:
            for district in _districts_of(row, home, became):
                index.inside[district].add(uid)
                for place in index.district_provinces.get(district, ()):
                    index.inside[place].add(uid)


def _districts_of(row: Instance, home: dict[str, str], became: Outcomes) -> set[str]:
    """The district of the time, and those where its place is today: people write either beside an old name."""
    if row.level == "district":
        return {row.code}
    return {row.parent_code} | {home[code] for code in became.heirs(row.code) if code in home}


def _file_mixed(index: Index) -> None:
    """New units inside the old districts they were made of, old districts inside new provinces: addresses that mix eras."""
    fed_by: dict[str, set[str]] = defaultdict(set)
    for district in index.district_provinces:
        for uid in index.inside.get(district, ()):
            for code, _ in index.units[uid].successors:
                fed_by[code].add(district)
    for district, places in index.district_provinces.items():
        for place in places:
            index.province_districts[place].add(district)
    for code, districts in fed_by.items():
        index.province_districts[f"{NEW}:{index.new_province[code]}"] |= districts
        fresh = [uid for uid in index.by_code[code] if index.units[uid].era == NEW]
        for district in districts:
            index.inside[district].update(fresh)
            for place in index.district_provinces[district]:
                index.inside[f"{MIXED}:{place}"].update(fresh)


def _file_aliases(index: Index) -> None:
    """Cited other names. A commune's alias is one more name of one instance; a parent's leads to its code in its era."""
    for row in index.registry.aliases:
        key = canonical(row.alias)
        if row.level == "province":
            eras = (OLD, NEW) if row.valid_from >= REFORM else (OLD,)
            index.provinces[slot(key)] |= {f"{era}:{row.code}" for era in eras}
        elif row.level == "district":
            index.districts[slot(key)].add(row.code)
            index.district_keys[row.code].add(key)
        else:
            uids = [uid for uid in index.by_code.get(row.code, ()) if index.units[uid].valid_from == row.valid_from]
            index.aliases[slot(key)] += [(key, uid) for uid in uids]


def _file_whole(index: Index, rows: list[Instance]) -> None:
    """Commune, district and province as the official list writes them: most clean addresses are one look-up."""
    home = {row.code: row.parent_code for row in rows if row.valid_to == REFORM}
    named = {row.code: row.name for row in rows if row.valid_to == REFORM and len(row.code) < 5}
    provinces = {row.code: row.name for row in rows if row.level == "province" and not row.valid_to}
    today = {code: canonical(name) for code, name in provinces.items()}
    above = {code: f"{canonical(named[code])} {canonical(named[home[code]])}" for code in named if len(code) == 3}
    for unit in index.units:
        if unit.era == NEW and not unit.valid_to:
            province = index.new_province[unit.code]
            index.official[NEW, unit.code] = unit.uid, (provinces[province], "", unit.name, province, "")
            index.whole_new[f"{unit.type} {unit.key} {today[province]}"] = unit.uid
        elif unit.era == OLD and len(unit.code) == 5:
            district = home[unit.code]
            province = home[district]
            words = named[province], named[district], unit.name, province, district
            index.official[OLD, unit.code] = unit.uid, words
            key = f"{unit.type} {unit.key} {above[home[unit.code]]}"
            index.whole[key] = unit.uid
            plain = bare(key)
            index.whole_bare[plain] = -1 if plain in index.whole_bare else unit.uid


def _file_events(index: Index) -> None:
    for event in index.registry.events:
        if event.code_before:
            index.events[event.code_before].append(event)
            if event.effective_date > REFORM:
                index.events_after_reform.add(event.code_before)


@lru_cache(maxsize=4)
def known_names(index: Index) -> Callable[[str, str], bool]:
    """The grammar's question: is there a unit of this level and canonical name anywhere?"""
    tables: dict[str, tuple[Container[str], ...]] = {
        "commune": (index.communes, index.aliases),
        "district": (index.districts,),
        "city": (index.districts, index.provinces),
        "province": (index.provinces,),
        "": (index.communes, index.districts, index.provinces),
    }
    return lambda level, key: any(slot(key) in table for table in tables.get(level, ()))
