"""The production shape without Docker: Redis, two Celery workers and the services around them run the migration DAGs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hopnhat.orchestrate import runner, topology
from hopnhat.sample.build import build
from hopnhat.server import remove_server

REPOSITORY = Path(__file__).resolve().parents[2]
MAPPING = (
    "id: {0}\ntitle: {0}\ndomain: dossiers\ntechnology: sqlite\nconnection: legacy_{0}\nserver: server_{0}\ntables:\n  - name: ho_so\n"
)
SYSTEMS = ["alpha", "beta", "stalls_gamma"]
pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(
        not (shutil.which("redis-server") or Path("/usr/bin/redis-server").exists()), reason="redis-server is not installed"
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A started cluster with two workers and the stand-in pipeline; ended afterwards."""
    path = tmp_path_factory.mktemp("cluster")
    (path / "systems").mkdir()
    (path / "calls").touch()
    for system in SYSTEMS:
        (path / "systems" / f"{system}.yml").write_text(MAPPING.format(system))
    variables = {
        "PYTHONPATH": f"{REPOSITORY / 'tests' / 'fixtures' / 'stand_in'}:{REPOSITORY}",
        "HOPNHAT_MAPPINGS": str(path / "systems"),
        "STAND_IN_CALLS": str(path / "calls"),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOPNHAT_MAPPINGS", variables["HOPNHAT_MAPPINGS"])
        patch.delenv("HOPNHAT_DATABASE_URL", raising=False)
        try:
            runner.up(
                path / "var",
                environment=variables,
                workers=2,
                connections={f"legacy_{s}": f"sqlite:////{s}.db" for s in SYSTEMS},
                say=print,
            )
            yield path
        finally:
            status = json.loads((path / "var" / "airflow" / "up.json").read_text())
            runner.down(path / "var")
            remove_server(path / "var")
            assert runner.session.members(status["session"]) == []


def loads(folder: Path, system: str) -> list[list[Any]]:
    noted = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    return [call for call in noted if call[:2] == ["load", system]]


def migrate(folder: Path, systems: list[str], run_id: str) -> runner.Outcome:
    return runner.run_dags(
        folder / "var",
        "migrate",
        run_id=run_id,
        conf={"systems": systems, "mode": "bulk"},
        watch=[f"migrate_{s}" for s in systems],
        say=print,
    )


def eventually(found: Callable[[], list[Any]], seconds: float = 150) -> list[Any]:
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.2)
    return result


def test_everything_runs(folder: Path) -> None:
    assert runner.status(folder / "var") == dict.fromkeys(
        ["redis", "api-server", "dag-processor", "scheduler", "worker-1", "worker-2"], "running"
    )


def test_migration_runs_on_the_workers(folder: Path) -> None:
    outcome = migrate(folder, ["alpha", "beta"], "first")
    assert outcome.state == "success", outcome.failed
    homes = {Path(call[-1]).name for system in ("alpha", "beta") for call in loads(folder, system)}
    assert homes <= {"worker-1", "worker-2"}
    assert homes, "no task ran"


def test_tasks_see_no_server_secret(folder: Path) -> None:
    """What the task's own process finds in its environment."""
    noted = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    variables = [set(call[2]) for call in noted if call[0] == "variables"]
    assert variables, "no task ran"
    for names in variables:
        assert "AIRFLOW__CELERY__BROKER_URL" in names
        assert names.isdisjoint(topology.SERVER_SECRETS)


def test_no_password_in_plain_files(folder: Path) -> None:
    home = folder / "var" / "airflow"
    assert (home / "redis.conf").stat().st_mode & 0o777 == 0o600
    for path in [*home.glob("up*.json"), *(home / "services").glob("*.log")]:
        assert "redis://:**@" in path.read_text() or "redis://:" not in path.read_text(), path.name


def test_killed_worker_loses_nothing(folder: Path) -> None:
    """Kill -9 of the worker that runs a task: the run ends well, and the supervisor starts the worker again."""
    import threading

    outcomes: list[runner.Outcome] = []
    run = threading.Thread(target=lambda: outcomes.append(migrate(folder, ["stalls_gamma"], "killed")))
    before = json.loads((folder / "var" / "airflow" / "up.json").read_text())["services"]
    run.start()
    first = eventually(lambda: loads(folder, "stalls_gamma"))[0]
    worker = Path(first[-1]).name
    stalled = int(first[-2])
    for pid in [before[worker], stalled]:
        os.kill(pid, signal.SIGKILL)
    run.join(timeout=300)
    assert outcomes, "the run did not end"
    assert outcomes[0].state == "success", outcomes[0].failed
    assert len(loads(folder, "stalls_gamma")) >= 3  # two ranges, the lost one twice
    eventually(lambda: [1] if set(runner.status(folder / "var").values()) == {"running"} else [])


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cluster with the real pipeline and the sample legacy systems of 1,000 dossiers."""
    for name in ("HOPNHAT_MAPPINGS", "HOPNHAT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    try:
        sample = build(tmp_path / "legacy", rows=1_000, use_mariadb=False)
        runner.up(tmp_path / "var", workers=2, connections=sample.connections, say=print)
        yield tmp_path / "var"
    finally:
        runner.down(tmp_path / "var")
        remove_server(tmp_path / "var")


def test_sample_systems_are_migrated_on_the_workers(real: Path) -> None:
    """End to end on the production shape: balanced, and a second run changes nothing."""
    systems = ["hn_motcua", "thanhtri_motcua", "so_tay_xa"]
    totals = []
    for run_id in ("first", "second"):
        outcome = migrate(real.parent, systems, run_id)
        assert outcome.state == "success", outcome.failed
        summary = json.loads((real / "reports" / run_id / "summary.json").read_text())
        assert set(summary["systems"]) == set(systems)
        totals.append(summary["totals"])
    first, second = totals
    assert first["balance"] == second["balance"] == 0
    assert first["published"] > 1_000
    assert (second["published"], second["unchanged"]) == (0, first["published"])
    assert second["quarantined"] == first["quarantined"] > 0


def test_script_explains_itself_and_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    script = [sys.executable, str(REPOSITORY / "scripts" / "cluster.py")]
    done = subprocess.run([*script, "status", "--home", str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "not running\n")
    done = subprocess.run([*script, "stop", "--home", str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "was not running\n")
