"""What must hold of a source before a run reads it, and before it publishes: columns and volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hopnhat.extract.contract import ROW, Column, TableShape
from hopnhat.extract.drift import ChangeKind, Policy, compare, judge, said, shape_from_json
from hopnhat.extract.volume import VolumeLimits, volume_problem
from hopnhat.model.errors import MappingError, SourceDriftError
from mappings.spec import System, Table
from transforms.units_era import ENOUGH, UNDECIDED, EraGate, verdict_of
from transforms.units_era import gate as era_gate
from transforms.units_outcome import REFORM

_ACCEPT = "is the source complete? if so: migrate --accept-volume for this run, or `expect: {min_share, max_share}` for good"


@dataclass(frozen=True)
class Drift:
    """A change of columns that the mapping tolerates. `policy`: accept (told) or quarantine (every row waits)."""

    policy: Policy
    text: str


def check_shape(system: System, table: Table, shape: TableShape, last_good: Mapping[str, Any] | None) -> Drift | None:
    """Compare a table's columns with the mapping, and their types with the last published run.

    A new column is judged by the table's `drift:`; a mapped column that is gone always stops. A changed type is told and
    tolerated: every value is still read by the mapped kind, and what does not fit waits in quarantine.

    Raises:
        SourceDriftError: a mapped column is gone, or a new column appeared and the table is frozen.
    """
    changes = [c for c in compare(_expected(table, shape, last_good), shape) if c.kind in ("dropped", "added", "retyped", "key")]
    contract: dict[ChangeKind, Policy] = {"dropped": "freeze", "added": table.drift, "retyped": "accept", "key": "accept"}
    verdict = judge(changes, contract)
    if verdict.outcome == "freeze":
        hint = "ask the vendor what changed, then map the column or list it under `ignored:`"
        raise SourceDriftError(f"columns changed ({said(changes)})", system=system.id, table=table.name, hint=hint)
    return Drift(verdict.outcome, f"columns changed ({said(changes)})") if changes else None


def _expected(table: Table, shape: TableShape, last_good: Mapping[str, Any] | None) -> TableShape:
    """The mapping knows names only: types and place of a column come from the last published run, else from the source."""
    named = dict.fromkeys(name for name in (*table.used_columns(), *table.ignored) if name != ROW)
    before = shape_from_json(last_good) if last_good else shape
    known = {column.name: column for column in (*shape.columns, *before.columns)}
    columns = tuple(known.get(name, Column(name, "", True, "bytes")) for name in named)
    return TableShape(columns, before.primary_key, None)


def check_volume(system: System, table: Table, rows: int, last_good: int | None, *, accepted: bool = False) -> str | None:
    """Compare a source's rows with what the mapping expects and with the last published run.

    Returns the note to keep when the volume is out of bounds but was accepted for this run, else None.

    Raises:
        SourceDriftError: too few or too many rows. Nothing is published.
    """
    expect = table.expect
    if not expect.min_rows <= rows <= expect.max_rows:
        problem = f"{rows} rows, the mapping expects {expect.min_rows} to {expect.max_rows}"
        raise SourceDriftError(problem, system=system.id, table=table.name, hint="is the source complete? if so, correct `expect:`")
    # An emptied table is a fault even where a new system may start empty.
    may_be_empty = expect.min_rows == 0 and (not last_good or expect.min_share == 0)
    problem_found = volume_problem(rows, last_good, VolumeLimits(expect.min_share, expect.max_share, may_be_empty))
    if problem_found is None:
        return None
    if not accepted:
        raise SourceDriftError(problem_found, system=system.id, table=table.name, hint=_ACCEPT)
    return f"{problem_found}; accepted for this run"


def check_read(system: System, source: str, counted: int, read: int) -> None:
    """The rows read must be about the rows counted when the run started: a source that collapses meanwhile is not published.

    Raises:
        SourceDriftError: far fewer or far more rows were read than counted.
    """
    table = next(t for t in system.tables if system.source_id(t) == source)
    limits = VolumeLimits(table.expect.min_share, table.expect.max_share, may_be_empty=counted == 0)
    if counted and (problem := volume_problem(read, counted, limits)):
        said = problem.replace("last good", "counted")
        raise SourceDriftError(
            f"read {said}", system=system.id, table=table.name, hint="the source changed while it was read: start a new run"
        )


def check_era(system: System, table: Table, said: Mapping[str, Mapping[str, int]]) -> EraGate | None:
    """What the unit codes of all parts say together: a column that already speaks the new units is not remapped again (F18).

    None = the codes are not enough to contradict the mapping: its `units_as_of` holds.

    Raises:
        MappingError: the codes speak another era than `units_as_of` declares.
    """
    verdict = verdict_of(said)
    if verdict.speaking < ENOUGH or verdict.era == UNDECIDED:
        return None
    gate = era_gate(verdict, "old" if system.units_as_of.isoformat() < REFORM else "new")
    if gate.refuses:
        hint = "set `units_as_of` to a day of the era that the column speaks, then start a new run"
        raise MappingError(f"{table.name}: {gate.message}", file=f"{system.id}.yml", hint=hint)
    return gate
