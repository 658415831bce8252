"""What every mapping file must satisfy, whichever legacy systems there are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hopnhat.extract.technologies import TECHNOLOGIES
from mappings.index import read_header
from mappings.read import load_domain, load_system, system_ids, systems_dir
from mappings.units.registry import load_registry

SYSTEMS = system_ids()
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The JSON Schema as an editor gets it."""
    file = tmp_path_factory.mktemp("schema") / "system.json"
    subprocess.run([sys.executable, "-m", "hopnhat", "check-mappings", "--schema", str(file)], cwd=ROOT, check=True, capture_output=True)
    return dict(json.loads(file.read_text(encoding="utf-8")))


def test_there_are_mappings_to_check() -> None:
    assert SYSTEMS


@pytest.mark.parametrize("system_id", SYSTEMS)
def test_the_file_loads_and_is_named_after_its_system(system_id: str) -> None:
    system = load_system(system_id)
    assert system.id == system_id
    assert system.technology in TECHNOLOGIES
    assert system.title.strip()


@pytest.mark.parametrize("system_id", SYSTEMS)
def test_the_scheduler_reads_the_same_head(system_id: str) -> None:
    system, header = load_system(system_id), read_header(systems_dir() / f"{system_id}.yml")
    assert header.problem == ""
    assert (header.id, header.connection, header.server, header.schedule) == (system.id, system.connection, system.server, system.schedule)
    assert header.tables == tuple(table.name for table in system.tables)


@pytest.mark.parametrize("system_id", SYSTEMS)
def test_a_pool_spares_the_legacy_server(system_id: str) -> None:
    assert load_system(system_id).server not in ("", "default_pool")


@pytest.mark.parametrize("system_id", SYSTEMS)
def test_whatever_is_left_behind_has_a_reason(system_id: str) -> None:
    for table in load_system(system_id).tables:
        for place, why in [*table.ignored.items(), *((rule.rule, rule.why) for rule in table.filters)]:
            assert len(why.split()) >= 4, f"{table.name}.{place}: {why!r} says nothing"


@pytest.mark.parametrize("system_id", SYSTEMS)
def test_codes_map_to_known_codes_and_every_map_is_used(system_id: str) -> None:
    system = load_system(system_id)
    entities = load_domain(system.domain).entities
    used = set()
    for table in system.tables:
        for name, column in table.columns.items():
            codelist = entities[table.entity].columns[name].codelist
            if codelist is not None:
                assert column.codes is not None
                assert set(system.codes[column.codes].values()) <= set(codelist)
                used.add(column.codes)
    assert used == set(system.codes)


@pytest.mark.parametrize("system_id", SYSTEMS)
def test_provinces_are_old_codes_that_there_were(system_id: str) -> None:
    known = {unit.code for unit in load_registry().instances if unit.level == "province" and unit.valid_from < "2025-07-01"}
    assert set(load_system(system_id).provinces) <= known


@pytest.mark.parametrize("system_id", SYSTEMS)
def test_the_schema_for_editors_accepts_the_file(system_id: str, schema: dict[str, Any]) -> None:
    data = yaml.safe_load((systems_dir() / f"{system_id}.yml").read_text(encoding="utf-8"))
    assert complaints(data, schema, schema) == []


def test_the_schema_for_editors_refuses_what_the_reader_refuses(schema: dict[str, Any]) -> None:
    data = yaml.safe_load((systems_dir() / f"{SYSTEMS[0]}.yml").read_text(encoding="utf-8"))
    assert complaints(data | {"passwd": "x"}, schema, schema)
    assert complaints({k: v for k, v in data.items() if k != "server"}, schema, schema)
    assert complaints(data | {"id": "Not An Id"}, schema, schema)
    assert complaints(data | {"tables": []}, schema, schema)


def complaints(value: Any, part: dict[str, Any], whole: dict[str, Any], at: str = "$") -> list[str]:
    """The part of JSON Schema that our models produce, checked by hand: no validator of it is among the dependencies."""
    if reference := part.get("$ref"):
        return complaints(value, whole["$defs"][reference.rsplit("/", 1)[1]], whole, at)
    if choices := part.get("anyOf"):
        tried = [complaints(value, choice, whole, at) for choice in choices]
        return [] if any(not one for one in tried) else min(tried, key=len)
    found = [] if _fits(value, part) else [f"{at}: {value!r} is not {part}"]
    if isinstance(value, dict) and part.get("type") == "object":
        known, others = part.get("properties", {}), part.get("additionalProperties", True)
        found += [f"{at}: {name} is missing" for name in part.get("required", []) if name not in value]
        for name, inner in value.items():
            patterned = [inner_part for pattern, inner_part in part.get("patternProperties", {}).items() if re.search(pattern, name)]
            if name in known or patterned:
                found += complaints(inner, known.get(name) or patterned[0], whole, f"{at}.{name}")
            elif others is False:
                found.append(f"{at}: {name} is not known")
            elif isinstance(others, dict):
                found += complaints(inner, others, whole, f"{at}.{name}")
    if isinstance(value, list) and part.get("type") == "array":
        found += [] if len(value) >= part.get("minItems", 0) else [f"{at}: too few items"]
        found += [c for n, inner in enumerate(value) for c in complaints(inner, part.get("items", {}), whole, f"{at}[{n}]")]
    return found


_TYPES = {"object": dict, "array": list, "integer": int, "boolean": bool, "number": (int, float), "null": type(None)}


def _fits(value: Any, part: dict[str, Any]) -> bool:
    kind = part.get("type")
    if kind == "string":  # YAML gives dates as dates
        text = value if isinstance(value, str) else value.isoformat() if part.get("format") == "date" and hasattr(value, "isoformat") else None
        return text is not None and bool(re.search(part.get("pattern", ""), text)) and text in part.get("enum", [text])
    return kind is None or isinstance(value, _TYPES[kind])
