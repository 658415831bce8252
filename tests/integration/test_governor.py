"""The governor of a mapping: left alone in blackout hours, read in small pieces otherwise, and never read differently."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hopnhat.extract.governor import VIET_NAM
from hopnhat.sample.build import SampleSystems, build
from tests.support.edits import alter, edited, error_of
from tests.support.migration import Machine

CITY, DISTRICT, STEPS = "hn_motcua", "thanhtri_motcua", "opencps_dossieraction"


@pytest.fixture
def sample(tmp_path: Path) -> SampleSystems:
    return build(tmp_path / "sample", rows=1_500, use_mariadb=False)


@pytest.fixture
def machine(sample: SampleSystems, furnished: str, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "home", furnished, dict(sample.connections))


def governed(folder: Path, system: str, **governor: Any) -> Path:
    return edited(folder, system, lambda data: data.update(governor=governor))


def now_closed() -> tuple[str, str]:
    """Blackout hours around this moment, and when they end."""
    now = datetime.now(VIET_NAM)
    start, end = f"{now - timedelta(minutes=5):%H:%M}", f"{now + timedelta(minutes=30):%H:%M}"
    return f"{start}-{end}", end


@pytest.mark.parametrize("system", [CITY, DISTRICT])
def test_blackout_hours_stop_before_anything_is_read(machine: Machine, tmp_path: Path, system: str) -> None:
    hours, end = now_closed()
    machine.mappings = governed(tmp_path / "closed", system, blackout=[hours])
    message = error_of(machine, system, 5)
    assert f"before {end}" in message
    assert not list((machine.home / "landing").rglob("*.parquet"))


def test_a_run_goes_on_after_the_blackout_where_it_stopped(machine: Machine, tmp_path: Path) -> None:
    """Hours are no part of a result's version: changing them neither starts a run anew nor makes unchanged rows look new."""
    machine.mappings = governed(tmp_path / "open", CITY, pause_share=0.1)
    machine.migrated(CITY)
    hours, _ = now_closed()
    machine.mappings = governed(tmp_path / "closed", CITY, blackout=[hours])
    error_of(machine, CITY, 5)
    machine.mappings = None
    again = machine.migrated(CITY)
    assert (again["published"], again["balance"]) == (0, 0)


def test_small_pieces_give_the_same_parts(machine: Machine, tmp_path: Path) -> None:
    machine.migrated(CITY)
    landed = sorted(p.name for p in (machine.home / "landing").rglob("*.parquet"))
    machine.mappings = governed(tmp_path / "gentle", CITY, target_seconds=0.0001)
    again = machine.migrated(CITY)
    assert (again["published"], again["balance"]) == (0, 0)
    assert sorted(p.name for p in (machine.home / "landing").rglob("*.parquet")) == landed


@pytest.mark.parametrize("wrong", [{"blackout": ["7h-9h"]}, {"pause_shares": 1}, {"target_seconds": 0}, {"statement_seconds": "long"}])
def test_a_governor_that_is_misspelt_is_refused_with_its_line(machine: Machine, tmp_path: Path, wrong: dict[str, Any]) -> None:
    machine.mappings = governed(tmp_path / "wrong", CITY, **wrong)
    assert f"{CITY}.yml:" in error_of(machine, CITY, 2)


def test_a_delta_finds_changes_and_deletes_where_there_is_no_watermark(machine: Machine, tmp_path: Path) -> None:
    def without_watermark(system: dict[str, Any]) -> None:
        for table in system["tables"]:
            if table["name"] == STEPS:
                del table["watermark"]
                table["ignored"] |= {"modifiedDate": "không dùng"}

    machine.mappings = edited(tmp_path / "plain", CITY, without_watermark)
    machine.migrated(CITY)
    with sqlite3.connect(machine.connections[CITY].removeprefix("sqlite:///")) as source:
        gone = [str(key) for (key,) in source.execute(f"select dossierActionId from {STEPS} order by 1 desc limit 7")]
    changed = machine.query("select source_key from unified.dossier_step where source = %s order by 1 limit 1", f"{CITY}.{STEPS}")[0][0]
    alter(machine, CITY, f"delete from {STEPS} where dossierActionId in ({', '.join(gone)})", f"update {STEPS} set actionNote = 'sửa' where dossierActionId = {changed}")
    summary = machine.migrated(CITY, "delta")
    assert (summary["published"], summary["gone"], summary["balance"]) == (1, 7, 0)
    assert [(n["source"], n["kind"]) for n in summary["notes"] if n["kind"] != "era"] == [(f"{CITY}.{STEPS}", "read-whole")]
    assert {key for (key,) in machine.query("select source_key from ledger.gone")} == set(gone)
    assert machine.imbalance() == []


def test_a_row_committed_late_is_within_the_overlap_of_the_next_delta(machine: Machine) -> None:
    machine.migrated(CITY)
    last = machine.query("select max(high_mark) from ledger.batch where source = %s", f"{CITY}.{STEPS}")[0][0]
    key = machine.query("select source_key from unified.dossier_step where source = %s order by 1 limit 1", f"{CITY}.{STEPS}")[0][0]
    late = f"{datetime.fromisoformat(last) - timedelta(seconds=60):%Y-%m-%d %H:%M:%S}"
    alter(machine, CITY, f"update {STEPS} set actionNote = 'ghi muộn', modifiedDate = '{late}' where dossierActionId = {key}")
    summary = machine.migrated(CITY, "delta")
    assert (summary["published"], summary["balance"]) == (1, 0)
