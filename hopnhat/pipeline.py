"""The migration of one system, step by step: plan → load → publish → reconcile → report. DAGs and CLI call the same.

Arguments and results are plain JSON: ids and counts, never rows, never personal data.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

from hopnhat.extract.contract import KeyRange, Source, TableShape
from hopnhat.extract.delta import window_start
from hopnhat.extract.drift import shape_to_json
from hopnhat.guards import Drift, check_read, check_shape, check_volume
from hopnhat.landing.parts import write_manifest
from hopnhat.load import ledger
from hopnhat.load.contribution import Contribution
from hopnhat.load.ledger import Run
from hopnhat.load.lock import hold_system
from hopnhat.load.notes import (
    DRIFT_ACCEPTED,
    DRIFT_QUARANTINED,
    READ_WHOLE,
    VOLUME_ACCEPTED,
    add_note,
    gone_rows,
    last_good_rows,
    last_good_shape,
    note_of,
    notes,
    read_differently,
    save_shape,
)
from hopnhat.load.publish import finish_rehearsal, prepare
from hopnhat.load.publish import publish as publish_rows
from hopnhat.load.registry import load_units
from hopnhat.load.schema import apply_schema
from hopnhat.load.stage import create_staging
from hopnhat.load.target import Connection, connect, transaction
from hopnhat.log import get_log
from hopnhat.model.errors import ConservationError, RunError
from hopnhat.part import SourceWork, load_part
from hopnhat.settings import settings
from hopnhat.version import Version, drift_version, version_of
from mappings.read import load_domain, load_system
from mappings.spec import System, Table
from mappings.units.registry import Registry, load_registry
from transforms.units_index import index_of

REFORM = date(2025, 7, 1)
log = get_log("pipeline")
MAX_ITEMS = 16
WHOLE = "no watermark: read whole and compared by fingerprint, deletes included"


def plan(system_id: str, *, run_id: str, mode: str, as_of: str, url: str, accept_volume: bool = False) -> list[dict[str, Any]]:
    """Check the source against its mapping, fix what will be read, and cut it into work items.

    A run of the same id, or an unfinished run of the same version and mode, is taken up again where it stopped.
    `accept_volume`: this run may have far fewer or far more rows than the last published one.

    Raises:
        SourceDriftError: columns or volume are not as declared. MappingError, SourceUnavailableError, RunError.
    """
    system, target = load_system(system_id, settings().mappings), database_url()
    if date.fromisoformat(as_of) < REFORM:
        raise RunError(f"as-of date {as_of} is before the reform", system=system_id, hint="the unified database speaks units from 2025-07-01")
    with _connected(target) as connection:
        with transaction(connection):
            apply_schema(connection, load_domain(system.domain))
            load_units(connection, registry())  # officials and other systems look units up beside the data (law 7)
        with transaction(connection), hold_system(connection, system_id):
            run = _continued(connection, system, run_id)
            if run is None:
                run = _start(connection, system, run_id, mode, date.fromisoformat(as_of), url, accept_volume)
            items = _items(connection, system, run)
        rows = ledger.source_counts(connection, run_id, system_id)
        log.info("planned", run=run_id, mode=run.mode, rows=sum(rows.values()), work_items=len(items))
        return items


def resumable(system_id: str, mode: str) -> str | None:
    """Id of the unfinished run that a new call should take up: same mode, same version. None = start afresh."""
    system = load_system(system_id, settings().mappings)
    version = version_of(system, registry().version, REFORM)
    with _connected(database_url()) as connection:
        with transaction(connection):
            apply_schema(connection, load_domain(system.domain))
        runs = ledger.unfinished_runs(connection, system_id)
        connection.rollback()
    return next((r.run_id for r in runs[:1] if r.mode == mode and r.version_id == version.version_id), None)


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
    with _connected(url) as connection:
        run = ledger.require_open(connection, run_id, system_id)
        if run.state == "open":
            for source, counted, read in read_differently(connection, run_id, system_id):
                check_read(system, source, counted, read)
            contributions = _contributions(connection, system)
            connection.rollback()
            with hold_system(connection, system_id, shared=True):
                prepare(url, connection, run, contributions, settings().landing_root())
                if run.mode == "rehearsal":
                    finish_rehearsal(connection, run, contributions)
                else:
                    publish_rows(connection, run, contributions)
            _manifest(connection, run)
        state = (ledger.find_run(connection, run_id, system_id) or run).state
        counts = {**ledger.totals(connection, run_id, system_id), "gone": gone_rows(connection, run_id, system_id)}
        return {"system": system_id, "state": state, **counts, "notes": notes(connection, run_id, system_id)}


def reconcile(system_id: str, *, run_id: str, url: str) -> dict[str, Any]:
    """Prove the run from the landing zone, apart from the loader. Raises ConservationError when any check fails."""
    from hopnhat.verify.reconcile import reconcile as prove  # the prover pulls in DuckDB: only where it is used

    system = load_system(system_id, settings().mappings)
    with _connected(database_url()) as connection:
        counts = ledger.source_counts(connection, run_id, system_id)
        verdict = prove(connection, system, run_id, settings().landing_root(), counts)
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
    with _connected(database_url()) as connection:
        paths = {**write_mismatch(connection, run_id, [system_id], folder), **write_reconciliation(connection, run_id, system_id, folder)}
        connection.rollback()
    return {name: str(path) for name, path in paths.items()}


def finish(run_id: str, systems: list[str]) -> dict[str, Any]:
    """Link the same dossiers across systems and write the run's summary."""
    from hopnhat.load.links import link_dossiers
    from hopnhat.report.summary import write_summary

    folder = settings().reports_dir() / run_id
    folder.mkdir(parents=True, exist_ok=True)
    with _connected(database_url()) as connection:
        with transaction(connection):
            link_dossiers(connection, run_id)
        summary = write_summary(connection, run_id, folder)
        connection.rollback()
    return summary


