"""Start Airflow, run DAGs through it, watch them, end it: `run_dags` for one run, `up` and `down` for the screens.

The DAGs run exactly as in production (scheduler, executor, execution API, own process per task); only the services' life
is shorter. Nothing is left behind, whichever way the run ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from hopnhat.model.errors import RunError
from hopnhat.orchestrate import rest, session
from hopnhat.orchestrate.environment import USER, Installation, free_port, note_migrated, prepare
from hopnhat.orchestrate.progress import Watch
from hopnhat.orchestrate.topology import Step, cluster, cluster_variables, single_machine
from mappings.index import pools

Say = Callable[[str], None]
PREFERRED_PORT = 8080
DAG_SECONDS = 120.0
STATUS, PLAN = "up.json", "up-plan.json"


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `failed` names the task instances that did, `seconds` is from trigger to end."""

    run_id: str
    state: str
    seconds: float
    failed: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return 0 if self.state == "success" else 1


def run_dags(
    home: Path,
    dag_id: str,
    *,
    run_id: str,
    conf: Mapping[str, Any],
    watch: Sequence[str] = (),
    url: str | None = None,
    connections: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    say: Say = print,
    timeout: float = 24 * 3600,
) -> Outcome:
    """Run one DAG (and those in `watch` that it triggers under the same run id) and wait for its end.

    Args:
        url: SQLAlchemy URL of the unified database, None for the embedded server of `home`.
        connections: legacy connection id → URL, stored in Airflow before the run.
        environment: more variables for the services; ignored when `up` already serves this home.
    Raises:
        RunError: Airflow did not start, the DAG is unknown or broken, or `timeout` seconds passed.
    """
    with _services(home, url, environment, say) as (installation, since), _client(installation) as client:
        _furnish(client, connections)
        _wait_for_dags(client, [dag_id, *watch], since)
        if since:  # nobody else serves this home: whatever is unfinished was interrupted
            for name in (dag_id, *watch):
                for interrupted in rest.give_up(client, name):
                    say(f"giving up the interrupted run {interrupted} of {name}")
        rest.trigger(client, dag_id, run_id, conf)
        return _follow(client, [dag_id, *watch], run_id, say, timeout)


def up(
    home: Path, *, url: str | None = None, port: int | None = None, connections: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None, workers: int = 0, say: Say = print,
) -> Installation:  # fmt: skip
    """Serve Airflow's screens in the background until `down`. A second call says where the first one is.

    `workers` > 0: Redis and that many Celery workers instead of the scheduler's own processes.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installation = _running(home) or _serve(home, url, port, environment, workers, say)
    with _client(installation) as client:
        _furnish(client, connections)
    say(f"Airflow: {installation.base_url}   user: {USER}   password: {installation.password}")
    return installation


def _serve(home: Path, url: str | None, port: int | None, environment: Mapping[str, str] | None, workers: int, say: Say) -> Installation:
    down(home)  # what a crash may have left
    celery = cluster_variables(home.resolve() / "airflow") if workers else {}
    executor = "CeleryExecutor" if workers else "LocalExecutor"
    installation = prepare(
        home, url=url, port=free_port(port or PREFERRED_PORT), executor=executor, extra={**celery, **(environment or {})}
    )
    process = _launch(installation, cluster(installation, workers) if workers else single_machine(installation), detached=True)
    try:
        _await_running(installation.home / STATUS, say)
    except BaseException:
        _end(process.pid)
        raise
    note_migrated(installation)
    return installation


def _client(installation: Installation) -> httpx.Client:
    return rest.connect(installation.base_url, USER, installation.password)


def _furnish(client: httpx.Client, connections: Mapping[str, str] | None) -> None:
    rest.ensure_pools(client, pools())
    for connection_id, url in (connections or {}).items():
        rest.put_connection(client, connection_id, url)


def down(home: Path) -> bool:
    """End what `up` started, children included. False when nothing was running."""
    path = home.resolve() / "airflow" / STATUS
    status = _read(path)
    alive = bool(status) and session.is_ours(status["session"], status["started"])
    if alive:
        _end(status["session"])
    path.unlink(missing_ok=True)
    return alive


def status(home: Path) -> dict[str, str]:
    """Service → `running` or `ended`, of what `up` serves; empty when nothing does."""
    found = _read(home.resolve() / "airflow" / STATUS)
    if not found or not session.is_ours(found["session"], found["started"]):
        return {}
    return {name: "running" if session.started_at(pid) else "ended" for name, pid in found["services"].items()}


@contextmanager
def _services(
    home: Path, url: str | None, environment: Mapping[str, str] | None, say: Say
) -> Iterator[tuple[Installation, datetime | None]]:
    """The running installation of `home`, or one of our own that ends with the block."""
    earlier = _running(home)
    if earlier is not None:
        say(f"using the Airflow that runs at {earlier.base_url}")
        yield earlier, None
        return
    installation = prepare(home, url=url, extra=environment)
    lock = (installation.home / "run.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise RunError(f"another run is going on in {home}", hint="wait for its end") from error
    since = datetime.now(UTC)
    process: subprocess.Popen[bytes] | None = None
    before = _on_sigterm(_interrupt)
    try:
        process = _launch(installation, single_machine(installation), detached=False)
        _await_running(installation.home / f"run-{os.getpid()}.json", say)
        note_migrated(installation)
        yield installation, since
    finally:
        _on_sigterm(signal.SIG_IGN)
        if process is not None:
            _end(process.pid)
            process.wait(timeout=30)
        for name in (f"run-{os.getpid()}.json", f"run-{os.getpid()}-plan.json"):
            (installation.home / name).unlink(missing_ok=True)
        _on_sigterm(before)
        lock.close()


def _on_sigterm(handler: Any) -> Any:
    """Set the handler and return the earlier one; only the main thread may."""
    return signal.signal(signal.SIGTERM, handler) if threading.current_thread() is threading.main_thread() else None


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _launch(installation: Installation, steps: list[Step], *, detached: bool) -> subprocess.Popen[bytes]:
    name = STATUS if detached else f"run-{os.getpid()}.json"
    plan_path = installation.home / (PLAN if detached else f"run-{os.getpid()}-plan.json")
    (installation.home / name).unlink(missing_ok=True)
    logs = installation.home / "services"
    logs.mkdir(exist_ok=True)
    plan = {"status": str(installation.home / name), "logs": str(logs), "detached": detached,
            "about": {"port": installation.port}, "steps": steps}  # fmt: skip
    plan_path.write_text(json.dumps(plan))
    with (logs / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "hopnhat.orchestrate.supervisor", str(plan_path)],
            env=dict(installation.variables),
            stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _await_running(status: Path, say: Say) -> None:
    """Follow the supervisor's report until everything runs."""
    started, last = time.monotonic(), ""
    while True:
        state = str(_read(status).get("state", ""))
        if state != last:
            last = state
            if state.startswith("failed") or state == "stopped":
                raise RunError(f"Airflow did not start: {state}")
            say(f"[{time.monotonic() - started:5.1f} s] Airflow: {state}")
        if state == "running":
            return
        if not state and time.monotonic() - started > 30:
            raise RunError(
                "Airflow did not start: no report from its supervisor", hint=f"see {status.parent / 'services' / 'supervisor.log'}"
            )
        time.sleep(0.1)


