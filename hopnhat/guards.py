"""What must hold of a source before a run reads it, and before it publishes: columns and volume."""

from __future__ import annotations

from hopnhat.extract.volume import VolumeLimits, volume_problem
from hopnhat.model.errors import SourceDriftError
from mappings.spec import System, Table

_ACCEPT = "is the source complete? if so: migrate --accept-volume for this run, or `expect: {min_share, max_share}` for good"


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
        raise SourceDriftError(f"read {said}", system=system.id, table=table.name, hint="the source changed while it was read: start a new run")