def set_state(run_id: str, system_id: str, state: str, message: str | None = None) -> None:
    """Note a run's end in the ledger. A failed run keeps what it staged, so that it can be taken up again."""
    with _connected(database_url()) as connection, transaction(connection):
        run = ledger.find_run(connection, run_id, system_id)
        if run is not None and run.state == "open":
            ledger.close_run(connection, run_id, system_id, state, message)


@cache
def registry() -> Registry:
    """The active unit registry, read once a process."""
    return load_registry()


def warm_up() -> None:
    """Build what every worker needs before workers are forked: they share it then."""
    index_of(registry())


def database_url() -> str:
    """The unified database: the one given, else the embedded server, started when needed."""
    if url := settings().database_url:
        return url
    from hopnhat.server import ensure_server

    return ensure_server(settings().home)


@contextmanager
def opened_work(system_id: str, source_id: str, run_id: str, url: str) -> Iterator[SourceWork]:
    """Everything a worker needs for one source, closed at the end."""
    system = load_system(system_id, settings().mappings)
    table = next(t for t in system.tables if system.source_id(t) == source_id)
    entity = load_domain(system.domain).entities[table.entity]
    with _connected(database_url()) as target, open_legacy(system, url) as source:
        run = ledger.require_open(target, run_id, system_id)
        if run.state != "open":
            raise RunError(f"run {run_id!r} is {run.state}", system=system_id, hint="start a new run")
        live = ledger.is_live(target, source_id)
        drift = note_of(target, run_id, source_id, DRIFT_QUARANTINED) or ""
        target.rollback()
        with hold_system(target, system_id, shared=True):
            yield SourceWork(system, table, entity, run, source, target, registry(), settings().landing_root(), live, drift=drift)


def planned_parts(work: SourceWork) -> list[KeyRange]:
    ranges = ledger.planned(work.target, work.run.run_id, work.source_id)
    work.target.rollback()
    return ranges


def delta_start(work: SourceWork) -> tuple[str, str] | None:
    """Where a delta begins: somewhat before the greatest watermark published so far, for rows that were committed late.
    None = read everything."""
    if work.run.mode != "delta" or not work.table.watermark:
        return None
    mark = ledger.high_mark(work.target, work.source_id)
    if mark is None:
        return None
    try:
        return work.table.watermark, window_start(mark, work.table.watermark_overlap)
    except ValueError:  # neither a number nor an ISO date: nothing can be subtracted, but it can be compared
        return work.table.watermark, mark


