"""Law 2 on the merge path: rows differ, nothing is attached, and a kill must not apply half of it."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from hopnhat.sample.build import SampleSystems, build
from hopnhat.sample.change import change
from hopnhat.server import create_database
from tests.support.edits import in_parts
from tests.support.migration import Machine

KILLS = int(os.environ.get("HOPNHAT_TEST_KILLS", "50"))


@pytest.fixture
def sample(tmp_path: Path) -> SampleSystems:
    return build(tmp_path / "sample", rows=3_000, bad_share=0.05, use_mariadb=False)


def test_a_killed_second_run_with_changes_ends_like_an_undisturbed_one(sample: SampleSystems, server_url: str, tmp_path: Path) -> None:
    mappings = in_parts(tmp_path / "mappings", "hn_motcua", rows=1_000)
    urls = {name: create_database(server_url, f"kill_merge_{os.getpid()}_{name}") for name in ("calm", "shaken")}
    calm, shaken = (Machine(tmp_path / name, url, sample.connections, mappings) for name, url in urls.items())
    for machine in (calm, shaken):
        machine.migrated("hn_motcua")
    change(sample.home, share=0.3, seed=7)
    calm.migrated("hn_motcua")
    chance = random.Random(7)
    for _ in range(KILLS // 5):
        shaken.killed("hn_motcua", after=chance.uniform(0.0, 1.6))
    shaken.migrated("hn_motcua")
    assert shaken.fingerprint() == calm.fingerprint()
    assert shaken.imbalance() == []
