"""Audit what is staged, then publish a system in one transaction: readers never see half of it.

A first load attaches the staging table as the source's partition: the rows are written once. Later loads merge only
the rows that differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from hopnhat.load import held, ledger
from hopnhat.load.contribution import Contribution
from hopnhat.load.gone import note_gone
from hopnhat.load.ledger import Run
from hopnhat.load.schema import PARTS_SCHEMA, STAGING_SCHEMA, content_columns, identifiers, index_columns, relation_name, unified_columns
from hopnhat.load.target import connect, hurry, transaction
from hopnhat.model.errors import ConservationError, RunError


def build_indexes(url: str, contribution: Contribution) -> None:
    """Key and indexes on the staging table, before it becomes a partition: two connections, once, resumable."""
    staging = relation_name(contribution.source)
    name = sql.Identifier(f"{staging[:50]}_key")
    key = sql.SQL("create unique index if not exists {} on {} (source, source_key)").format(name, contribution.staging())
    others = [
        sql.SQL("create index if not exists {} on {} ({})").format(
            sql.Identifier(f"{staging[:50]}_{number}"), contribution.staging(), identifiers(columns)
        )
        for number, columns in enumerate(index_columns(contribution.entity_name, contribution.entity))
    ]
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(_execute, url, statements) for statements in ([key, *others[1::2]], others[0::2]) if statements]:
            done.result()
    _execute(url, [_primary_key(contribution, f"{staging[:50]}_key")])


def _primary_key(contribution: Contribution, index: str) -> sql.Composable:
    """Make the unique index the primary key, if it is not yet: else attaching would build a second one for the parent's."""
    return sql.SQL(
        "do $$ begin if not exists (select 1 from pg_constraint where conrelid = format('%I.%I', {schema}, {relation})::regclass and contype = 'p') then"
        " alter table {table} add constraint {index} primary key using index {index}; end if; end $$"
    ).format(
        schema=sql.Literal(STAGING_SCHEMA), relation=sql.Literal(relation_name(contribution.source)), table=contribution.staging(),
        index=sql.Identifier(index),
    )  # fmt: skip


def _execute(url: str, statements: Sequence[sql.Composable]) -> None:
    connection = connect(url)
    try:
        hurry(connection)
        for statement in statements:
            with transaction(connection), connection.cursor() as cursor:
                cursor.execute(statement)
    finally:
        connection.close()


def prepare(
    url: str, connection: Connection, run: Run, contributions: Sequence[Contribution], landing: str, mixed: frozenset[str] = frozenset()
) -> None:
    """Set checks before publishing: rows of an undecided era, orphans and repeated keys go to quarantine, then the indexes
    are built. `mixed`: sources whose unit codes speak both eras.

    Each step is its own transaction and can be repeated, so a killed run resumes here.
    """
    for contribution in contributions:
        if contribution.source in mixed:
            with transaction(connection):
                held.hold_undecided(connection, contribution, landing)
        if contribution.parent:
            with transaction(connection):
                held.hold_orphans(connection, contribution, landing)
        if not contribution.first:
            continue
        try:
            build_indexes(url, contribution)
        except psycopg2.errors.UniqueViolation:
            with transaction(connection):
                held.hold_repeated_keys(connection, contribution, landing)
            build_indexes(url, contribution)
        with transaction(connection):
            held.hold_rivals(connection, run.run_id, contribution, landing)
    for contribution in contributions:
        if not contribution.first:
            with transaction(connection):
                note_gone(connection, run, contribution, landing)
                staged = _has_rows(connection, contribution)
            if not staged:  # nothing changed: nothing to check
                continue
            with transaction(connection):
                _know_sizes(connection, contribution)
            with transaction(connection):
                held.hold_repeated_keys(connection, contribution, landing)
                held.hold_rivals(connection, run.run_id, contribution, landing)
                _drop_unchanged(connection, contribution)


def _has_rows(connection: Connection, contribution: Contribution) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("select exists (select from {})").format(contribution.staging()))
        return bool((cursor.fetchone() or (False,))[0])


def _know_sizes(connection: Connection, contribution: Contribution) -> None:
    """Statistics of the key columns that the set checks join on. Freshly filled tables have none, and the planner then
    compares every staged row with every waiting one."""
    keys = sql.SQL("source, source_key, batch_id")
    part = sql.Identifier(PARTS_SCHEMA, relation_name(contribution.source))
    with connection.cursor() as cursor:
        for table in (contribution.staging(), part, sql.Identifier("quarantine", "row")):
            cursor.execute(sql.SQL("analyze {} ({})").format(table, keys))
        cursor.execute("analyze ledger.batch")


def publish(connection: Connection, run: Run, contributions: Sequence[Contribution]) -> None:
    """Audit, then make everything visible at once.

    Raises:
        ConservationError: staged rows and ledger disagree. Nothing is published.
    """
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute("select state from ledger.run where run_id = %s and system = %s for update", (run.run_id, run.system))
        if (cursor.fetchone() or ("",))[0] == "published":
            return
        for contribution in contributions:
            audit(connection, run, contribution)
            if contribution.first:
                _attach(connection, contribution)
            else:
                _merge(connection, contribution)
                _release(connection, run, contribution)
        cursor.execute(
            "update ledger.batch set state = 'published', published_at = now() where run_id = %s and system = %s and state = 'staged'",
            (run.run_id, run.system),
        )
        ledger.close_run(connection, run.run_id, run.system, "published")


def finish_rehearsal(connection: Connection, run: Run, contributions: Sequence[Contribution]) -> None:
    """Everything but the publishing: same audit, same ledger, nothing visible."""
    with transaction(connection), connection.cursor() as cursor:
        for contribution in contributions:
            audit(connection, run, contribution)
        cursor.execute(
            "update ledger.batch set state = 'rehearsed' where run_id = %s and system = %s and state = 'staged'", (run.run_id, run.system)
        )
        ledger.close_run(connection, run.run_id, run.system, "rehearsed")


