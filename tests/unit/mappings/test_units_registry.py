"""The registry's facts and its rules: counts of the law, no orphan, no cycle, dated codes, cited events, immutability."""

from __future__ import annotations

import itertools
import json
import shutil
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from hopnhat.model.errors import MappingError
from mappings.units.build import HERE, build, fold
from mappings.units.reform import apply_decree
from mappings.units.registry import Registry, load_registry
from mappings.units.timeline import REFORM, Instance
from mappings.units.versions import activate, approve, diff, preview

ISLANDS = {"318": "11948", "471": "19742", "498": "20333", "536": "21548", "755": "26732"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A registry of one's own to break."""
    shutil.copytree(HERE, tmp_path / "units", ignore=shutil.ignore_patterns("__pycache__", "polygons"))
    return tmp_path / "units"


def alive(registry: Registry, day: str, level: str) -> list[Instance]:
    return [i for i in registry.instances if i.level == level and i.valid_from <= day and (not i.valid_to or day < i.valid_to)]


def reform(registry: Registry) -> list[tuple[str, str]]:
    return [(e.code_before, e.code_after) for e in registry.events if e.effective_date == REFORM and len(e.code_after) == 5]


def test_counts_are_the_official_ones(registry: Registry) -> None:
    counts = [len(alive(registry, day, level)) for day in ("2025-06-30", REFORM) for level in ("province", "district", "commune")]
    assert counts == [63, 696, 10_035, 34, 0, 3_321]
    types = Counter(unit.type for unit in alive(registry, REFORM, "commune"))
    assert types == {"Xã": 2_621, "Phường": 687, "Đặc khu": 13}


def test_a_code_holds_one_unit_at_a_time(registry: Registry) -> None:
    spans = defaultdict(list)
    for unit in registry.instances:
        spans[unit.code].append((unit.valid_from, unit.valid_to or "9999"))
    for code, dated in spans.items():
        ordered = sorted(dated)
        assert all(start < end for start, end in ordered), code
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(ordered)), code


def test_every_old_commune_has_a_successor_and_every_new_one_a_predecessor(registry: Registry) -> None:
    pairs = reform(registry)
    assert {unit.code for unit in alive(registry, "2025-06-30", "commune")} <= {before for before, _ in pairs}
    assert {unit.code for unit in alive(registry, REFORM, "commune")} == {after for _, after in pairs}


def test_no_successor_lies_outside_the_successor_of_the_province(registry: Registry) -> None:
    """The published bug class of crosswalks that mix homonyms of two provinces."""
    old = {unit.code: unit for unit in alive(registry, "2025-06-30", "commune") + alive(registry, "2025-06-30", "district")}
    new = {unit.code: unit.parent_code for unit in alive(registry, REFORM, "commune")}
    province = {e.code_before: e.code_after for e in registry.events if e.effective_date == REFORM and len(e.code_before) == 2}
    for before, after in reform(registry):
        unit = old[before]
        home = old[unit.parent_code].parent_code if unit.level == "commune" else unit.parent_code
        assert province[home] == new[after], (before, after)


def test_island_districts_without_communes_became_special_zones(registry: Registry) -> None:
    assert {before: after for before, after in reform(registry) if len(before) == 3} == ISLANDS


def test_splits_and_the_population_clause(registry: Registry) -> None:
    parts = defaultdict(list)
    for event in registry.events:
        if event.effective_date == REFORM and len(event.code_before) == 5:
            parts[event.code_before].append(event.carries)
    split = [carries for carries in parts.values() if len(carries) > 1]
    assert Counter(map(len, split)) == {2: 369, 3: 55, 4: 16, 5: 1}
    assert sum(sum(what != "area" for what in carries) == 1 for carries in split) == 60


