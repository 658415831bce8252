"""Rows that only a set check can find: children without a parent, keys met in two parts. They go to quarantine too."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json, execute_values

from hopnhat.landing.parts import FINGERPRINT, read_part
from hopnhat.load import ledger
from hopnhat.load.contribution import Contribution
from transforms.fingerprints import source_keys
from transforms.held import raw_payloads

ORPHAN, REPEATED, UNDECIDED = "parent-missing", "key-duplicate", "unit-era-undecided"
Found = list[tuple[int, str, str]]
"""(batch, source key, old unit) of rows taken out of staging."""


def hold_orphans(connection: Connection, contribution: Contribution, landing: str) -> int:
    """A step or file whose dossier is neither published nor about to be is held with it (F38)."""
    parent = contribution.parent
    if parent is None:
        return 0
    key = sql.Identifier(f"{contribution.entity.parent}_key")
    orphans = sql.SQL(
        " where not exists (select 1 from {staged} p where p.source_key = s.{key})"
        " and not exists (select 1 from {unified} u where u.source = {source} and u.source_key = s.{key})"
    ).format(staged=parent.staging(), unified=parent.unified(), source=sql.Literal(parent.source), key=key)
    return _hold_staged(connection, contribution, landing, orphans, ORPHAN, f"{contribution.entity.parent}_key")


def hold_undecided(connection: Connection, contribution: Contribution, landing: str) -> int:
    """In a column of both eras, a row whose unit rests on the declared era alone is not decided (law 4)."""
    declared = sql.SQL(" using unified.unit_resolution r where r.resolution_id = s.resolution_id and r.inputs ? 'as_of'")
    return _hold_staged(connection, contribution, landing, declared, UNDECIDED, "unit")


def hold_repeated_keys(connection: Connection, contribution: Contribution, landing: str) -> int:
    """A key met in two parts: exact copies are merged into the first; with different content all of them wait."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "delete from {0} s using (select source_key, source_hash, min(ctid) as kept from {0} group by 1, 2 having count(*) > 1) k"
                " where s.source_key = k.source_key and s.source_hash = k.source_hash and s.ctid <> k.kept returning s.batch_id, {1}"
            ).format(contribution.staging(), contribution.unit_of("s"))
        )
        ledger.move_counts(connection, Counter(cursor.fetchall()), "published", "merged")
    repeated = sql.SQL(" where s.source_key in (select source_key from {} group by source_key having count(*) > 1)").format(contribution.staging())
    return _hold_staged(connection, contribution, landing, repeated, REPEATED, "source_key")


def hold_rivals(connection: Connection, run_id: str, contribution: Contribution, landing: str) -> int:
    """A staged row whose key other parts of this run hold as contradicting itself: it is one more voice, not the answer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct q.source_key from quarantine.row q join ledger.batch b using (batch_id)"
            " where b.run_id = %s and q.source = %s and q.problems @> %s",
            (run_id, contribution.source, Json([{"reason": REPEATED}])),
        )
        keys = [key for (key,) in cursor.fetchall()]
    if not keys:
        return 0
    rivals = sql.SQL(" where s.source_key = any({})").format(sql.Literal(keys))
    return _hold_staged(connection, contribution, landing, rivals, REPEATED, "source_key")


def _hold_staged(
    connection: Connection, contribution: Contribution, landing: str, which: sql.Composable, reason: str, field: str
) -> int:
    """Take rows out of staging and hold them. `which`: what follows `delete from <staging> s`."""
    statement = sql.SQL("delete from {} s{} returning s.batch_id, s.source_key, {}")
    with connection.cursor() as cursor:
        cursor.execute(statement.format(contribution.staging(), which, contribution.unit_of("s")))
        found = cursor.fetchall()
    _hold(connection, contribution, found, landing, reason, field)
    return len(found)


def _hold(connection: Connection, contribution: Contribution, found: Found, landing: str, reason: str, field: str) -> None:
    """Write the found rows to quarantine with their raw payload, read back from the landing zone."""
    by_batch: dict[int, dict[str, str]] = defaultdict(dict)
    for batch_id, source_key, unit in found:
        by_batch[batch_id][source_key] = unit
    problems = Json([{"field": field, "column": "|".join(contribution.key), "reason": reason, "value": None}])
    for batch_id, units in by_batch.items():
        chosen, keys = _landed(connection, contribution, batch_id, units, landing)
        payloads = raw_payloads(chosen.drop_columns([FINGERPRINT]), np.arange(chosen.num_rows)).to_pylist()
        values = [
            (batch_id, contribution.source, key, source_hash, contribution.entity_name, units[key], problems, raw)
            for key, source_hash, raw in zip(keys, chosen[FINGERPRINT].to_pylist(), payloads, strict=True)
        ]
        with connection.cursor() as cursor:
            execute_values(
                cursor, "insert into quarantine.row (batch_id, source, source_key, source_hash, entity, old_unit, problems, raw) values %s",
                values, page_size=1000,
            )  # fmt: skip
    ledger.move_counts(connection, Counter((batch_id, unit) for batch_id, _, unit in found), "published", "quarantined")


def _landed(
    connection: Connection, contribution: Contribution, batch_id: int, units: dict[str, str], landing: str
) -> tuple[pa.Table, list[str]]:
    """The landing rows of the given keys, one per key."""
    with connection.cursor() as cursor:
        cursor.execute("select part from ledger.batch where batch_id = %s", (batch_id,))
        part = str((cursor.fetchone() or ("",))[0])
    frame = read_part(landing, part)
    keys = source_keys(frame, contribution.key)
    first = pc.index_in(pa.array(sorted(units), pa.string()), value_set=keys)
    chosen = frame.take(first)
    return chosen, source_keys(chosen, contribution.key).to_pylist()