def audit(connection: Connection, run: Run, contribution: Contribution) -> None:
    """Count what is really there, batch by batch, against what the ledger says (write–audit–publish)."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "select b.batch_id, b.published, coalesce(s.n, 0), b.quarantined - b.held_again, coalesce(q.n, 0)"
                " from ledger.batch b"
                " left join (select batch_id, count(*) n from {} group by 1) s using (batch_id)"
                " left join (select batch_id, count(*) n from quarantine.row where source = %(source)s group by 1) q using (batch_id)"
                " where b.run_id = %(run)s and b.source = %(source)s and b.state = 'staged'"
                " and (b.published <> coalesce(s.n, 0) or b.quarantined - b.held_again <> coalesce(q.n, 0))"
            ).format(contribution.staging()),
            {"source": contribution.source, "run": run.run_id},
        )
        wrong = cursor.fetchall()
        cursor.execute(
            "select (select count(*) from ledger.plan where run_id = %(run)s and source = %(source)s)"
            " - (select count(*) from ledger.batch where run_id = %(run)s and source = %(source)s and state = 'staged')",
            {"source": contribution.source, "run": run.run_id},
        )
        missing = (cursor.fetchone() or (0,))[0]
        cursor.execute(
            "select coalesce(sum(b.extracted), 0) - coalesce((select sum(rows) from ledger.unit_count u join ledger.batch c using (batch_id)"
            " where c.run_id = %(run)s and c.source = %(source)s and c.state = 'staged'), 0)"
            " from ledger.batch b where b.run_id = %(run)s and b.source = %(source)s and b.state = 'staged'",
            {"source": contribution.source, "run": run.run_id},
        )
        unbalanced = (cursor.fetchone() or (0,))[0]
    if wrong or missing or unbalanced:
        problem = f"audit failed: {len(wrong)} batches disagree with their rows, {missing} parts missing, {unbalanced} rows without a unit count"
        raise ConservationError(problem, system=run.system, table=contribution.table, hint="nothing was published; keep the logs and report it")


def _attach(connection: Connection, contribution: Contribution) -> None:
    """The staging table becomes the partition: its indexes fit the parent's, its check spares the scan."""
    name = relation_name(contribution.source)
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass(%s)", (f'{PARTS_SCHEMA}."{name}"',))
        if (cursor.fetchone() or (None,))[0] is not None:
            hint = f'drop or rename {PARTS_SCHEMA}."{name}" when it is no longer needed, then run again'
            raise RunError("the partition of an earlier load was detached but is still there", system=contribution.source, hint=hint)
        cursor.execute(sql.SQL("alter table {} set schema {}").format(contribution.staging(), sql.Identifier(PARTS_SCHEMA)))
        part = sql.Identifier(PARTS_SCHEMA, name)
        cursor.execute(
            sql.SQL("alter table {} attach partition {} for values in ({})").format(contribution.unified(), part, sql.Literal(contribution.source))
        )
        cursor.execute(sql.SQL("alter table {} drop constraint {}, reset (autovacuum_enabled)").format(part, sql.Identifier("one_source")))


def _drop_unchanged(connection: Connection, contribution: Contribution) -> None:
    """Staged rows that say what the published row says already are unchanged, whatever version read them."""
    content = content_columns(contribution.entity)
    same = sql.SQL(" and ").join(sql.SQL("s.{0} is not distinct from u.{0}").format(sql.Identifier(c)) for c in content)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "with gone as (delete from {} s using {} u where u.source = s.source and u.source_key = s.source_key and {}"
                # A row that waited and is again what is published goes through the merge, which closes its quarantine entry.
                " and not exists (select 1 from quarantine.open q where q.source = s.source and q.source_key = s.source_key)"
                " returning s.batch_id, {} as old_unit) select batch_id, old_unit, count(*) from gone group by 1, 2"
            ).format(contribution.staging(), contribution.unified(), same, contribution.unit_of("s"))
        )
        ledger.move_counts(connection, {(batch_id, unit): rows for batch_id, unit, rows in cursor.fetchall()}, "published", "unchanged")


def _merge(connection: Connection, contribution: Contribution) -> None:
    names = [c.name for c in unified_columns(contribution.entity)]
    changed = [n for n in names if n not in ("source", "source_key")]
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("insert into {} ({names}) select {names} from {} on conflict (source, source_key) do update set {changes}").format(
                contribution.unified(),
                contribution.staging(),
                names=identifiers(names),
                changes=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(n)) for n in changed),
            )
        )


def _release(connection: Connection, run: Run, contribution: Contribution) -> None:
    """Close the older quarantine entries of keys that this run decided anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "update quarantine.row q set released_by = n.batch_id from ("
                " select source_key, batch_id from {} union all"
                " select o.source_key, o.batch_id from quarantine.left_out o join ledger.batch b using (batch_id)"
                "   where b.source = %(source)s and b.run_id = %(run)s union all"
                " select r.source_key, max(r.batch_id) from quarantine.row r join ledger.batch b using (batch_id)"
                "   where r.source = %(source)s and b.run_id = %(run)s group by 1) n"
                " where q.source = %(source)s and q.source_key = n.source_key and q.released_by is null and q.batch_id < n.batch_id"
                " and not exists (select 1 from ledger.batch b where b.batch_id = q.batch_id and b.run_id = %(run)s)"
            ).format(contribution.staging()),
            {"source": contribution.source, "run": run.run_id},
        )
        cursor.execute(sql.SQL("truncate {}").format(contribution.staging()))
