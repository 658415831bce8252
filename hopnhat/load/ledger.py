"""The ledger: runs, plans, batches. A batch row commits together with the rows that it counts (law 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extras import execute_values

from hopnhat.extract.contract import KeyRange
from hopnhat.load.schema import PARTS_SCHEMA, relation_name
from hopnhat.model.errors import RunError
from hopnhat.version import Version


@dataclass(frozen=True)
class Run:
    run_id: str
    system: str
    mode: str
    as_of: date
    state: str
    version_id: int


@dataclass(frozen=True)
class Batch:
    """One staged part, as the ledger keeps it."""

    batch_id: int
    part_number: int
    part: str
    part_sha: str
    version_id: int
    counts: dict[str, int]


COUNTS = ("extracted", "published", "unchanged", "merged", "quarantined", "filtered")


def find_run(connection: Connection, run_id: str, system: str) -> Run | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select run_id, system, mode, as_of, state, version_id from ledger.run where run_id = %s and system = %s", (run_id, system)
        )
        row = cursor.fetchone()
    return Run(*row) if row else None


def unfinished_runs(connection: Connection, system: str) -> list[Run]:
    """Open and failed runs of a system, latest first: they may still hold staged parts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select run_id, system, mode, as_of, state, version_id from ledger.run where system = %s and state in ('open', 'failed')"
            " order by started_at desc",
            (system,),
        )
        return [Run(*row) for row in cursor.fetchall()]


def require_open(connection: Connection, run_id: str, system: str) -> Run:
    run = find_run(connection, run_id, system)
    if run is None:
        raise RunError(f"no run {run_id!r}", system=system, hint="start it with `migrate`")
    return run


def save_version(connection: Connection, system: str, version: Version) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into ledger.version (version_id, system, mapping_sha, registry_version, code_version, until)"
            " values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
            (version.version_id, system, version.mapping_sha, version.registry_version, version.code_version, version.until),
        )


def start_run(connection: Connection, run: Run, version: Version, snapshot: str) -> None:
    save_version(connection, run.system, version)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into ledger.run (run_id, system, mode, as_of, state, version_id, snapshot) values (%s, %s, %s, %s, 'open', %s, %s)"
            " on conflict (run_id, system) do update set state = 'open', message = null, finished_at = null"
            " where ledger.run.state = 'failed'",
            (run.run_id, run.system, run.mode, run.as_of, version.version_id, snapshot),
        )


def close_run(connection: Connection, run_id: str, system: str, state: str, message: str | None = None) -> None:
    """Set a run's state. Without a message of its own it keeps what was noted of its sources."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update ledger.run r set state = %s, finished_at = now(), message = coalesce(%s, (select string_agg(n.source || ': ' || n.note, e'\\n'"
            " order by n.source, n.kind) from ledger.note n where n.run_id = r.run_id and n.system = r.system)) where run_id = %s and system = %s",
            (state, message, run_id, system),
        )


def abandon(connection: Connection, run: Run) -> None:
    """Give up a run that can no longer be resumed: what it staged goes, what was published before stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update ledger.batch set state = 'abandoned' where run_id = %s and system = %s and state = 'staged'", (run.run_id, run.system)
        )
        cursor.execute(
            "delete from quarantine.row q using ledger.batch b where q.batch_id = b.batch_id"
            " and b.run_id = %s and b.system = %s and b.state = 'abandoned'",
            (run.run_id, run.system),
        )
    close_run(connection, run.run_id, run.system, "abandoned", "replaced by a newer run")


def save_plan(connection: Connection, run: Run, source: str, ranges: Iterable[KeyRange], rows: int) -> None:
    with connection.cursor() as cursor:
        values = [(run.run_id, run.system, source, r.number, _bound(r.low), _bound(r.high)) for r in ranges]
        if values:
            execute_values(
                cursor, "insert into ledger.plan (run_id, system, source, part_number, key_low, key_high) values %s on conflict do nothing",
                values, page_size=1000,
            )  # fmt: skip
        cursor.execute(
            "insert into ledger.source_count (run_id, system, source, rows) values (%s, %s, %s, %s) on conflict do nothing",
            (run.run_id, run.system, source, rows),
        )


def planned(connection: Connection, run_id: str, source: str) -> list[KeyRange]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select part_number, key_low, key_high from ledger.plan where run_id = %s and source = %s order by part_number", (run_id, source)
        )
        return [KeyRange(n, _tuple(low), _tuple(high)) for n, low, high in cursor.fetchall()]


def last_plan(connection: Connection, system: str, source: str) -> list[KeyRange]:
    """The key ranges of the last published bulk run: kept, so that unchanged data gives the same parts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select run_id from ledger.run where system = %s and state = 'published' and mode = 'bulk' order by finished_at desc limit 1", (system,)
        )
        row = cursor.fetchone()
    return planned(connection, row[0], source) if row else []


def source_counts(connection: Connection, run_id: str, system: str) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("select source, rows from ledger.source_count where run_id = %s and system = %s", (run_id, system))
        return dict(cursor.fetchall())


def staged_parts(connection: Connection, run_id: str, source: str) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("select part_number from ledger.batch where run_id = %s and source = %s and state <> 'abandoned'", (run_id, source))
        return {number for (number,) in cursor.fetchall()}


def last_batch(connection: Connection, source: str, part_number: int) -> Batch | None:
    """What the last whole reading left for this part; None once a delta has changed the source since."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select b.batch_id, b.part_number, b.part, b.part_sha, b.version_id,"
            " b.extracted, b.published, b.unchanged, b.merged, b.quarantined, b.filtered"
            " from ledger.batch b where b.source = %s and b.part_number = %s and b.state = 'published' and b.whole"
            " and not exists (select 1 from ledger.batch d where d.source = b.source and d.state = 'published'"
            "   and not d.whole and d.batch_id > b.batch_id)"
            " order by b.batch_id desc limit 1",
            (source, part_number),
        )
        row = cursor.fetchone()
    if row is None:
        return None
    batch_id, number, part, part_sha, version_id, *counts = row
    return Batch(batch_id, number, part, part_sha, version_id, dict(zip(COUNTS, counts, strict=True)))


