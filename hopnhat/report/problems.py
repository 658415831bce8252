"""What a report needs from the database, aggregated there: a quarter of a million held rows become a few hundred lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection

OUTCOMES = ("extracted", "published", "unchanged", "merged", "quarantined", "filtered", "balance")

# Open rows of the run's systems: held now, or held before and still waiting. One line per distinct problem in its context;
# for a unit the context is what was asked (never house or street) and the answer that was found.
_PROBLEMS = """
with open as (
    select q.quarantine_id, q.source, q.entity, q.source_key, q.resolution_id, q.problems
    from quarantine.row q join ledger.batch b using (batch_id)
    where b.system = any(%(systems)s) and q.released_by is null and (b.state = 'published' or b.run_id = %(run)s)
      and b.state in ('published', 'rehearsed')),
each as (
    select o.source, o.entity, p->>'field' as field, p->>'column' as col, p->>'reason' as reason,
           case when jsonb_typeof(p->'value') = 'object' then 'hex:' || (p->'value'->>'hex') else p->>'value' end as value,
           case when p->>'field' = 'unit' then o.resolution_id end as resolution_id,
           count(*) as rows, min(o.source_key) as first_key, max(o.source_key) as last_key, min(o.quarantine_id) as sample
    from open o, jsonb_array_elements(o.problems) p group by 1, 2, 3, 4, 5, 6, 7),
placed as (
    select e.*, concat_ws(' · ', nullif(concat_ws(' ', u.inputs->>'commune_code', u.inputs->>'commune'), ''),
                nullif(concat_ws(' ', u.inputs->>'district_code', u.inputs->>'district'), ''),
                nullif(concat_ws(' ', u.inputs->>'province_code', u.inputs->>'province'), '')) as named,
           case when u.inputs ? 'text' then regexp_replace(u.inputs->>'text', '^.*?,?([^,]*,[^,]*,[^,]*)$', '\\1') end as address,
           u.candidates, u.rule, u.score, u.runner_up, u.runner_up_score, u.evidence, u.old_code
    from each e left join unified.unit_resolution u using (resolution_id))
select source, entity, field, col, reason, value, coalesce(named, ''), address, candidates, rule, max(score), runner_up, max(runner_up_score),
       max(evidence), old_code, sum(rows)::bigint as rows, min(first_key), max(last_key), min(sample), count(*) over ()
from placed group by source, entity, field, col, reason, value, named, address, candidates, rule, runner_up, old_code
order by rows desc, source, field, reason, value, named, address limit %(limit)s
"""


@dataclass(frozen=True)
class Problem:
    """One distinct problem in its context."""

    source: str
    entity: str
    field: str
    column: str
    reason: str
    value: str | None
    named: str
    address: str | None
    candidates: tuple[str, ...]
    rule: str | None
    score: float | None
    runner_up: str | None
    runner_up_score: float | None
    evidence: str | None
    old_code: str | None
    rows: int
    first_key: str
    last_key: str
    sample: int


@dataclass(frozen=True)
class Counts:
    """Outcome counts of one source, or of a whole system."""

    system: str
    source: str
    entity: str
    state: str
    outcomes: dict[str, int] = field(default_factory=dict)


def problems(conn: connection, run_id: str, systems: Sequence[str], limit: int) -> tuple[list[Problem], int]:
    """The largest `limit` problems, and how many there are in all. Memory is bounded by `limit`."""
    with conn.cursor() as cursor:
        cursor.execute(_PROBLEMS, {"systems": list(systems), "run": run_id, "limit": limit})
        rows: list[Any] = cursor.fetchall()
    names = [f.name for f in fields(Problem)]
    found = [Problem(**dict(zip(names, (*row[:8], tuple(row[8] or ()), *row[9:-1]), strict=True))) for row in rows]
    return found, rows[0][-1] if rows else 0


def samples(conn: connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Raw payload of one held row per problem."""
    with conn.cursor() as cursor:
        cursor.execute("select quarantine_id, raw from quarantine.row where quarantine_id = any(%s)", (list(ids),))
        return dict(cursor.fetchall())


def counts(conn: connection, run_id: str, systems: Sequence[str] | None = None) -> list[Counts]:
    """Outcomes per source of a run, in order of system and source."""
    with conn.cursor() as cursor:
        cursor.execute(
            "select system, source, entity, state, extracted, published, unchanged, merged, quarantined, filtered, balance from ledger.balance"
            " where run_id = %s and state in ('published', 'rehearsed') and (%s::text[] is null or system = any(%s)) order by system, source",
            (run_id, systems and list(systems), systems and list(systems)),
        )
        rows: list[Any] = cursor.fetchall()
    return [Counts(row[0], row[1], row[2], row[3], dict(zip(OUTCOMES, map(int, row[4:]), strict=True))) for row in rows]


def held_by_unit(conn: connection, run_id: str, systems: Sequence[str], limit: int = 15) -> list[tuple[str, int]]:
    """Held rows per old unit of the run, largest first ('?' = unknown)."""
    with conn.cursor() as cursor:
        cursor.execute(
            "select old_unit, sum(rows)::bigint from ledger.unit_count join ledger.batch b using (batch_id)"
            " where b.run_id = %s and b.system = any(%s) and outcome = 'quarantined' and old_unit <> '-'"
            " group by 1 having sum(rows) > 0 order by 2 desc, 1 limit %s",
            (run_id, list(systems), limit),
        )
        return cursor.fetchall()


def warnings(conn: connection, found: Sequence[Counts]) -> list[tuple[str, str, str, int]]:
    """(source, field, code, rows) of everything published with a remark."""
    rows: list[tuple[str, str, str, int]] = []
    with conn.cursor() as cursor:
        for one in found:
            name = sql.Identifier("staging", one.source) if one.state == "rehearsed" else sql.Identifier("unified", one.entity)
            cursor.execute("select to_regclass(%s)", (name.as_string(conn),))
            if (cursor.fetchone() or (None,))[0] is None:
                continue
            cursor.execute(
                sql.SQL(
                    "select split_part(w, ':', 1), split_part(w, ':', 2), count(*) from {}, unnest(warnings) w"
                    " where source = %s and warnings is not null group by 1, 2"
                ).format(name),
                (one.source,),
            )
            rows += [(one.source, *row) for row in cursor.fetchall()]
    return sorted(rows, key=lambda r: (-r[3], r[:3]))


def link_counts(conn: connection) -> dict[str, int]:
    """Dossiers seen in two systems: how many links, how many of them agree."""
    with conn.cursor() as cursor:
        cursor.execute("select count(*), count(*) filter (where agrees), count(*) filter (where not agrees) from unified.dossier_link")
        total, agree, differ = cursor.fetchone() or (0, 0, 0)
    return {"links": int(total), "agree": int(agree), "differ": int(differ)}


def run_facts(conn: connection, run_id: str, systems: Sequence[str]) -> dict[str, Any]:
    """Mode, state, versions and times of a run, for the head of a report."""
    with conn.cursor() as cursor:
        cursor.execute(
            "select min(r.mode), string_agg(distinct r.state, ', '), min(r.as_of), min(r.started_at), max(r.finished_at),"
            " string_agg(distinct v.registry_version, ', '), string_agg(distinct v.code_version, ', ')"
            " from ledger.run r join ledger.version v using (version_id) where r.run_id = %s and r.system = any(%s)",
            (run_id, list(systems)),
        )
        row = cursor.fetchone() or (None,) * 7
    names = ("mode", "state", "as_of", "started_at", "finished_at", "registry_version", "code_version")
    return dict(zip(names, row, strict=True))