def _end(leader: int) -> None:
    """Let the supervisor end its session in order; end it from outside when it cannot."""
    with suppress(ProcessLookupError):
        os.kill(leader, signal.SIGTERM)
    deadline = time.monotonic() + 25
    while session.started_at(leader) and time.monotonic() < deadline:
        time.sleep(0.1)
    session.end(leader, patience=2)


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def _running(home: Path) -> Installation | None:
    """What `up` serves for this home, if it answers."""
    status = _read(home.resolve() / "airflow" / STATUS)
    if not status or status["state"] != "running" or not session.is_ours(status["session"], status["started"]):
        return None
    found = Installation(home.resolve() / "airflow", int(status["port"]), {})
    try:
        return found if httpx.get(f"{found.base_url}/api/v2/version", timeout=5, trust_env=False).is_success else None
    except httpx.TransportError:
        return None


def _wait_for_dags(client: httpx.Client, dag_ids: Sequence[str], since: datetime | None) -> None:
    """Until each DAG was parsed after `since` (an older parse may be of older files)."""
    deadline = time.monotonic() + DAG_SECONDS
    missing = list(dag_ids)
    while missing and time.monotonic() < deadline:
        answer = rest.call(client, "GET", f"/dags/{missing[0]}", accept=(404,))
        parsed = answer and answer.get("last_parsed_time")
        if parsed and (since is None or datetime.fromisoformat(parsed) >= since) and not answer["is_stale"]:
            missing.pop(0)
            continue
        time.sleep(0.3)
    errors = rest.call(client, "GET", "/importErrors")["import_errors"] if missing else []
    if missing:
        reason = errors[0]["stack_trace"].strip().splitlines()[-1] if errors else "not found in dags/"
        raise RunError(f"DAG {missing[0]} is not available: {reason}", hint="check dags/ and `python -m hopnhat check-mappings`")


def _follow(client: httpx.Client, dag_ids: Sequence[str], run_id: str, say: Say, timeout: float) -> Outcome:
    """Print what changes until the first DAG's run ends."""
    started, watch = time.monotonic(), Watch(say)
    while True:
        state = rest.run_state(client, dag_ids[0], run_id)
        instances = [item for dag_id in dag_ids for item in rest.task_instances(client, dag_id, run_id)]
        for failed in watch.update(instances):
            for line in rest.log_tail(client, failed):
                say(f"           {line}")
        seconds = time.monotonic() - started
        if state in ("success", "failed"):
            return Outcome(run_id, state, seconds, watch.failed())
        if seconds > timeout:
            raise RunError(f"the run {run_id} is still {state} after {timeout:.0f} s", hint="look at it with `make up`")
        time.sleep(min(1.0 + seconds / 120, 10.0))  # a long night needs no answer every second