@contextmanager
def open_legacy(system: System, url: str) -> Iterator[Source]:
    from hopnhat.extract.technologies import open_source

    scheme = url.partition(":")[0].partition("+")[0]
    technology = scheme if scheme in ("sqlite", "mysql", "postgresql", "mssql", "oracle") else system.technology
    source = open_source(technology, url, system.reader_options(technology))
    try:
        yield source
    finally:
        source.close()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    connection = connect(url)
    try:
        yield connection
    finally:
        connection.close()


def _continued(connection: Connection, system: System, run_id: str) -> Run | None:
    """The run to take up again, if there is one; an unfinished run of another version is given up."""
    version = version_of(system, registry().version, REFORM)
    same = ledger.find_run(connection, run_id, system.id)
    if same and same.state in ("published", "rehearsed"):
        return same
    if same and same.version_id == version.version_id and same.state in ("open", "failed"):
        ledger.close_run(connection, run_id, system.id, "open")
        return same
    for stale in ledger.unfinished_runs(connection, system.id):
        if stale.run_id != run_id:
            ledger.abandon(connection, stale)
    if same:
        raise RunError(f"run {run_id!r} is {same.state} and was made with another version", system=system.id, hint="use a new run id")
    return None


def _start(connection: Connection, system: System, run_id: str, mode: str, as_of: date, url: str, accept_volume: bool) -> Run:
    version = version_of(system, registry().version, as_of)
    run = Run(run_id, system.id, mode, as_of, "open", version.version_id)
    domain = load_domain(system.domain)
    with open_legacy(system, url) as source:
        drifts = {table.name: _checked_shape(connection, system, table, source) for table in system.tables}
        ledger.start_run(connection, run, version, source.snapshot())
        for table in system.tables:
            _note_drift(connection, run, version, system.source_id(table), *drifts[table.name])
            source_id, rows = system.source_id(table), source.count(table.name)
            note = check_volume(system, table, rows, last_good_rows(connection, system.id, source_id), accepted=accept_volume)
            if note:
                add_note(connection, run, source_id, VOLUME_ACCEPTED, note)
            if mode == "delta" and not table.watermark:
                log.info("read whole", source=source_id, why=WHOLE)
                add_note(connection, run, source_id, READ_WHOLE, WHOLE)
            known = ledger.last_plan(connection, system.id, source_id)
            ranges = source.ranges(table.name, table.key, table.chunk_rows, known) if rows else []
            ledger.save_plan(connection, run, source_id, ranges, rows)
            create_staging(connection, source_id, domain.entities[table.entity])
    return run


def _checked_shape(connection: Connection, system: System, table: Table, source: Source) -> tuple[TableShape, Drift | None]:
    shape = source.shape(table.name)
    return shape, check_shape(system, table, shape, last_good_shape(connection, system.id, system.source_id(table)))


def _note_drift(connection: Connection, run: Run, version: Version, source: str, shape: TableShape, drift: Drift | None) -> None:
    save_shape(connection, run, source, shape_to_json(shape))
    if drift is None:
        return
    log.warning("drift", source=source, policy=drift.policy, change=drift.text)
    add_note(connection, run, source, DRIFT_QUARANTINED if drift.policy == "quarantine" else DRIFT_ACCEPTED, drift.text)
    if drift.policy == "quarantine":
        ledger.save_version(connection, run.system, replace(version, version_id=drift_version(version.version_id, drift.text)))


def _items(connection: Connection, system: System, run: Run) -> list[dict[str, Any]]:
    """Work items of similar size, at most MAX_ITEMS a source, parts already staged left out."""
    items = []
    for table in system.tables:
        source = system.source_id(table)
        done = ledger.staged_parts(connection, run.run_id, source)
        parts = [r.number for r in ledger.planned(connection, run.run_id, source) if r.number not in done]
        size = max(1, -(-len(parts) // MAX_ITEMS))
        for start in range(0, len(parts), size):
            chunk = parts[start : start + size]
            items.append({"label": f"{table.name} {chunk[0]}–{chunk[-1]}", "source": source, "parts": chunk})
    return items


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


__all__ = ["KeyRange", "finish", "load", "plan", "publish", "reconcile", "report", "set_state"]
