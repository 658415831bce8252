"""The first step of a migration: look at the source, check it against its mapping, and cut it into work items."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from hopnhat.changes import plan_changes
from hopnhat.extract.contract import Source, TableShape
from hopnhat.extract.drift import shape_to_json
from hopnhat.guards import Drift, check_shape, check_volume
from hopnhat.load import ledger
from hopnhat.load.ledger import Run
from hopnhat.load.lock import hold_system
from hopnhat.load.notes import (
    DRIFT_ACCEPTED,
    DRIFT_QUARANTINED,
    READ_WHOLE,
    VOLUME_ACCEPTED,
    add_note,
    last_good_rows,
    last_good_shape,
    save_shape,
)
from hopnhat.load.registry import load_units
from hopnhat.load.schema import apply_schema, has_schema
from hopnhat.load.stage import create_staging
from hopnhat.load.target import Connection, transaction
from hopnhat.log import get_log
from hopnhat.model.errors import RunError
from hopnhat.opened import connected, database_url, open_legacy, registry
from hopnhat.settings import settings
from hopnhat.version import Version, drift_version, version_of
from mappings.read import load_domain, load_system
from mappings.spec import System, Table

REFORM = date(2025, 7, 1)
MAX_ITEMS = 16
WHOLE = "no watermark: read whole and compared by fingerprint, deletes included"
log = get_log("planning")


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
    with connected(target) as connection:
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
    with connected(database_url()) as connection:
        if not has_schema(connection):
            return None
        with transaction(connection):
            apply_schema(connection, load_domain(system.domain))
        runs = ledger.unfinished_runs(connection, system_id)
        connection.rollback()
    return next((r.run_id for r in runs[:1] if r.mode == mode and r.version_id == version.version_id), None)


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
            by_changes = plan_changes(connection, run, source_id, source, table)
            if mode == "delta" and not table.watermark and not by_changes:
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
