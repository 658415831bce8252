"""A real Airflow (scheduler, API, executor, PostgreSQL) around the DAGs: runs end with the right status and leave nothing.

The pipeline behind the tasks is a stand-in here (tests/fixtures/stand_in): the real one has its own tests.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hopnhat.model.errors import RunError
from hopnhat.orchestrate import environment, rest, runner, session
from hopnhat.server import remove_server

REPOSITORY = Path(__file__).resolve().parents[2]
SYSTEMS = ("alpha", "broken_beta", "empty_gamma", "slow_delta", "closes_epsilon")
MAPPING = (
    "id: {0}\ntitle: {0}\ndomain: dossiers\ntechnology: sqlite\nconnection: legacy_{0}\nserver: server_{0}\ntables:\n  - name: ho_so\n"
)


def variables(folder: Path) -> dict[str, str]:
    """Four mapped systems and the stand-in, for the processes of one installation."""
    (folder / "systems").mkdir()
    for system in SYSTEMS:
        (folder / "systems" / f"{system}.yml").write_text(MAPPING.format(system))
    return {
        "PYTHONPATH": f"{REPOSITORY / 'tests' / 'fixtures' / 'stand_in'}:{REPOSITORY}",
        "HOPNHAT_MAPPINGS": str(folder / "systems"),
        "STAND_IN_CALLS": str(folder / "calls"),
    }


def calls(folder: Path, *names: str) -> list[list[Any]]:
    path = folder / "calls"
    noted = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [call for call in noted if call[0] in names]


def processes(folder: Path) -> list[str]:
    """Live processes of this test's installation, whoever their parents are: they write their output below the folder.

    (Airflow's processes rename themselves, which overwrites the command line and environment that /proc shows.)
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            used = [str(link.readlink()) for link in (entry / "fd").iterdir()]
        except OSError:
            continue
        if int(entry.name) != os.getpid() and any(str(folder / "var" / "airflow") in name for name in used):
            found.append(command)
    return found


def eventually(holds: Callable[[], object], seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("airflow")
    yield path
    runner.down(path / "var")
    remove_server(path / "var")
    assert processes(path) == []


@pytest.fixture(scope="module")
def extra(folder: Path) -> dict[str, str]:
    return variables(folder)


@pytest.fixture
def mapped(extra: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """This process, too, knows the test's systems."""
    monkeypatch.setenv("HOPNHAT_MAPPINGS", extra["HOPNHAT_MAPPINGS"])
    monkeypatch.delenv("HOPNHAT_DATABASE_URL", raising=False)
    return extra


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
    assert "migrate_closes_epsilon · plan waits until the legacy server may be read" in text
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


def test_one_run_at_a_time(folder: Path, mapped: dict[str, str]) -> None:
    with (environment.prepare(folder / "var").home / "run.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RunError, match="another run"):
            runner.run_dags(folder / "var", "migrate", run_id="second", conf={}, say=print)


def test_up_serves_runs_and_down_leaves_nothing(folder: Path, mapped: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(runner, "DAG_SECONDS", 20.0)
    home = folder / "var"
    installation = runner.up(
        home, environment=mapped, connections={"legacy_alpha": "mysql+pymysql://u:geheim@127.0.0.1:1/x"}, say=said.append
    )
    try:
        assert installation.base_url in said[-1]
        assert installation.password in said[-1]
        assert httpx.get(f"{installation.base_url}/api/v2/dags", trust_env=False).status_code == 401
        assert runner.up(home, environment=mapped, say=said.append).port == installation.port
        outcome = runner.run_dags(
            home, "migrate", run_id="served", conf={"systems": ["alpha"], "mode": "delta"}, watch=["migrate_alpha"], say=said.append
        )
        assert outcome.state == "success"
        assert any("using the Airflow that runs" in line for line in said)
        assert any(call[-1] == "mysql+pymysql://u:geheim@127.0.0.1:1/x" for call in calls(folder, "plan"))
        with rest.connect(installation.base_url, environment.USER, installation.password) as client:
            stored = rest.call(client, "GET", "/connections/legacy_alpha")
            assert "geheim" not in json.dumps(stored)
            assert {"server_alpha", "server_slow_delta"} <= {pool["name"] for pool in rest.call(client, "GET", "/pools")["pools"]}
            rest.call(
                client,
                "PATCH",
                "/pools/server_alpha",
                json={"pool": "server_alpha", "slots": 1, "include_deferred": False},
                params={"update_mask": "slots"},
            )
            rest.ensure_pools(client, {"server_alpha": 4})
            assert rest.call(client, "GET", "/pools/server_alpha")["slots"] == 1  # the operator's choice stays
            with pytest.raises(RunError, match="no parameter modus"):
                rest.trigger(client, "migrate", "x", {"modus": "bulk"})
            with pytest.raises(RunError, match="status 400"):
                rest.trigger(client, "migrate", "x", {"mode": "quick"})
        with pytest.raises(RunError, match="migrate_nobody is not available"):
            runner.run_dags(home, "migrate_nobody", run_id="x", conf={}, say=said.append)
    finally:
        assert runner.down(home) is True
    assert processes(folder) == []
    assert runner.down(home) is False


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


def test_failed_start_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "single_machine", lambda installation: [{"name": "database", "kind": "once", "command": ["false"]}])
    home = environment.Installation(tmp_path, 1, dict(os.environ) | {"PYTHONPATH": str(REPOSITORY)})
    monkeypatch.setattr(runner, "prepare", lambda *args, **kwargs: home)
    with pytest.raises(RunError, match="database ended with status 1"):
        runner.run_dags(tmp_path, "migrate", run_id="x", conf={}, say=lambda text: None)
    assert processes(tmp_path) == []
