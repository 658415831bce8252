"""A run that is interrupted or killed takes its Airflow with it, and the next one does not wait for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hopnhat.orchestrate import runner, session
from tests.support.airflow import REPOSITORY, calls, eventually, processes

SYSTEMS = ("alpha", "slow_delta")


def start(folder: Path, extra: dict[str, str], systems: list[str], run_id: str) -> subprocess.Popen[str]:
    """The runner in a process of its own, as `make demo` starts it."""
    program = f"""
from pathlib import Path
from hopnhat.orchestrate.runner import run_dags
outcome = run_dags(Path({str(folder / "var")!r}), "migrate", run_id={run_id!r}, conf={{"systems": {systems!r}, "mode": "bulk"}},
                   watch={[f"migrate_{system}" for system in systems]!r}, environment={extra!r})
raise SystemExit(outcome.exit_code)
"""
    settings = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "HOPNHAT_CONN_LEGACY_SLOW_DELTA": "sqlite:///x.db",
        "HOPNHAT_MAPPINGS": extra["HOPNHAT_MAPPINGS"],
        "PYTHONUNBUFFERED": "1",
    }
    settings.pop("HOPNHAT_DATABASE_URL", None)
    # A suite that runs in the background ignores SIGINT, and its children inherit that: a person at a terminal does not.
    return subprocess.Popen(
        [sys.executable, "-c", program], env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_interrupted_while_starting(folder: Path, mapped: dict[str, str], number: signal.Signals) -> None:
    child = start(folder, mapped, ["alpha"], f"interrupted-{number.name}")
    try:
        eventually(lambda: any("api" in command for command in processes(folder)))
        child.send_signal(number)
        assert child.wait(timeout=60) != 0
        eventually(lambda: not processes(folder), 40)
    finally:
        child.kill()
        child.communicate()


def test_killed_while_a_task_runs_and_the_next_run_does_not_wait(folder: Path, mapped: dict[str, str]) -> None:
    child = start(folder, mapped, ["slow_delta"], "killed")
    try:
        eventually(lambda: [call for call in calls(folder, "load") if call[1] == "slow_delta"])
        child.kill()
        eventually(lambda: not processes(folder), 40)
    finally:
        child.kill()
        print(child.communicate()[0])
    said: list[str] = []
    outcome = runner.run_dags(
        folder / "var", "migrate", run_id="next", conf={"systems": ["alpha"], "mode": "bulk"}, watch=["migrate_alpha", "migrate_slow_delta"],
        environment=mapped, connections={"legacy_alpha": "sqlite:///a.db"}, say=said.append, timeout=120,
    )  # fmt: skip
    assert outcome.state == "success"
    assert "giving up the interrupted run killed of migrate_slow_delta" in said


def in_session(program: str) -> subprocess.Popen[bytes]:
    """A process that leads a session of its own, as our supervisor does."""
    return subprocess.Popen([sys.executable, "-c", f"import subprocess, time; {program}; time.sleep(300)"], start_new_session=True)


def test_down_after_the_supervisor_was_killed() -> None:
    """Members of the session are found even when its leader is gone; a stranger with the same number is left alone."""
    leader, stranger = in_session("subprocess.Popen(['sleep', '300'])"), in_session("pass")
    try:
        started = session.started_at(leader.pid)
        eventually(lambda: len(session.members(leader.pid)) == 2)
        leader.kill()
        leader.wait()
        assert session.is_ours(leader.pid, started)
        session.end(leader.pid, patience=1)
        assert not session.is_ours(leader.pid, started)
        assert session.is_ours(stranger.pid, session.started_at(stranger.pid))
        assert not session.is_ours(stranger.pid, session.started_at(stranger.pid) - 1)  # the number was ours once
    finally:
        for process in (leader, stranger):
            session.end(process.pid, patience=1)
            process.wait()


def test_number_of_no_session_is_never_ours() -> None:
    """In a container a process shows session 0 when its leader is outside: ending "session 0" would end them all."""
    for number in (0, -1):
        assert session.members(number) == []
        assert not session.is_ours(number, session.started_at(number))
