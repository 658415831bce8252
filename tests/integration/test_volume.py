"""The volume guard: far fewer or far more rows than the last published run stop a run before anything is published."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hopnhat.sample.build import SampleSystems, build
from tests.support.edits import alter, edited, error_of
from tests.support.migration import Machine

CITY, STEPS, FILES = "hn_motcua", "opencps_dossieraction", "opencps_dossierfile"


@pytest.fixture
def sample(tmp_path: Path) -> SampleSystems:
    return build(tmp_path / "sample", rows=2_000, use_mariadb=False)


@pytest.fixture
def machine(sample: SampleSystems, furnished: str, tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "home", furnished, dict(sample.connections))
    made.migrated(CITY)
    return made


def copied(key: str, table: str, times: int, machine: Machine) -> list[str]:
    with sqlite3.connect(machine.connections[CITY].removeprefix("sqlite:///")) as source:
        columns = [name for _, name, *_ in source.execute(f"pragma table_info({table})")]
        (step,) = source.execute(f"select max({key}) + 1 from {table}").fetchone()
    taken = ", ".join(f"{key} + {{shift}}" if c == key else c for c in columns)
    return [f"insert into {table} select {taken.format(shift=step * n)} from {table} where {key} < {step}" for n in range(1, times + 1)]


@pytest.mark.parametrize("mode", ["bulk", "delta"])
def test_a_source_that_shrank_is_not_published(machine: Machine, mode: str) -> None:
    before = machine.fingerprint()
    alter(machine, CITY, f"delete from {STEPS} where dossierActionId % 4 = 0")
    message = error_of(machine, CITY, 3, mode)
    assert f"{CITY}.{STEPS}" in message
    assert "below 80 % of the last good" in message
    assert "--accept-volume" in message
    assert machine.fingerprint() == before
    assert machine.query("select count(*) from ledger.run") == [(1,)]


def test_an_accepted_volume_is_published_and_noted(machine: Machine) -> None:
    rows = machine.query("select count(*) from unified.dossier_step")
    alter(machine, CITY, f"delete from {STEPS} where dossierActionId % 4 = 0")
    summary = machine.migrated(CITY, "bulk", "--accept-volume")
    assert summary["balance"] == 0
    assert [(n["source"], n["kind"]) for n in summary["notes"]] == [(f"{CITY}.{STEPS}", "volume-accepted")]
    assert summary["gone"] > 100
    assert machine.query("select count(*) from unified.dossier_step") == rows
    assert "accepted" in machine.query("select message from ledger.run order by started_at desc limit 1")[0][0]
    assert machine.migrated(CITY)["notes"] == []  # the new volume is the measure now


def test_a_source_that_trebled_is_not_published(machine: Machine) -> None:
    alter(machine, CITY, *copied("dossierFileId", FILES, 2, machine))
    assert "above 200 % of the last good" in error_of(machine, CITY, 3)


def test_a_table_that_may_start_empty_may_not_become_empty(machine: Machine) -> None:
    alter(machine, CITY, f"delete from {FILES}")
    assert "no rows at all" in error_of(machine, CITY, 3)


def test_the_mapping_can_widen_the_bounds_for_good(machine: Machine, tmp_path: Path) -> None:
    def widen(system: dict[str, object]) -> None:
        for table in system["tables"]:  # type: ignore[attr-defined]
            table["expect"] |= {"min_share": 0.5, "max_share": 4.0}

    machine.mappings = edited(tmp_path / "mappings", CITY, widen)
    alter(machine, CITY, f"delete from {STEPS} where dossierActionId % 4 = 0", *copied("dossierFileId", FILES, 2, machine))
    summary = machine.migrated(CITY)
    assert (summary["notes"], summary["balance"]) == ([], 0)
    assert summary["unchanged"] > 0


COLLAPSE = """
import sqlite3, sys
from hopnhat import pipeline
from hopnhat.model.errors import SourceDriftError

system, url, file = sys.argv[1:]
items = pipeline.plan(system, run_id="collapse", mode="bulk", as_of="2025-07-01", url=url)
with sqlite3.connect(file) as source:
    source.execute("delete from opencps_dossieraction where dossierActionId % 2 = 0")
for item in items:
    pipeline.load(system, item, run_id="collapse", url=url)
try:
    pipeline.publish(system, run_id="collapse")
except SourceDriftError as error:
    print("SourceDriftError", error)
"""


def test_a_source_that_collapses_while_it_is_read_is_not_published(machine: Machine) -> None:
    before = machine.fingerprint()
    url = machine.connections[CITY]
    command = [sys.executable, "-c", COLLAPSE, CITY, url, url.removeprefix("sqlite:///")]
    done = subprocess.run(command, env=machine.environment(), capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "SourceDriftError" in done.stdout
    assert f"{CITY}.{STEPS}" in done.stdout
    assert "below 80 % of the counted" in done.stdout
    assert machine.fingerprint() == before
    assert machine.query("select state from ledger.run where run_id = 'collapse'") == [("open",)]
