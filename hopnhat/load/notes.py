"""What the ledger remembers of a run besides its counts: notes for people, and the shape and size its sources had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from hopnhat.load.ledger import Run

DRIFT_ACCEPTED, DRIFT_QUARANTINED = "drift-accepted", "drift-quarantined"
VOLUME_ACCEPTED, READ_WHOLE = "volume-accepted", "read-whole"
ERA = "era"


def add_note(connection: Connection, run: Run, source: str, kind: str, note: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into ledger.note (run_id, system, source, kind, note) values (%s, %s, %s, %s, %s)"
            " on conflict (run_id, source, kind) do update set note = excluded.note",
            (run.run_id, run.system, source, kind, note),
        )


def notes(connection: Connection, run_id: str, system: str) -> list[dict[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("select source, kind, note from ledger.note where run_id = %s and system = %s order by 1, 2", (run_id, system))
        return [{"source": source, "kind": kind, "note": note} for source, kind, note in cursor.fetchall()]


def note_of(connection: Connection, run_id: str, source: str, kind: str) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("select note from ledger.note where run_id = %s and source = %s and kind = %s", (run_id, source, kind))
        row = cursor.fetchone()
    return row[0] if row else None


def last_good_rows(connection: Connection, system: str, source: str) -> int | None:
    """Rows that the source had when it was last published, in whatever mode. None = never published."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.rows from ledger.source_count c join ledger.run r using (run_id, system)"
            " where c.system = %s and c.source = %s and r.state = 'published' order by r.finished_at desc limit 1",
            (system, source),
        )
        row = cursor.fetchone()
    return row[0] if row else None


def save_shape(connection: Connection, run: Run, source: str, shape: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into ledger.shape (run_id, system, source, shape) values (%s, %s, %s, %s)"
            " on conflict (run_id, source) do update set shape = excluded.shape",
            (run.run_id, run.system, source, Json(shape)),
        )


def last_good_shape(connection: Connection, system: str, source: str) -> dict[str, Any] | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.shape from ledger.shape s join ledger.run r using (run_id, system)"
            " where s.system = %s and s.source = %s and r.state = 'published' order by r.finished_at desc limit 1",
            (system, source),
        )
        row = cursor.fetchone()
    return row[0] if row else None


def gone_rows(connection: Connection, run_id: str, system: str) -> int:
    """Rows that this run found gone from their source; they stay published."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from ledger.gone g where g.run_id = %s and g.source in"
            " (select source from ledger.source_count where run_id = %s and system = %s)",
            (run_id, run_id, system),
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def read_differently(connection: Connection, run_id: str, system: str) -> list[tuple[str, int, int]]:
    """(source, rows counted when the run started, rows read), for the sources that were read whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.source, c.rows, coalesce(sum(b.extracted), 0)::bigint from ledger.source_count c"
            " left join ledger.batch b on b.run_id = c.run_id and b.source = c.source and b.state <> 'abandoned'"
            " where c.run_id = %s and c.system = %s group by 1, 2 having coalesce(bool_and(b.whole), true) order by 1",
            (run_id, system),
        )
        return cursor.fetchall()
