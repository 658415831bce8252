"""Load a run's parts on several processes of one machine, for the CLI. (Under Airflow its own workers do this.)

Before the fork the parent opens no connection but the one that holds a snapshot for the workers, which they never use.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from hopnhat import pipeline
from hopnhat.extract.contract import Source
from hopnhat.extract.shared_snapshot import held_snapshot
from hopnhat.forked import CONTEXT, begin_worker
from hopnhat.model.errors import RunError
from hopnhat.opened import open_legacy
from hopnhat.part import SourceWork, load_part
from hopnhat.settings import settings
from mappings.read import load_system

Progress = Callable[[int, int, Mapping[str, int], float], None]
"""(parts done, parts in all, counts so far, seconds since the start)"""


@dataclass(frozen=True)
class _Job:
    system_id: str
    source_id: str
    part_number: int
    run_id: str
    url: str


def load_all(system_id: str, items: Sequence[Mapping[str, Any]], *, run_id: str, url: str, workers: int, progress: Progress) -> dict[str, int]:
    """Stage every part of the items. Raises the first error of a worker; what was staged stays."""
    jobs = [_Job(system_id, item["source"], number, run_id, url) for item in items for number in item["parts"]]
    total: dict[str, int] = {}
    if not jobs:
        return total
    started = time.monotonic()
    options = load_system(system_id, settings().mappings).options
    if options.get("snapshot") is True and not url.startswith("postgres"):
        workers = 1  # such a server lends its instant to no other session: one reads everything
    with held_snapshot(url, options), ProcessPoolExecutor(min(workers, len(jobs)), CONTEXT, begin_worker, (os.getpid(),)) as pool:
        waiting = [pool.submit(_load, job) for job in jobs]
        try:
            for done, finished in enumerate(as_completed(waiting), start=1):
                for name, rows in finished.result().items():
                    total[name] = total.get(name, 0) + rows
                progress(done, len(jobs), total, time.monotonic() - started)
        except BrokenProcessPool as exc:
            problem = "a worker process was ended from outside (out of memory?)"
            raise RunError(problem, system=system_id, hint="run again: it goes on where it stopped; fewer --workers need less memory") from exc
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return total


_open: dict[tuple[str, str], SourceWork] = {}
_sessions: dict[str, Source] = {}
_stack = ExitStack()


def _load(job: _Job) -> dict[str, int]:
    work = _work(job)
    key_range = next(r for r in _planned(work, job) if r.number == job.part_number)
    return load_part(work, key_range, _since(work))


def _work(job: _Job) -> SourceWork:
    key = (job.run_id, job.source_id)
    if key not in _open:
        _open[key] = _stack.enter_context(pipeline.opened_work(job.system_id, job.source_id, job.run_id, job.url, _legacy(job)))
    return _open[key]


def _legacy(job: _Job) -> Source:
    """One session of the legacy system for all tables that this worker reads: with `snapshot: true` they show one instant."""
    if job.system_id not in _sessions:
        system = load_system(job.system_id, settings().mappings)
        _sessions[job.system_id] = _stack.enter_context(open_legacy(system, job.url))
    return _sessions[job.system_id]


_plans: dict[tuple[str, str], list[pipeline.KeyRange]] = {}
_starts: dict[str, tuple[str, str] | None] = {}


def _planned(work: SourceWork, job: _Job) -> list[pipeline.KeyRange]:
    key = (job.run_id, job.source_id)
    if key not in _plans:
        _plans[key] = pipeline.planned_parts(work)
    return _plans[key]


def _since(work: SourceWork) -> tuple[str, str] | None:
    if work.source_id not in _starts:
        _starts[work.source_id] = pipeline.delta_start(work)
    return _starts[work.source_id]
