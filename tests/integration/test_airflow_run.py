"""A real Airflow (scheduler, API, executor, PostgreSQL) around the DAGs: runs end with the right status and leave nothing.

The pipeline behind the tasks is a stand-in here (tests/fixtures/stand_in): the real one has its own tests.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest

from hopnhat.model.errors import RunError
from hopnhat.orchestrate import environment, runner
from tests.support.airflow import REPOSITORY, calls, processes

SYSTEMS = ("alpha", "broken_beta", "empty_gamma", "closes_epsilon")


def test_run_of_its_own(folder: Path, mapped: dict[str, str]) -> None:
    """Four systems: one fine, one without anything left to load, one with a wrong mapping, one that must not be read
    at once. Then nothing is left."""
    systems, said = ["alpha", "broken_beta", "empty_gamma", "closes_epsilon"], []
    outcome = runner.run_dags(
        folder / "var", "migrate", run_id="first", conf={"systems": systems, "mode": "bulk", "as_of": "2025-07-01", "accept_volume": ["empty_gamma"]},
        watch=[f"migrate_{system}" for system in systems], connections={f"legacy_{system}": f"sqlite:////{system}.db" for system in systems},
        environment=mapped, say=said.append,
    )  # fmt: skip
    text = "\n".join(said)
    assert (outcome.state, outcome.exit_code) == ("failed", 1)
    assert {"migrate · finish", "migrate_broken_beta · load[ho_so 0]"} <= set(outcome.failed)
    assert "broken.yml:7: no such column" in text  # why, without opening a log
    assert "migrate_alpha · load[ho_so 1] done" in text
    assert ["plan", "alpha", "first", "bulk", "2025-07-01", "sqlite:////alpha.db"] in calls(folder, "plan")
    accepted = {call[1]: call[3] for call in calls(folder, "accept_volume")}
    assert accepted == {system: system == "empty_gamma" for system in systems}
    assert len(calls(folder, "closed")) == 5  # more often than a task is tried: waiting for the opening is no try
    for system in ("alpha", "empty_gamma", "closes_epsilon"):
        assert [call[0] for call in calls(folder, "publish", "reconcile", "report") if call[1] == system] == [
            "publish",
            "reconcile",
            "report",
        ]
    assert [call[1] for call in calls(folder, "load") if "beta" in call[1]] == ["broken_beta"] * 2  # a wrong mapping is not tried again
    assert ["state", "first", "broken_beta", "failed", "load: broken.yml:7: no such column"] in calls(folder, "state")
    assert calls(folder, "finish") == [["finish", "first", ["alpha", "closes_epsilon", "empty_gamma"]]]
    assert processes(folder) == []


def test_secrets_are_private_and_kept(folder: Path, mapped: dict[str, str]) -> None:
    first = environment.prepare(folder / "var", extra=mapped)
    second = environment.prepare(folder / "var", extra=mapped)
    for name in ("secrets.json", "passwords.json"):
        assert stat.S_IMODE((first.home / name).stat().st_mode) == 0o600
    for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY"):
        assert first.variables[name] == second.variables[name]
    assert first.port != second.port
    assert first.variables["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].startswith(first.base_url)
    assert environment.is_migrated(first)


def test_one_run_at_a_time(folder: Path, mapped: dict[str, str]) -> None:
    with (environment.prepare(folder / "var").home / "run.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RunError, match="another run"):
            runner.run_dags(folder / "var", "migrate", run_id="second", conf={}, say=print)


def test_failed_start_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "single_machine", lambda installation: [{"name": "database", "kind": "once", "command": ["false"]}])
    home = environment.Installation(tmp_path, 1, dict(os.environ) | {"PYTHONPATH": str(REPOSITORY)})
    monkeypatch.setattr(runner, "prepare", lambda *args, **kwargs: home)
    with pytest.raises(RunError, match="database ended with status 1"):
        runner.run_dags(tmp_path, "migrate", run_id="x", conf={}, say=lambda text: None)
    assert processes(tmp_path) == []