def eras(connection: Connection, run_id: str, source: str) -> dict[str, dict[str, int]]:
    """Batch → what its unit codes say of their era: the latest whole reading of every part, in this run or published, and
    the deltas since."""
    with connection.cursor() as cursor:
        cursor.execute(
            "with told as (select batch_id, part_number, whole, era from ledger.batch where source = %s and era is not null and era <> '{}'"
            "  and (run_id = %s and state <> 'abandoned' or state = 'published')),"
            " last as (select part_number, max(batch_id) as batch_id from told where whole group by 1)"
            " select told.batch_id::text, era from told left join last using (part_number) where told.batch_id >= coalesce(last.batch_id, 0)",
            (source, run_id),
        )
        return dict(cursor.fetchall())


def high_mark(connection: Connection, source: str) -> str | None:
    """The greatest watermark among everything published from a source: where the next delta starts."""
    with connection.cursor() as cursor:
        cursor.execute('select max(high_mark collate "C") from ledger.batch where source = %s and state = %s', (source, "published"))
        row = cursor.fetchone()
    return row[0] if row else None


def is_live(connection: Connection, source: str) -> bool:
    """Does this source have its partition? (Even when it was empty; not when it was taken back.)"""
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select 1 from pg_inherits where inhrelid = to_regclass(format('%%I.%%I', %s, %s)))",
            (PARTS_SCHEMA, relation_name(source)),
        )
        return bool((cursor.fetchone() or (False,))[0])


def parentless_keys(connection: Connection, source: str) -> list[str]:
    """Keys that wait for their parent: whether it has come since, their own part cannot tell."""
    with connection.cursor() as cursor:
        cursor.execute("select source_key from quarantine.open where source = %s and problems @> '[{\"reason\": \"parent-missing\"}]'", (source,))
        return [key for (key,) in cursor.fetchall()]


def held_keys(connection: Connection, source: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("select source_key from quarantine.open where source = %s", (source,))
        return [key for (key,) in cursor.fetchall()]


def insert_batch(connection: Connection, batch: Mapping[str, Any]) -> int | None:
    """Write the batch row first: a second worker on the same part waits here, then finds it done (None)."""
    names = list(batch)
    with connection.cursor() as cursor:
        cursor.execute(
            f"insert into ledger.batch ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})"
            " on conflict (run_id, source, part_number) do nothing returning batch_id",
            list(batch.values()),
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


UnitTally = tuple[str, str, Sequence[str], Sequence[int]]
"""(outcome, rule, old units, rows of each)"""


def insert_unit_counts(connection: Connection, batch_id: int, tallies: Iterable[UnitTally]) -> None:
    lines = [(batch_id, outcome, rule, "\n".join(units), ",".join(map(str, rows))) for outcome, rule, units, rows in tallies if units]
    if not lines:
        return
    with connection.cursor() as cursor:
        execute_values(
            cursor, "insert into ledger.unit_tally (batch_id, outcome, rule, old_units, rows) values %s", lines,
            template="(%s, %s, %s, string_to_array(%s, e'\\n'), string_to_array(%s, ',')::bigint[])",
        )  # fmt: skip


def repeat_unit_counts(connection: Connection, batch_id: int, before: int) -> None:
    """Counts of a part that did not change: what was published is now unchanged, the rest is as it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into ledger.unit_tally (batch_id, outcome, rule, old_units, rows)"
            " select %s, case outcome when 'published' then 'unchanged' else outcome end, rule, old_units, rows"
            " from ledger.unit_tally where batch_id = %s",
            (batch_id, before),
        )


def move_counts(connection: Connection, moved: Mapping[tuple[int, str], int], before: str, after: str) -> None:
    """Move rows from one outcome to another. `moved`: (batch, old unit) → rows. Every batch stays in balance throughout."""
    by_batch: dict[int, dict[str, int]] = {}
    for (batch_id, unit), rows in moved.items():
        by_batch.setdefault(batch_id, {})[unit] = rows
    for batch_id, units in by_batch.items():
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("update ledger.batch set {0} = {0} - %(n)s, {1} = {1} + %(n)s where batch_id = %(batch)s").format(
                    sql.Identifier(before), sql.Identifier(after)
                ),
                {"n": sum(units.values()), "batch": batch_id},
            )
        away = (before, "", list(units), [-rows for rows in units.values()])
        insert_unit_counts(connection, batch_id, [away, (after, "", list(units), list(units.values()))])


def totals(connection: Connection, run_id: str, system: str) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select " + ", ".join(f"coalesce(sum({c}), 0)" for c in COUNTS)
            + " from ledger.batch where run_id = %s and system = %s and state <> 'abandoned'",
            (run_id, system),
        )  # fmt: skip
        row = cursor.fetchone() or (0,) * len(COUNTS)
    counts = dict(zip(COUNTS, map(int, row), strict=True))
    return counts | {"balance": counts["extracted"] - sum(counts[c] for c in COUNTS[1:])}


def _bound(value: tuple[str, ...] | None) -> list[str] | None:
    return None if value is None else list(value)


def _tuple(value: list[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)
