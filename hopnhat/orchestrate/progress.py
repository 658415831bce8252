"""Turn polled task states into the few lines that somebody who waits wants to read."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

DONE = {"success", "skipped", "failed", "upstream_failed", "removed"}
SPOKEN = {"running": "started", "success": "done", "failed": "FAILED", "up_for_retry": "will be tried again",
          "up_for_reschedule": "waits until the legacy server may be read", "upstream_failed": "not run"}  # fmt: skip
QUIET = {"wait", "pick"}
"""Tasks of the orchestration itself: their start is no news, nor is their waiting."""


class Watch:
    """Remembers what was said; `update` says what is new and returns the instances that have just failed."""

    def __init__(self, say: Callable[[str], None], *, heartbeat: float = 15.0) -> None:
        self._say, self._heartbeat = say, heartbeat
        self._now: dict[tuple[str, str, int], tuple[str, str]] = {}
        self._started = self._spoke = time.monotonic()

    def update(self, instances: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """`instances`: all of the run, every time. Labels come late and mapped tasks multiply, so numbers are the identity."""
        before, self._now, failed = self._now, {}, []
        for item in sorted(instances, key=lambda item: (str(item.get("start_date") or "9"), name(item))):
            key, state = (item["dag_id"], item["task_id"], item.get("map_index", -1)), str(item["state"])
            self._now[key] = (name(item), state)
            if before.get(key, ("", ""))[1] == state:
                continue
            if state in ("failed", "up_for_retry"):
                failed.append(item)
            if state in SPOKEN and not (item["task_id"] in QUIET and state in ("running", "success", "up_for_reschedule")):
                took = f" in {item['duration']:.1f} s" if state in ("success", "failed") and item.get("duration") else ""
                self._line(f"{name(item)} {SPOKEN[state]}{took}")
        if time.monotonic() - self._spoke > self._heartbeat:
            self._line(self.counts())
        return failed

    def counts(self) -> str:
        """`12 of 20 tasks done, 4 running`."""
        states = Counter(state for _, state in self._now.values())
        done = sum(count for state, count in states.items() if state in DONE)
        return f"{done} of {len(self._now)} tasks done, {states['running']} running"

    def failed(self) -> list[str]:
        return sorted(label for label, state in self._now.values() if state in ("failed", "upstream_failed"))

    def _line(self, text: str) -> None:
        self._spoke = time.monotonic()
        self._say(f"[{self._spoke - self._started:5.1f} s] {text}")


def name(item: Mapping[str, Any]) -> str:
    """`migrate_x · load[phieu 2]`: the rendered label where a mapped task has one, else its number."""
    index = item.get("map_index", -1)
    label = f"[{item.get('rendered_map_index') or index}]" if index is not None and index >= 0 else ""
    return f"{item['dag_id']} · {item['task_id']}{label}"
