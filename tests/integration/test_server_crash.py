"""Law 2 for the other side: the unified database itself is killed while a run stages. What was committed without waiting
for the disk may be lost, but rows and ledger together: the run goes on, and ends like an undisturbed one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hopnhat.sample.build import build
from hopnhat.server import create_database, ensure_server, remove_server
from tests.support.edits import in_parts
from tests.support.migration import Machine
from tests.support.server import postmaster

CRASHES = 3


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A server of its own, with the settings of production."""
    yield tmp_path / "server"
    remove_server(tmp_path / "server")


def _staged(machine: Machine) -> int:
    there = machine.query("select to_regclass('ledger.batch') is not null")[0][0]
    return int(machine.query("select count(*) from ledger.batch where state = 'staged'")[0][0]) if there else 0


def test_a_run_goes_on_after_its_database_crashed(home: Path, tmp_path: Path) -> None:
    sample = build(tmp_path / "sample", rows=12_000, bad_share=0.05, use_mariadb=False)
    mappings = in_parts(tmp_path / "mappings" / "systems", "hn_motcua", rows=1_000)
    url = ensure_server(home)
    undisturbed = Machine(tmp_path / "undisturbed", create_database(url, "undisturbed"), sample.connections, mappings)
    undisturbed.migrated("hn_motcua")
    expected = undisturbed.fingerprint()
    machine = Machine(tmp_path / "crashed", create_database(url, "crashed"), sample.connections, mappings)
    for crash in range(CRASHES):
        before = _staged(machine)
        command = [sys.executable, "-m", "hopnhat", "migrate", "hn_motcua", "--workers", "2", "--no-reports"]
        with subprocess.Popen(command, env=machine.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
            deadline = time.monotonic() + 60
            while _staged(machine) < before + 3:
                assert run.poll() is None, f"crash {crash} came too late"
                assert time.monotonic() < deadline
            os.kill(postmaster(home), signal.SIGKILL)
            assert run.stderr is not None
            said = run.stderr.read()
            assert run.wait(60) == 5, said
        assert "unified database" in said
        ensure_server(home)
        assert machine.imbalance() == []
    assert machine.migrated("hn_motcua")["balance"] == 0
    assert machine.fingerprint() == expected
    assert machine.imbalance() == []