def test_new_communes_fed_from_two_old_provinces_are_known(registry: Registry) -> None:
    old = {unit.code: unit for unit in alive(registry, "2025-06-30", "commune") + alive(registry, "2025-06-30", "district")}
    fed = defaultdict(set)
    for before, after in reform(registry):
        unit = old[before]
        fed[after].add(old[unit.parent_code].parent_code if unit.level == "commune" else unit.parent_code)
    crossing = {after: homes for after, homes in fed.items() if len(homes) > 1}
    assert len(fed) == 3_321
    assert crossing == {}  # the resolutions never join communes of two old provinces; converters that do mix homonyms


def test_events_move_forward_in_time_so_there_is_no_cycle(registry: Registry) -> None:
    starts = {(unit.code, unit.valid_from) for unit in registry.instances}
    for event in registry.events:
        if event.code_before:
            assert (event.code_before, event.valid_from_before) in starts
            assert event.valid_from_before < event.effective_date
        if event.code_after:
            assert (event.code_after, event.valid_from_after) in starts


def test_events_of_the_reform_and_after_are_cited(registry: Registry) -> None:
    later = [event for event in registry.events if event.effective_date >= REFORM]
    assert len(later) > 11_000
    assert not [event for event in later if not event.legal_ref]


def test_the_registry_knows_the_changes_of_2026(registry: Registry) -> None:
    names = {
        day: {u.code: u.name for u in alive(registry, day, "province") + alive(registry, day, "commune")}
        for day in ("2026-04-29", "2026-04-30", "2026-08-24")
    }
    assert [names[day]["75"] for day in names] == ["Tỉnh Đồng Nai", "Thành phố Đồng Nai", "Thành phố Đồng Nai"]
    assert [names[day]["26368"] for day in names] == ["Xã Long Thành", "Phường Long Thành", "Phường Long Thành"]
    assert [names[day]["22"] for day in names] == ["Tỉnh Quảng Ninh", "Tỉnh Quảng Ninh", "Thành phố Quảng Ninh"]


def test_a_version_before_a_decree_does_not_know_it() -> None:
    assert {u.name for u in alive(load_registry("2025-07-01"), "2026-12-31", "province") if u.code == "75"} == {"Tỉnh Đồng Nai"}


def test_a_code_kept_by_another_place_is_two_instances(registry: Registry) -> None:
    assert [unit.name for unit in registry.instances if unit.code == "00004" and unit.valid_to in (REFORM, "")] == [
        "Phường Trúc Bạch",
        "Phường Ba Đình",
    ]


def test_the_artefact_is_what_the_facts_fold_to(registry: Registry) -> None:
    instances, events = fold(registry.version)
    assert (registry.instances, registry.events) == (instances, events)


def test_loading_is_quick() -> None:
    start = time.process_time()
    load_registry()
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("name", ["facts/crosswalk.csv", "versions/2026-08-24.json.gz", "aliases.csv"])
def test_an_edited_version_is_refused(copy: Path, name: str) -> None:
    path = copy / name
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(MappingError, match="edited"):
        load_registry(root=copy)


def test_a_recorded_version_cannot_be_rebuilt_from_other_facts(copy: Path) -> None:
    path = copy / "facts" / "crosswalk.csv"
    path.write_text(path.read_text("utf-8").replace("00001,00097", "00001,00004", 1), "utf-8")
    with pytest.raises(MappingError, match="on record"):
        build("2026-08-24", copy)


def test_adding_a_decree_is_adding_a_file(copy: Path) -> None:
    head = "kind,effective_date,notice_date,date_basis,code_before,code_after,name_after,carries,legal_ref,sources\n"
    rows = "merge,2027-01-01,2026-11-01,effective,00008,00004,Phường Ba Đình,both,1/NQ,test\nmerge,2027-01-01,2026-11-01,effective,00004,00004,Phường Ba Đình,both,1/NQ,test\n"
    (copy / "decrees" / "2027-01-01_test.csv").write_text(head + rows, "utf-8")
    build("2027-01-01", copy)
    after, before = load_registry("2027-01-01", root=copy), load_registry("2026-08-24", root=copy)
    change = diff(before, after)
    assert change.codes == {"00004", "00008"}
    assert [unit.code for unit in change.begun] == ["00004"]
    assert len(change.events_added) == 2
    assert not change.events_removed
    impact = preview(change, {"00004": 10, "00008": 5, "00025": 99}, {"00008": ["d1"], "00025": ["d2"]})
    assert (impact.total, impact.decisions) == (15, ("d1",))


