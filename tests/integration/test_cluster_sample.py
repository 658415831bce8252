"""The sample legacy systems through the real pipeline on the production shape: Redis and two Celery workers."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hopnhat.orchestrate import runner
from hopnhat.orchestrate.environment import free_port
from hopnhat.sample.build import SampleSystems, build
from tests.support.airflow import ended_afterwards, migrate

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(
        not (shutil.which("redis-server") or Path("/usr/bin/redis-server").exists()), reason="redis-server is not installed"
    ),
]


SYSTEMS = ["hn_motcua", "thanhtri_motcua", "so_tay_xa"]


@pytest.fixture
def sample(tmp_path: Path) -> SampleSystems:
    return build(tmp_path / "legacy", rows=1_000, use_mariadb=False)


@pytest.fixture
def real(sample: SampleSystems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cluster with the real pipeline and the sample legacy systems of 1,000 dossiers."""
    for name in ("HOPNHAT_MAPPINGS", "HOPNHAT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with ended_afterwards(tmp_path) as path:
        runner.up(path / "var", port=free_port(), workers=2, connections=sample.connections, say=print)
        yield path / "var"


def summary(home: Path, run_id: str) -> dict[str, Any]:
    return dict(json.loads((home / "reports" / run_id / "summary.json").read_text()))


@pytest.mark.timeout(1800)  # four runs, some sixty tasks: minutes of work on a busy machine
def test_sample_systems_are_migrated_on_the_workers(real: Path, sample: SampleSystems) -> None:
    """End to end on the production shape: balanced, a second run changes nothing, and a source that shrank waits for a person."""
    totals = []
    for run_id in ("first", "second"):
        outcome = migrate(real.parent, SYSTEMS, run_id)
        assert outcome.state == "success", outcome.failed
        said = summary(real, run_id)
        assert set(said["systems"]) == set(SYSTEMS)
        totals.append(said["totals"])
    first, second = totals
    assert first["balance"] == second["balance"] == 0
    assert first["published"] > 1_000
    assert (second["published"], second["unchanged"]) == (0, first["published"])
    assert second["quarantined"] == first["quarantined"] > 0

    with closing(sqlite3.connect(sample.connections["hn_motcua"].removeprefix("sqlite:///"))) as source, source:
        source.execute("delete from opencps_dossieraction where dossierActionId % 4 = 0")
    shrunk = migrate(real.parent, ["hn_motcua"], "shrunk")
    assert shrunk.state == "failed"
    assert "migrate_hn_motcua · plan" in shrunk.failed
    accepted = migrate(real.parent, ["hn_motcua"], "accepted", accept_volume=["hn_motcua"])
    assert accepted.state == "success", accepted.failed
    assert 0 < summary(real, "accepted")["totals"]["extracted"] < first["extracted"]
