"""The production shape without Docker: Redis, two Celery workers and the services around them run the migration DAGs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hopnhat.orchestrate import runner, topology
from hopnhat.orchestrate.environment import free_port
from hopnhat.server import remove_server
from tests.support.airflow import REPOSITORY, calls, eventually, know, migrate, variables

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
    extra = variables(path, SYSTEMS) | {"AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10"}
    with pytest.MonkeyPatch.context() as patch:
        know(patch, extra)
        try:
            runner.up(
                path / "var",
                port=free_port(),
                environment=extra,
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
    return [call for call in calls(folder, "load") if call[1] == system]


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
    noted = [set(call[2]) for call in calls(folder, "variables")]
    assert noted, "no task ran"
    for names in noted:
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


def test_script_explains_itself_and_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    script = [sys.executable, str(REPOSITORY / "scripts" / "cluster.py")]
    done = subprocess.run([*script, "status", "--home", str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "not running\n")
    done = subprocess.run([*script, "stop", "--home", str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "was not running\n")
