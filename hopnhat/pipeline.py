"""The migration of one system, step by step: plan → load → publish → reconcile → report. DAGs and CLI call the same.

Arguments and results are plain JSON: ids and counts, never rows, never personal data.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from hopnhat.changes import changes_start, opened
from hopnhat.extract.contract import KeyRange, Source
from hopnhat.extract.delta import window_start
from hopnhat.guards import check_era, check_read
from hopnhat.landing.parts import write_manifest
from hopnhat.load import ledger
from hopnhat.load.contribution import Contribution
from hopnhat.load.ledger import Run
from hopnhat.load.lock import hold_system
from hopnhat.load.notes import (
    DRIFT_QUARANTINED,
    ERA,
    add_note,
    gone_rows,
    note_of,
    notes,
    read_differently,
)
from hopnhat.load.publish import finish_rehearsal, prepare
from hopnhat.load.publish import publish as publish_rows
from hopnhat.load.target import Connection, hurry, transaction
from hopnhat.log import get_log
from hopnhat.model.errors import ConservationError, RunError
from hopnhat.opened import connected, database_url, import_driver, open_legacy, registry
from hopnhat.part import SourceWork, load_part
from hopnhat.planning import plan, resumable
from hopnhat.settings import settings
from mappings.read import load_domain, load_system
from mappings.spec import System
from transforms.units_index import index_of
from validators import entities

if TYPE_CHECKING:
    from hopnhat.verify.side import LandedSide

log = get_log("pipeline")


def load(system_id: str, item: Mapping[str, Any], *, run_id: str, url: str) -> dict[str, Any]:
    """Bring the parts of one work item into staging. Parts already staged are skipped: a retry does only the rest."""
    counts: dict[str, int] = {}
    with opened_work(system_id, item["source"], run_id, url) as work:
        done = ledger.staged_parts(work.target, run_id, item["source"])
        wanted = [r for r in ledger.planned(work.target, run_id, item["source"]) if r.number in set(item["parts"]) - done]
        since = delta_start(work)
        work.target.rollback()
        started = time.monotonic()
        for number, key_range in enumerate(wanted, start=1):
            for name, rows in load_part(work, key_range, since).items():
                counts[name] = counts.get(name, 0) + rows
            spent = time.monotonic() - started
            log.info("part staged", source=item["source"], part=f"{number}/{len(wanted)}", **counts, seconds_left=round(spent / number * (len(wanted) - number)))
    return {"source": item["source"], "parts": len(wanted), **counts}


def publish(system_id: str, *, run_id: str) -> dict[str, Any]:
    """Audit everything staged and make it visible in one transaction; a rehearsal stops before that.

    Raises:
        ConservationError: staged rows, plan and ledger do not agree. Nothing is published.
        SourceDriftError: what was read is not nearly what was counted at the start. Nothing is published.
    """
    system, url = load_system(system_id, settings().mappings), database_url()
    with connected(url) as connection:
        run = ledger.require_open(connection, run_id, system_id)
        if run.state == "open":
            for source, counted, read in read_differently(connection, run_id, system_id):
                check_read(system, source, counted, read)
            contributions = _contributions(connection, system)
            mixed = _mixed_eras(connection, system, run)
            connection.commit()
            with hold_system(connection, system_id, shared=True):
                prepare(url, connection, run, contributions, settings().landing_root(), mixed)
                if run.mode == "rehearsal":
                    finish_rehearsal(connection, run, contributions)
                else:
                    publish_rows(connection, run, contributions)
            _manifest(connection, run)
        state = (ledger.find_run(connection, run_id, system_id) or run).state
        counts = {**ledger.totals(connection, run_id, system_id), "gone": gone_rows(connection, run_id, system_id)}
        return {"system": system_id, "state": state, **counts, "notes": notes(connection, run_id, system_id)}


def reconcile(system_id: str, *, run_id: str, ahead: LandedSide | None = None) -> dict[str, Any]:
    """Prove the run from the landing zone, apart from the loader. Raises ConservationError when any check fails."""
    from hopnhat.verify.reconcile import reconcile as prove  # the prover pulls in DuckDB: only where it is used

    system = load_system(system_id, settings().mappings)
    url = database_url()
    with connected(url) as connection, connected(url) as beside:
        counts = ledger.source_counts(connection, run_id, system_id)
        verdict = prove(connection, system, run_id, settings().landing_root(), counts, ahead=ahead, beside=beside)
        connection.commit()
    if verdict.failed:
        report(system_id, run_id=run_id)  # the vendor needs it most when it fails
        problem = f"reconciliation failed: {verdict.explain()}"
        raise ConservationError(problem, system=system_id, hint=f"do not cut over; read {settings().reports_dir() / run_id / system_id}")
    return {"system": system_id, "failed": 0, "digest": verdict.digest, **verdict.counts()}


def report(system_id: str, *, run_id: str) -> dict[str, Any]:
    """Write the mismatch and reconciliation reports of one system. Returns their paths."""
    from hopnhat.report.mismatch import write_mismatch
    from hopnhat.report.reconciliation import write_reconciliation

    folder = settings().reports_dir() / run_id / system_id
    folder.mkdir(parents=True, exist_ok=True)
    with connected(database_url()) as connection:
        paths = {**write_mismatch(connection, run_id, [system_id], folder), **write_reconciliation(connection, run_id, system_id, folder)}
        connection.rollback()
    return {name: str(path) for name, path in paths.items()}


def finish(run_id: str, systems: list[str]) -> dict[str, Any]:
    """Link the same dossiers across systems and write the run's summary."""
    from hopnhat.load.links import link_dossiers
    from hopnhat.report.summary import write_summary

    folder = settings().reports_dir() / run_id
    folder.mkdir(parents=True, exist_ok=True)
    with connected(database_url()) as connection:
        with transaction(connection):
            link_dossiers(connection, run_id)
        summary = write_summary(connection, run_id, folder)
        connection.rollback()
    return summary