def test_a_split_decree_opens_two_units(registry: Registry) -> None:
    row = {"kind": "split", "effective_date": "2027-01-01", "notice_date": "", "date_basis": "effective", "code_before": "00004",
           "carries": "both", "legal_ref": "1/NQ", "sources": "test"}  # fmt: skip
    parts = [
        row | {"code_after": "00004", "name_after": "Phường Ba Đình"},
        row | {"code_after": "99001", "name_after": "Phường Mới", "parent_after": "01"},
    ]
    instances, events = apply_decree([u for u in registry.instances if u.valid_from >= REFORM], parts)
    opened = [u for u in instances if u.valid_from == "2027-01-01"]
    assert {(u.code, u.name, u.parent_code) for u in opened} == {("00004", "Phường Ba Đình", "01"), ("99001", "Phường Mới", "01")}
    assert [event.code_after for event in events] == ["00004", "99001"]


def test_activation_takes_two_persons(copy: Path) -> None:
    with pytest.raises(MappingError, match="two different"):
        activate("2026-04-30", ("An", "an "), root=copy)
    activate("2026-04-30", ("An", "Bình"), root=copy)
    assert load_registry(root=copy).version == "2026-04-30"
    build("2026-04-30", copy)
    assert load_registry(root=copy).version == "2026-04-30"


def test_one_person_who_approves_twice_activates_nothing(copy: Path) -> None:
    assert not approve("2026-04-30", "An", "2026-10-01", root=copy)
    assert not approve("2026-04-30", " AN ", "2026-10-02", root=copy)
    assert load_registry(root=copy).version == "2026-08-24"
    assert approve("2026-04-30", "Bình", "2026-10-03", root=copy)
    assert load_registry(root=copy).version == "2026-04-30"


def test_a_version_made_active_by_hand_is_refused(copy: Path) -> None:
    path = copy / "versions" / "versions.json"
    path.write_text(path.read_text("utf-8").replace('"active": "2026-08-24"', '"active": "2026-04-30"'), "utf-8")
    with pytest.raises(MappingError, match="not activated by two persons"):
        load_registry(root=copy)
    assert load_registry("2026-04-30", root=copy).version == "2026-04-30"


def test_approvals_are_of_the_facts_that_they_saw(copy: Path) -> None:
    activate("2026-04-30", ("An", "Bình"), root=copy)
    path = copy / "versions" / "versions.json"
    record = json.loads(path.read_text("utf-8"))
    for approval in record["versions"]["2026-04-30"]["approvals"]:
        approval["facts"] = "0" * 16
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(MappingError, match="not activated"):
        load_registry(root=copy)


def test_the_shipped_record_names_no_person(registry: Registry) -> None:
    record = json.loads((HERE / "versions" / "versions.json").read_text("utf-8"))
    assert record["shipped"]["version"] == record["active"] == registry.version
    assert record["shipped"]["facts"] == registry.checksum
    assert not any("approvals" in entry for entry in record["versions"].values())


def test_versions_differ_by_their_decrees_alone() -> None:
    change = diff(load_registry("2025-07-01"), load_registry("2026-04-30"))
    assert len(change.begun) == len(change.closed) == len(change.events_added) == 11
    assert not change.gone
    assert not change.changed


def test_registry_is_found_by_its_facts(registry: Registry) -> None:
    assert registry.checksum != load_registry("2025-07-01").checksum
    assert replace(registry).checksum == load_registry().checksum
