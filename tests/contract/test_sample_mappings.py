"""The shipped mappings describe the sample systems completely: every column, every code, every place."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hopnhat.extract.technologies import TECHNOLOGIES, open_source
from hopnhat.sample.build import SampleSystems, build
from mappings.read import load_system, system_ids
from mappings.spec import System


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SampleSystems:
    return build(tmp_path_factory.mktemp("mapped"), rows=1_000, use_mariadb=False)


def opened(system: System, built: SampleSystems):  # type: ignore[no-untyped-def]
    url = built.connections[system.connection]
    technology = "sqlite" if url.startswith("sqlite:") else system.technology
    return open_source(technology, url, {**system.options, "system": system.id})


def test_every_sample_system_is_mapped(built: SampleSystems) -> None:
    assert set(built.connections) <= set(system_ids())


@pytest.mark.parametrize("system_id", ["hn_motcua", "thanhtri_motcua", "so_tay_xa"])
def test_mapping_accounts_for_every_column(system_id: str, built: SampleSystems) -> None:
    system = load_system(system_id)
    assert system.technology in TECHNOLOGIES
    source = opened(system, built)
    try:
        for table in system.tables:
            seen = {column.name for column in source.shape(table.name).columns}
            assert seen == {*table.used_columns(), *table.ignored}
            assert table.expect.min_rows <= source.count(table.name) <= table.expect.max_rows
    finally:
        source.close()


@pytest.mark.parametrize("system_id", ["hn_motcua", "thanhtri_motcua", "so_tay_xa"])
def test_reasons_for_leaving_columns_say_something(system_id: str) -> None:
    for table in load_system(system_id).tables:
        for column, why in table.ignored.items():
            assert len(why.split()) >= 4, f"{table.name}.{column}"


def test_status_maps_differ_between_vendors() -> None:
    """5 = "Đã trả kết quả" at one vendor and "Yêu cầu bổ sung giấy tờ" nationally: no number may pass through unmapped."""
    district = load_system("thanhtri_motcua").codes["status"]
    assert district["5"] == "10"
    assert [district[code] for code in ("6", "8", "9")] == ["9", "8", "6"]
    assert "5" not in load_system("hn_motcua").codes["status"]


def test_every_labelled_source_is_a_mapped_table(built: SampleSystems) -> None:
    mapped = {system.source_id(table) for system in map(load_system, built.connections) for table in system.tables}
    assert set(built.labels) == mapped
    for source, path in built.labels.items():
        rules = {rule for rule in pq.read_table(path)["rule"].to_pylist() if rule}
        table = next(t for s in map(load_system, built.connections) for t in s.tables if s.source_id(t) == source)
        assert rules <= {rule.rule for rule in table.filters}


def test_connections_are_written_for_the_owner_alone(built: SampleSystems) -> None:
    note = Path(built.home) / "connections.json"
    assert note.stat().st_mode & 0o077 == 0
