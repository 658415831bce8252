"""The main job on the three sample systems: every row ends as its label says; again: unchanged; delta: only the changes."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hopnhat.sample.build import SampleSystems, build
from hopnhat.sample.change import change
from hopnhat.sample.servers import mariadb_available, remove_mariadb
from hopnhat.server import create_database
from tests.support.migration import Machine

ROWS = 6_000
SYSTEMS = ("hn_motcua", "thanhtri_motcua", "so_tay_xa")


@pytest.fixture(scope="module", params=["mariadb", "sqlite"])
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleSystems]:
    if request.param == "mariadb" and not mariadb_available():
        pytest.skip("needs MariaDB: make services")
    home = tmp_path_factory.mktemp("sample")
    yield build(home, rows=ROWS, bad_share=0.05, use_mariadb=request.param == "mariadb")
    remove_mariadb(home / "mariadb")


@pytest.fixture(scope="module")
def machine(sample: SampleSystems, server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    home = tmp_path_factory.mktemp("home")
    return Machine(home, create_database(server_url, f"path_{home.name.replace('-', '_')}"), sample.connections)


@pytest.fixture(scope="module")
def migrated(machine: Machine) -> Machine:
    for system in SYSTEMS:
        summary = machine.migrated(system)
        assert summary["state"] == "published"
        assert summary["balance"] == 0
        assert summary["reconciliation"]["failed"] == 0
    return machine


def test_every_row_ends_as_its_label_says(migrated: Machine, sample: SampleSystems) -> None:
    for source, path in sample.labels.items():
        published = {k for (k,) in migrated.query(f"select source_key from unified.{_entity(source)} where source = %s", source)}
        held = {k: {f"{p['field']}:{p['reason']}" for p in problems} for k, problems in migrated.query("select source_key, problems from quarantine.open where source = %s", source)}
        wrong = Counter()
        labels = [row for row in pq.read_table(path).to_pylist() if row["source_key"]]
        assert labels
        for row in labels:
            key, allowed = row["source_key"], {row["outcome"], *(row["also_ok"] or [])}
            ended = "published" if key in published else "quarantined" if key in held else "left out"
            if ended not in {"left out" if a in ("merged", "filtered") else a for a in allowed} and not _copy_of_published(row, published):
                wrong[(row["outcome"], ended)] += 1
        assert not wrong, f"{source}: {wrong}"


def _copy_of_published(row: dict[str, object], published: set[str]) -> bool:
    """An exact copy is merged into its twin, which has the same key and is published."""
    return row["outcome"] == "merged" and row["source_key"] in published


def test_published_rows_are_in_the_right_commune(migrated: Machine, sample: SampleSystems) -> None:
    for source, path in sample.labels.items():
        if _entity(source) != "dossier":
            continue
        placed = dict(migrated.query("select source_key, new_commune_code from unified.dossier where source = %s", source))
        right = {row["source_key"]: row["new_code"] for row in pq.read_table(path).to_pylist() if row["source_key"] and row["new_code"]}
        checked = [key for key in placed if key in right]
        assert len(checked) > len(placed) * 0.8
        assert [key for key in checked if placed[key] != right[key]] == []


def test_totals_add_up_to_what_the_sources_hold(migrated: Machine, sample: SampleSystems) -> None:
    extracted = dict(migrated.query("select source, sum(extracted)::int from ledger.balance where state = 'published' group by 1"))
    assert {s: n for s, n in sample.rows.items() if s != "thanhtri_motcua.HOSO"} == {s: n for s, n in extracted.items() if s != "thanhtri_motcua.HOSO"}
    assert migrated.imbalance() == []


def test_every_row_explains_itself_with_one_query(migrated: Machine) -> None:
    unexplained = migrated.query(
        "select count(*) from unified.dossier_explained where rule is null or registry_version is null or run_id is null"
        " or landing_part is null or code_version is null or era is null or new_commune_code is null"
    )
    assert unexplained == [(0,)]
    rows, with_old_unit = migrated.query("select count(*), count(old_commune_code) from unified.dossier_explained where era = 'old'")[0]
    assert rows > 1000
    assert with_old_unit > rows * 0.99  # two old units of one name that went to the same new one leave it open, rightly


def test_the_same_dossier_in_two_systems_is_linked_not_overwritten(migrated: Machine, sample: SampleSystems) -> None:
    from hopnhat.load.links import link_dossiers
    from hopnhat.load.target import connect

    connection = connect(migrated.database)
    link_dossiers(connection, "test")
    connection.commit()
    connection.close()
    twins = [r for r in pq.read_table(sample.labels["thanhtri_motcua.HOSO"]).to_pylist() if r["twin"]]
    both = migrated.query(
        "select count(*) from unified.dossier a join unified.dossier b using (dossier_no)"
        " where a.source = 'hn_motcua.opencps_dossier' and b.source = 'thanhtri_motcua.HOSO'"
    )
    assert len(twins) * 0.8 < both[0][0]
    assert migrated.query("select count(*) from unified.dossier_link where source_a = 'hn_motcua.opencps_dossier' and source_b = 'thanhtri_motcua.HOSO'") == both


def test_a_second_run_finds_everything_unchanged_and_rewrites_nothing(migrated: Machine) -> None:
    before = migrated.fingerprint(), migrated.query("select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables where schemaname = 'unified_parts'"), _landed(migrated)
    for system in SYSTEMS:
        summary = migrated.migrated(system)
        assert (summary["published"], summary["balance"]) == (0, 0)
        assert summary["unchanged"] > 0
    after = migrated.fingerprint(), migrated.query("select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables where schemaname = 'unified_parts'"), _landed(migrated)
    assert after == before
    assert migrated.imbalance() == []


def test_a_delta_publishes_only_what_changed(migrated: Machine, sample: SampleSystems) -> None:
    changed = change(sample.home, share=0.01)
    summary = migrated.migrated("hn_motcua", "delta")
    expected = migrated.query("select count(*) from unified.dossier where source = 'hn_motcua.opencps_dossier' and source_key = any(%s)", changed)[0][0]
    assert summary["published"] == expected > 0
    assert summary["extracted"] < ROWS / 10
    again = migrated.migrated("hn_motcua", "bulk")
    assert again["published"] == 0
    assert again["balance"] == 0
    assert migrated.imbalance() == []


def test_a_rehearsal_tells_the_same_and_publishes_nothing(sample: SampleSystems, server_url: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, create_database(server_url, f"rehearsal_{tmp_path.name.replace('-', '_')}_{sample.home.name.replace('-', '_')}"), sample.connections)
    rehearsed = machine.migrated("thanhtri_motcua", "rehearsal")
    assert rehearsed["state"] == "rehearsed"
    assert machine.query("select count(*) from unified.dossier") == [(0,)]
    options = "select distinct reloptions from pg_class c join pg_namespace n on n.oid = relnamespace where relkind = 'r' and nspname = %s"
    assert machine.query(options, "staging") == [(["autovacuum_enabled=false"],)]
    real = machine.migrated("thanhtri_motcua", "bulk")
    assert machine.query(options, "unified_parts") == [(None,)]
    outcomes = ("extracted", "published", "unchanged", "merged", "quarantined", "filtered", "balance")
    assert {k: rehearsed[k] for k in outcomes} == {k: real[k] for k in outcomes}


def _landed(machine: Machine) -> int:
    return sum(1 for _ in (machine.home / "landing").rglob("*.parquet"))


def _entity(source: str) -> str:
    return {"opencps_dossieraction": "dossier_step", "opencps_dossierfile": "dossier_file"}.get(source.split(".")[1], "dossier")


def test_rows_deleted_at_the_source_are_noted_and_stay_published(sample: SampleSystems, server_url: str, tmp_path: Path) -> None:
    if not sample.connections["hn_motcua"].startswith("sqlite"):
        pytest.skip("the same through SQL: SQLite is enough")
    machine = Machine(tmp_path, create_database(server_url, f"gone_{tmp_path.name.replace('-', '_')}"), sample.connections)
    machine.migrated("hn_motcua")
    before = machine.query("select count(*) from unified.dossier_step")
    with sqlite3.connect(sample.connections["hn_motcua"].removeprefix("sqlite:///")) as source:
        keys = [str(k) for (k,) in source.execute("select dossierActionId from opencps_dossieraction order by 1 desc limit 7")]
        source.execute(f"delete from opencps_dossieraction where dossierActionId in ({', '.join(keys)})")
    machine.migrated("hn_motcua")
    assert {k for (k,) in machine.query("select source_key from ledger.gone")} == set(keys)
    assert machine.query("select count(*) from unified.dossier_step") == before
