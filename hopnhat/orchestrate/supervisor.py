"""Keeps the services of one installation running: `python -m hopnhat.orchestrate.supervisor <plan.json>`.

It leads a session of its own. It ends, and takes the whole session with it, on SIGTERM, on SIGINT, when a service keeps
dying, or (unless the plan says `detached`) when its standard input closes, which happens even if its starter is killed.
Only the standard library is imported: this process lives as long as the services do.

The plan: {"status": file, "logs": folder, "detached": bool, "steps": […]}. The steps (see `topology`) are taken in order:
`once` must succeed before the next, `service` is kept running, `ready` waits until the address in `command` answers 200.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType
from typing import Any

from hopnhat.orchestrate import session

RESTARTS = 3
LARGEST_LOG = 20_000_000
READY_SECONDS = 180.0


class StopError(Exception):
    """Somebody asked us to stop."""


class StepError(Exception):
    """A step failed; the text goes into the status file."""


def supervise(plan: dict[str, Any]) -> int:
    """Run the plan until told to stop. 0 = stopped on request, 1 = a step or a service failed."""
    signal.signal(signal.SIGTERM, _raise)
    signal.signal(signal.SIGINT, _raise)
    running: dict[str, subprocess.Popen[bytes]] = {}
    code, state = 0, "stopped"
    try:
        for step in plan["steps"]:
            _report(plan, f"starting {step['name']}", running)
            _take(step, plan, running)
        _report(plan, "running", running)
        _watch(plan, running)
    except StopError:
        pass
    except StepError as failure:
        code, state = 1, f"failed: {failure}"
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        session.end(os.getpid(), spare=os.getpid())
        _report(plan, state, {})
    return code


def _raise(number: int, frame: FrameType | None) -> None:
    raise StopError


def _take(step: dict[str, Any], plan: dict[str, Any], running: dict[str, subprocess.Popen[bytes]]) -> None:
    if step["kind"] == "ready":
        _wait_ready(step["command"][0], plan, running)
        return
    process = _start(step, plan)
    if step["kind"] == "service":
        running[step["name"]] = process
        return
    while process.poll() is None:
        _pause(plan, 0.1)
    if process.returncode != 0:
        raise StepError(f"{step['name']} ended with status {process.returncode}, see {_log(step, plan)}")


def _start(step: dict[str, Any], plan: dict[str, Any]) -> subprocess.Popen[bytes]:
    path = _log(step, plan)
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
    with path.open("ab") as log:
        variables = {name: value for name, value in os.environ.items() if name not in step.get("drop", ())} | step.get("set", {})
        return subprocess.Popen(step["command"], env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


def _log(step: dict[str, Any], plan: dict[str, Any]) -> Path:
    return Path(plan["logs"]) / f"{step['name']}.log"


def _wait_ready(url: str, plan: dict[str, Any], running: dict[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        _fail_on_dead(plan, running)
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  our own http address
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        _pause(plan, 0.2)
    raise StepError(f"no answer from {url} within {READY_SECONDS:.0f} s, see {plan['logs']}")


def _fail_on_dead(plan: dict[str, Any], running: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, process in running.items():
        if process.poll() is not None:
            raise StepError(f"{name} ended with status {process.returncode}, see {Path(plan['logs']) / (name + '.log')}")


def _watch(plan: dict[str, Any], running: dict[str, subprocess.Popen[bytes]]) -> None:
    """Restart a service that died, at most RESTARTS times an hour in all."""
    restarts: list[float] = []
    steps = {step["name"]: step for step in plan["steps"]}
    while True:
        _pause(plan, 1.0)
        for name, process in list(running.items()):
            if process.poll() is None:
                continue
            now = time.monotonic()
            restarts = [moment for moment in restarts if now - moment < 3600] + [now]
            if len(restarts) > RESTARTS:
                _fail_on_dead(plan, running)
            running[name] = _start(steps[name], plan)
            _report(plan, "running", running)


def _pause(plan: dict[str, Any], seconds: float) -> None:
    """Sleep; notice when the starter is gone."""
    if plan.get("detached"):
        time.sleep(seconds)
    elif select.select([sys.stdin], [], [], seconds)[0] and not os.read(0, 1024):
        raise StopError


def _report(plan: dict[str, Any], state: str, running: dict[str, subprocess.Popen[bytes]]) -> None:
    path = Path(plan["status"])
    content = {"session": os.getpid(), "started": session.started_at(os.getpid()), "state": state,
               "services": {name: process.pid for name, process in running.items()}, **plan.get("about", {})}  # fmt: skip
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(content))
    fresh.replace(path)


if __name__ == "__main__":
    sys.exit(supervise(json.loads(Path(sys.argv[1]).read_text())))