def set_state(run_id: str, system_id: str, state: str, message: str | None = None) -> None:
    """Note a run's end in the ledger. A failed run keeps what it staged, so that it can be taken up again."""
    with connected(database_url()) as connection, transaction(connection):
        run = ledger.find_run(connection, run_id, system_id)
        if run is not None and run.state == "open":
            ledger.close_run(connection, run_id, system_id, state, message)


def warm_up(system_id: str, url: str) -> None:
    """Read and build what every worker needs before workers are forked: they share it then."""
    import_driver(load_system(system_id, settings().mappings), url)
    index_of(registry())
    entities.warm_up()


@contextmanager
def opened_work(system_id: str, source_id: str, run_id: str, url: str, legacy: Source | None = None) -> Iterator[SourceWork]:
    """Everything a worker needs for one source, closed at the end. `legacy`: the system as it is open already."""
    system = load_system(system_id, settings().mappings)
    table = next(t for t in system.tables if system.source_id(t) == source_id)
    entity = load_domain(system.domain).entities[table.entity]
    with connected(database_url()) as target, nullcontext(legacy) if legacy else open_legacy(system, url) as source:
        hurry(target)
        run = ledger.require_open(target, run_id, system_id)
        if run.state != "open":
            raise RunError(f"run {run_id!r} is {run.state}", system=system_id, hint="start a new run")
        live = ledger.is_live(target, source_id)
        drift = note_of(target, run_id, source_id, DRIFT_QUARANTINED) or ""
        target.rollback()
        with hold_system(target, system_id, shared=True):
            yield SourceWork(system, table, entity, run, opened(source, table), target, registry(), settings().landing_root(), live, drift=drift)


def planned_parts(work: SourceWork) -> list[KeyRange]:
    ranges = ledger.planned(work.target, work.run.run_id, work.source_id)
    work.target.rollback()
    return ranges


def delta_start(work: SourceWork) -> tuple[str, str] | None:
    """Where a delta begins: somewhat before the greatest watermark published so far, for rows that were committed late.
    None = read everything."""
    if work.table.changes:
        return changes_start(work.target, work.run, work.source_id, work.source, work.table)
    if work.run.mode != "delta" or not work.table.watermark:
        return None
    mark = ledger.high_mark(work.target, work.source_id)
    if mark is None:
        return None
    try:
        return work.table.watermark, window_start(mark, work.table.watermark_overlap)
    except ValueError:  # neither a number nor an ISO date: nothing can be subtracted, but it can be compared
        return work.table.watermark, mark


def _mixed_eras(connection: Connection, system: System, run: Run) -> frozenset[str]:
    """Sources whose unit codes speak both eras: there, a row that does not tell its own may not be read as declared."""
    mixed = set()
    for table in system.tables:
        source = system.source_id(table)
        gate = check_era(system, table, ledger.eras(connection, run.run_id, source))
        if gate and gate.message:
            add_note(connection, run, source, ERA, gate.message)
        if gate and not gate.trusts_declared:
            mixed.add(source)
    return frozenset(mixed)


def _contributions(connection: Connection, system: System) -> list[Contribution]:
    """The sources of a system, parents before children."""
    entities = load_domain(system.domain).entities
    found: dict[str, Contribution] = {}
    for table in sorted(system.tables, key=lambda t: entities[t.entity].parent is not None):
        source, entity = system.source_id(table), entities[table.entity]
        parent = next((c for c in found.values() if c.entity_name == entity.parent), None)
        found[source] = Contribution(source, table.name, tuple(table.key), table.entity, entity, not ledger.is_live(connection, source), parent)
    return list(found.values())


def _manifest(connection: Connection, run: Run) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select source, part_number, part, part_sha, key_low, key_high, extracted from ledger.batch"
            " where run_id = %s and system = %s and state <> 'abandoned' order by source, part_number",
            (run.run_id, run.system),
        )
        names = ("source", "part_number", "path", "sha256", "key_low", "key_high", "rows")
        parts = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        parts = [{"table": part["source"].removeprefix(f"{run.system}."), **part} for part in parts]
        cursor.execute("select snapshot from ledger.run where run_id = %s and system = %s", (run.run_id, run.system))
        snapshot = (cursor.fetchone() or ("",))[0]
    connection.rollback()
    write_manifest(settings().landing_root(), run.run_id, run.system, snapshot, parts)


__all__ = ["KeyRange", "database_url", "finish", "load", "plan", "publish", "reconcile", "report", "resumable", "set_state"]
