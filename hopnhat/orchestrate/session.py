"""Processes that belong together: a kernel session is found and ended as a whole, whoever its members' parents are.

Airflow's own `standalone` leaves orphans when it is ended. Here every service is started inside one session, and ending
means: ask, wait, then kill whatever still carries the session's number.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat after the command name: state, ppid, pgrp, session, … ; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def started_at(pid: int) -> int:
    """Start time in clock ticks since boot (0 = no such process): tells a process from a later one with the same number."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] != "Z" else 0


def members(session: int) -> list[int]:
    """Live processes of a session. None of session 0: the kernel shows that number for every session whose leader is
    outside a container's process namespace, strangers' among them."""
    if session <= 0:
        return []
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields and fields[0] != "Z" and fields[3] == str(session):
                found.append(int(entry.name))
    return found


def is_ours(session: int, leader_started: int) -> bool:
    """Whether the session that we once started still has members. A number in use as a session is never given out again,
    so only a *leader* with another start time means that the number went to strangers."""
    now = started_at(session)
    return now in (0, leader_started) and bool(members(session))


def end(session: int, *, patience: float = 15.0, spare: int = 0) -> None:
    """End every process of a session: SIGTERM, then SIGKILL after `patience` seconds. `spare` (the caller) is left alone."""
    _signal_all(session, signal.SIGTERM, spare)
    deadline = time.monotonic() + patience
    while _others(session, spare) and time.monotonic() < deadline:
        time.sleep(0.1)
    for _ in range(50):  # a process that is just forking may escape one sweep
        if not _others(session, spare):
            return
        _signal_all(session, signal.SIGKILL, spare)
        time.sleep(0.1)


def _others(session: int, spare: int) -> list[int]:
    return [pid for pid in members(session) if pid != spare]


def _signal_all(session: int, number: int, spare: int) -> None:
    for pid in _others(session, spare):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
