"""Deltas by a vendor's change table: which mark a run starts from and ends at, and what it finds deleted.

The marks of a run are in the ledger, so that every worker, and a run taken up again, reads the same window. A mark counts
for the next run only once this one is published.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from hopnhat.extract.changes import ChangedSource, deleted_keys, last_change, reaches_back, window
from hopnhat.extract.contract import Source
from hopnhat.load.ledger import Run
from mappings.spec import Table
from transforms.fingerprints import source_keys


def opened(source: Source, table: Table) -> Source:
    """The source as a delta of this table must read it."""
    return source if table.changes is None else ChangedSource(source, table)


def plan_changes(connection: Connection, run: Run, source_id: str, source: Source, table: Table) -> bool:
    """Fix the window of changes when a run starts. False: the table must be read whole (the first time, or when the
    change table no longer holds what was read last, so that changes may be lost)."""
    if table.changes is None:
        return False
    until = last_change(source, table.changes)  # before anything is read: what changes meanwhile is read again next time
    before = _last_mark(connection, source_id)
    since = None
    if run.mode == "delta" and before is not None and reaches_back(source, table.changes, before):
        since = window(source, table.changes, before)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into ledger.change_mark (run_id, system, source, since, until) values (%s, %s, %s, %s, %s)",
            (run.run_id, run.system, source_id, since, until),
        )
    return since is not None


def changes_start(connection: Connection, run: Run, source_id: str, source: Source, table: Table) -> tuple[str, str] | None:
    """Where this run reads changes from, None = read whole. What the change table names and the table lacks is noted as gone."""
    with connection.cursor() as cursor:
        cursor.execute("select since from ledger.change_mark where run_id = %s and source = %s", (run.run_id, source_id))
        (since,) = cursor.fetchone() or (None,)
    if since is None or table.changes is None:
        connection.rollback()
        return None
    keys = source_keys(deleted_keys(_plain(source), table, since), table.key)
    _note_gone(connection, run, source_id, table, pc.unique(keys.filter(pc.is_valid(keys))))
    connection.commit()
    return table.changes.at, since


def _plain(source: Source) -> Source:
    return source.plain if isinstance(source, ChangedSource) else source


def _last_mark(connection: Connection, source_id: str) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select m.until from ledger.change_mark m join ledger.run r using (run_id, system)"
            " where m.source = %s and r.state = 'published' order by r.finished_at desc limit 1",
            (source_id,),
        )
        row: Any = cursor.fetchone()
    return row[0] if row else None


def _note_gone(connection: Connection, run: Run, source_id: str, table: Table, keys: pa.Array) -> None:
    """Only keys that were read before: a row that came and went between two runs was never here."""
    if len(keys) == 0:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "insert into ledger.gone (source, source_key, run_id) select %(source)s, k, %(run)s from unnest(%(keys)s::text[]) k"
                " where exists (select 1 from {} u where u.source = %(source)s and u.source_key = k)"
                " or exists (select 1 from quarantine.open q where q.source = %(source)s and q.source_key = k) on conflict do nothing"
            ).format(sql.Identifier("unified", table.entity)),
            {"source": source_id, "run": run.run_id, "keys": keys.to_pylist()},
        )
