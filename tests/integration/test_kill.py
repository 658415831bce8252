"""Law 2: kill -9 at any instant, run again: the same final state, nothing lost, nothing twice."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from hopnhat.sample.build import SampleSystems, build
from hopnhat.server import create_database
from tests.support.edits import in_parts
from tests.support.migration import Machine

KILLS = int(os.environ.get("HOPNHAT_TEST_KILLS", "50"))
ROUNDS = 5


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleSystems:
    return build(tmp_path_factory.mktemp("sample"), rows=3_000, bad_share=0.05, use_mariadb=False)


@pytest.fixture(scope="module")
def mappings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_parts(tmp_path_factory.mktemp("mappings") / "systems", "hn_motcua", rows=1_000)


def _machine(sample: SampleSystems, server_url: str, mappings: Path, folder: Path, name: str) -> Machine:
    return Machine(folder / name, create_database(server_url, f"kill_{os.getpid()}_{name}".replace(".", "_")), sample.connections, mappings)


def test_killed_runs_end_like_an_undisturbed_one(sample: SampleSystems, server_url: str, mappings: Path, tmp_path: Path) -> None:
    undisturbed = _machine(sample, server_url, mappings, tmp_path, "undisturbed")
    undisturbed.migrated("hn_motcua")
    expected = undisturbed.fingerprint()
    assert len(expected) == 6  # three tables published, three with rows in quarantine
    chance, kills = random.Random(20250701), 0
    for number in range(ROUNDS):
        machine, in_round = _machine(sample, server_url, mappings, tmp_path, f"round{number}"), 0
        while in_round < KILLS // ROUNDS:
            if machine.killed("hn_motcua", after=chance.uniform(0.0, 1.2)):
                in_round += 1
            else:  # it had ended before: begin anew, so that the next kills hit work and not a finished run
                machine = _machine(sample, server_url, mappings, tmp_path, f"round{number}_{in_round}_{chance.random()}")
        kills += in_round
        summary = machine.migrated("hn_motcua")
        assert summary["balance"] == 0
        assert machine.fingerprint() == expected
        assert machine.imbalance() == []
        assert machine.query("select count(*) from ledger.run where state = 'open'") == [(0,)]
    assert kills >= KILLS
