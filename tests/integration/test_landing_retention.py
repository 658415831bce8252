"""Landing list, verify, purge: what the kept runs were read from stays and is sound; the rest goes; a wrong database harms nothing."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hopnhat.sample.build import SampleSystems, build
from hopnhat.server import create_database
from tests.support.edits import alter
from tests.support.migration import Machine

CITY, STEPS = "hn_motcua", "opencps_dossieraction"


@pytest.fixture
def sample(tmp_path: Path) -> SampleSystems:
    return build(tmp_path / "sample", rows=1_500, use_mariadb=False)


@pytest.fixture
def machine(sample: SampleSystems, database: str, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "home", database, dict(sample.connections))


def landing(machine: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hopnhat", "landing", *words]
    return subprocess.run(command, env=machine.environment(), capture_output=True, text=True, timeout=120, check=False)


def done(machine: Machine, *words: str) -> str:
    ended = landing(machine, *words)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


def parts(machine: Machine) -> set[str]:
    root = machine.home / "landing"
    return {str(p.relative_to(root)) for p in root.rglob("*.parquet")}


def named(machine: Machine, *run_ids: str) -> set[str]:
    return {part for (part,) in machine.query("select distinct part from ledger.batch where run_id = any(%s)", list(run_ids))}


def changed_runs(machine: Machine, runs: int) -> list[str]:
    """So many runs, each reading steps that changed since the one before."""
    made = [machine.migrated(CITY)["run_id"]]
    for number in range(1, runs):
        alter(machine, CITY, f"update {STEPS} set actionNote = 'lần {number}' where dossierActionId % 7 = {number}")
        made.append(machine.migrated(CITY, "bulk", "--run-id", f"r{number}")["run_id"])
    return made


def test_purge_keeps_what_the_last_runs_name_and_no_more(machine: Machine) -> None:
    runs = changed_runs(machine, 4)
    assert len(parts(machine)) == len(named(machine, *runs)) > len(named(machine, runs[-1]))
    (machine.home / "landing" / f"{CITY}.{STEPS}" / ".draft.parquet.99").write_bytes(b"left by a killed process")
    before = parts(machine)
    assert "would remove" in done(machine, "purge", "--keep-runs", "2", "--dry-run")
    assert parts(machine) == before
    assert "sound" in done(machine, "purge", "--keep-runs", "2")
    assert parts(machine) == named(machine, *runs[-2:])
    assert not list((machine.home / "landing").rglob(".draft*"))
    assert f"{CITY}.{STEPS}" in done(machine, "list", "--keep-runs", "2")
    calm = machine.fingerprint()
    again = machine.migrated(CITY)
    assert (again["published"], again["balance"]) == (0, 0)
    assert machine.fingerprint() == calm


def test_what_a_source_was_last_read_from_outlives_later_runs(machine: Machine) -> None:
    """Rehearsals are newer runs, but what is published was read by the older one."""
    first = machine.migrated(CITY)["run_id"]
    for number in range(2):
        alter(machine, CITY, f"update {STEPS} set actionNote = 'thử {number}' where dossierActionId % 9 = {number}")
        machine.migrated(CITY, "rehearsal", "--run-id", f"try{number}")
    done(machine, "purge", "--keep-runs", "1")
    assert parts(machine) == named(machine, first, "try1")
    assert machine.migrated(CITY)["balance"] == 0


def test_an_altered_part_is_named_and_stops_a_purge(machine: Machine) -> None:
    runs = changed_runs(machine, 2)
    victim = machine.home / "landing" / sorted(named(machine, runs[-1]))[0]
    victim.write_bytes(victim.read_bytes()[:-1] + b"!")
    before = parts(machine)
    for words in (("verify",), ("purge", "--keep-runs", "1")):
        ended = landing(machine, *words)
        assert ended.returncode == 6
        assert f"{victim.stem}.parquet altered" in ended.stderr
    victim.unlink()
    assert "missing" in landing(machine, "verify").stderr
    assert parts(machine) == before - {str(victim.relative_to(machine.home / "landing"))}


def test_a_wrong_database_costs_nothing(machine: Machine, server_url: str, tmp_path: Path) -> None:
    changed_runs(machine, 2)
    before = parts(machine)
    empty = Machine(machine.home, create_database(server_url, f"wrong_{tmp_path.name.replace('-', '_')}"), machine.connections)
    ended = landing(empty, "purge", "--keep-runs", "1")
    assert ended.returncode == 7
    assert "knows no runs" in ended.stderr
    empty.migrated("so_tay_xa")
    assert "left alone" in done(empty, "purge", "--keep-runs", "1")
    assert before <= parts(machine)


def test_the_manifest_says_what_was_read(machine: Machine) -> None:
    run = machine.migrated(CITY)["run_id"]
    root = machine.home / "landing"
    manifest: dict[str, Any] = json.loads((root / "manifests" / CITY / f"{run}.json").read_text(encoding="utf-8"))
    assert manifest["system"] == CITY
    assert manifest["run_id"] == run
    assert manifest["snapshot"]
    assert manifest["extractor_version"]
    assert {p["path"] for p in manifest["parts"]} == parts(machine)
    for part in manifest["parts"]:
        content = (root / part["path"]).read_bytes()
        assert part["source"] == f"{CITY}.{part['table']}"
        assert (part["bytes"], part["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert part["rows"] == pq.read_metadata(root / part["path"]).num_rows
        assert {"key_low", "key_high"} <= part.keys()
