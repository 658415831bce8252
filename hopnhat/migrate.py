"""One system from end to end in one call: what the CLI does, with the same steps that the DAG has as tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from hopnhat import planning
from hopnhat.forked import CONTEXT, die_with_parent
from hopnhat.model.errors import HopNhatError, RunError
from hopnhat.opened import registry
from hopnhat.start import unsearched

Say = Callable[[str], None]


def migrate_system(
    system: str, *, mode: str, as_of: str, run_id: str | None, fresh_run_id: str, url: str, workers: int, reports: bool, say: Say,
    accept_volume: bool = False,
) -> dict[str, Any]:
    """Plan, load, publish, reconcile, report. Returns the run's summary."""
    resumed = None if run_id else planning.resumable(system, mode)
    run = run_id or resumed or fresh_run_id
    say(f"{system}: {'taking up' if resumed else 'starting'} run {run} ({mode})")
    try:
        items = planned(system, run_id=run, mode=mode, as_of=as_of, url=url, accept_volume=accept_volume)
        from hopnhat import pipeline
        from hopnhat.ahead import Ahead
        from hopnhat.workers import load_all

        with Ahead(system, run) as ahead:

            def progress(*done: Any) -> None:
                ahead.go_on()
                say(f"{system}: {_progress(*done)}")

            load_all(system, items, run_id=run, url=url, workers=workers, progress=progress)
            counts = pipeline.publish(system, run_id=run)
            say(f"{system}: {counts['state']}, " + ", ".join(f"{k} {v}" for k, v in counts.items() if isinstance(v, int)))
            for note in counts["notes"]:
                say(f"{note['source']}: {note['note']}")
            verdict = pipeline.reconcile(system, run_id=run, ahead=ahead.side())
        paths = pipeline.report(system, run_id=run) if reports else {}
    except HopNhatError as exc:
        _note_failure(run, system, exc)
        raise
    return {**counts, "run_id": run, "reconciliation": verdict, "reports": paths}


def planned(system: str, *, url: str, **run: Any) -> list[dict[str, Any]]:
    """The plan, made by a child: while it asks the servers, what the workers will need is read here."""
    with unsearched(), ProcessPoolExecutor(1, CONTEXT, die_with_parent, (os.getpid(),)) as planner:
        registry()  # shared with the child
        items = planner.submit(planning.plan, system, url=url, **run)
        from hopnhat import pipeline

        pipeline.warm_up(system, url)
        try:
            return items.result()
        except BrokenProcessPool as exc:
            raise RunError("the plan's process was ended from outside (out of memory?)", system=system, hint="run again") from exc


def _progress(done: int, parts: int, counts: Mapping[str, int], seconds: float) -> str:
    left = seconds / done * (parts - done)
    return f"part {done}/{parts}, {counts.get('extracted', 0):,} rows read, {counts.get('quarantined', 0):,} held, about {left:.0f} s left"


def _note_failure(run: str, system: str, exc: HopNhatError) -> None:
    """The ledger should know, but the first error is the one to report: the target itself may be what failed."""
    from hopnhat import pipeline

    try:
        pipeline.set_state(run, system, "failed", str(exc))
    except HopNhatError:
        return
