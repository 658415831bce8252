"""What the unified database holds of one source, brought to DuckDB column by column.

One scan of the table in the order of its pages, packed into one text per column and chunk: shipping a million rows of
six narrow columns costs half a CPU-second in PostgreSQL and a tenth here, a fifth of what row-wise COPY costs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import sql
from psycopg2.extensions import connection

from hopnhat.verify.cells import Cells
from hopnhat.verify.landed import SEPARATOR, Shape
from hopnhat.verify.parts import NamedPart
from mappings.spec import Entity

_NULL = "\x1e"
_PAGES = 8192
_KEYS_AT_ONCE = 20_000


@dataclass(frozen=True)
class RunFacts:
    """What the ledger says of one source in one run."""

    parts: tuple[NamedPart, ...]
    counts: dict[str, int]
    whole: bool
    batch_ids: frozenset[int]


def run_facts(conn: connection, run_id: str, system: str, source: str) -> RunFacts:
    with conn.cursor() as cursor:
        cursor.execute(
            "select part_number, part, part_sha, extracted, batch_id, whole, published + unchanged, merged, quarantined, filtered"
            " from ledger.batch where run_id = %s and system = %s and source = %s and state in ('staged', 'published', 'rehearsed') order by part_number",
            (run_id, system, source),
        )
        rows = cursor.fetchall()
    names = ("published", "merged", "quarantined", "filtered")
    counts = {name: sum(int(row[6 + n]) for row in rows) for n, name in enumerate(names)}
    parts = tuple(NamedPart(*row[:4]) for row in rows)
    return RunFacts(parts, counts, all(row[5] for row in rows), frozenset(row[4] for row in rows))


def leaf_tables(conn: connection, table: str, source: str) -> list[str]:
    """The physical tables (as `schema.name`, quoted) that may hold rows of a source: its partition, or the table itself."""
    with conn.cursor() as cursor:
        cursor.execute("select to_regclass(%s) is not null", (table,))
        if not (cursor.fetchone() or (False,))[0]:
            return []
        cursor.execute(sql.SQL("select tableoid::regclass::text from {} where source = %s limit 1").format(sql.SQL(table)), (source,))
        return [row[0] for row in cursor.fetchall()]


def published_columns(entity: Entity, shape: Shape) -> list[sql.Composable]:
    """SQL of the columns k, s, t, o, n, r, m1 … of the unified table."""

    def column(name: str | None) -> sql.Composable:
        return sql.SQL("{}::text").format(sql.Identifier(name)) if name else sql.SQL("null::text")

    unit = ["old_commune_code", "new_commune_code", "resolution_id"] if shape.has_unit else [None] * 3
    month = sql.SQL("left({}::text, 7)").format(sql.Identifier(shape.month)) if shape.month else column(None)
    return [column("source_key"), column(shape.status), month, *(column(u) for u in unit), *(column(m) for m in shape.measures)]


_CODED = ("s", "t", "o", "n")


def create_published(db: duckdb.DuckDBPyConnection, shape: Shape) -> None:
    """Table p: key as text, the cells s, t, o, n as numbers, resolution and measures as they are."""
    measures = "".join(f", m{i} bigint" for i, _ in enumerate(shape.measures, 1))
    db.execute(f"create table p (k varchar, s integer, t integer, o integer, n integer, r bigint{measures})")


def write_published_cells(db: duckdb.DuckDBPyConnection, cells: Cells) -> None:
    for name in _CODED:
        cells.write(db, f"p{name}", f"nullif(raw::varchar, '{_NULL}')")


def fetch_published(
    sessions: Sequence[connection], db: duckdb.DuckDBPyConnection, cells: Cells, leaf: str, source: str, columns: Sequence[sql.Composable],
    *, into: str = "p",
) -> None:
    """Append a whole physical table to `into`, some 64 MB of pages at a time. The sessions share the pages, and the server
    packs the next while one is read."""
    cursors = [session.cursor() for session in sessions]
    cursors[0].execute("select pg_relation_size(%s::regclass) / current_setting('block_size')::int + 1", (leaf,))
    pages = int((cursors[0].fetchone() or (0,))[0])
    within = sql.SQL("ctid >= {}::tid and ctid < {}::tid")
    ranges = iter([within.format(sql.Literal(f"({first},0)"), sql.Literal(f"({first + _PAGES},0)")) for first in range(0, pages, _PAGES)])
    with ThreadPoolExecutor(len(cursors)) as threads:

        def asked(cursor: Any) -> list[tuple[Any, Future[list[pa.Array]]]]:
            return [(cursor, threads.submit(_packed, cursor, leaf, source, columns, where)) for where in islice(ranges, 1)]

        waiting = deque(one for cursor in cursors for one in asked(cursor))
        while waiting:
            cursor, coming = waiting.popleft()
            packed = coming.result()
            waiting.extend(asked(cursor))
            _append(db, cells, packed, into)


def fetch_keys(
    conn: connection, db: duckdb.DuckDBPyConnection, cells: Cells, leaf: str, source: str, columns: Sequence[sql.Composable], keys: Sequence[str]
) -> None:
    """Append only the rows of some keys (a delta), through the primary key."""
    with conn.cursor() as cursor:
        for first in range(0, len(keys), _KEYS_AT_ONCE):
            wanted = cursor.mogrify("source_key = any(%s)", (list(keys[first : first + _KEYS_AT_ONCE]),)).decode()
            _append(db, cells, _packed(cursor, leaf, source, columns, sql.SQL(wanted.replace("%", "%%"))), "p")


def _packed(cursor: Any, leaf: str, source: str, columns: Sequence[sql.Composable], where: sql.Composable) -> list[pa.Array]:
    """The columns of some rows, each shipped as one text; [] when there is no row."""
    packed = [sql.SQL("string_agg(coalesce({}, {}), {})").format(c, sql.Literal(_NULL), sql.Literal(SEPARATOR)) for c in columns]
    query = sql.SQL("select count(*), {} from {} where source = %s and {}").format(sql.SQL(", ").join(packed), sql.SQL(leaf), where)
    cursor.execute(query, (source,))
    rows, *texts = cursor.fetchone()
    arrays = [_unpacked(text) for text in texts] if rows else []
    if any(len(array) != rows for array in arrays):
        # A value holds the separator itself: read this chunk row by row.
        cursor.execute(sql.SQL("select {} from {} where source = %s and {}").format(sql.SQL(", ").join(columns), sql.SQL(leaf), where), (source,))
        found = zip(*cursor.fetchall(), strict=True)
        arrays = [pc.fill_null(pa.array(column, pa.large_string()), _NULL) for column in found]
    return arrays


def _append(db: duckdb.DuckDBPyConnection, cells: Cells, arrays: Sequence[pa.Array], into: str) -> None:
    if not arrays:
        return
    key, *coded = arrays[: 1 + len(_CODED)]
    numbers = [cells.numbered(f"p{name}", array) for name, array in zip(_CODED, coded, strict=True)]
    amounts = [_numbers(array) for array in arrays[1 + len(_CODED) :]]
    chunk = pa.table([key, *numbers, *amounts], names=[f"c{i}" for i in range(len(arrays))])
    db.register("chunk", chunk)
    db.execute(f"insert into {into} select * from chunk")
    db.unregister("chunk")


def _numbers(texts: pa.Array) -> pa.Array:
    absent = pc.equal(texts, _NULL)
    return (pc.if_else(absent, pa.scalar(None, texts.type), texts) if pc.any(absent).as_py() else texts).cast(pa.int64())


def _unpacked(text: str) -> pa.Array:
    return pc.split_pattern(pa.array([text], pa.large_string()), SEPARATOR).flatten()


def fetch_held(conn: connection, db: duckdb.DuckDBPyConnection, run_id: str, source: str) -> None:
    """Create q (k, n, batch_id): open quarantine of a source, one line per key with the newest batch that held it."""
    db.execute("create table q (k varchar, n bigint, batch_id bigint)")
    with conn.cursor() as cursor:
        cursor.execute(
            "with open as (select q.source_key, q.batch_id, b.run_id = %(run)s as now from quarantine.row q join ledger.batch b using (batch_id)"
            "  where q.source = %(source)s and q.released_by is null and (b.state = 'published' or b.run_id = %(run)s and b.state = 'rehearsed')),"
            " keys as (select source_key, coalesce(nullif(count(*) filter (where now), 0), count(*)) n, max(batch_id) b from open group by 1)"
            " select count(*), string_agg(source_key, %(sep)s), string_agg(n::text, %(sep)s), string_agg(b::text, %(sep)s) from keys",
            {"run": run_id, "source": source, "sep": SEPARATOR},
        )
        rows, *texts = cursor.fetchone() or (0,)
    if rows:
        chunk = pa.table([_unpacked(text) for text in texts], names=["k", "n", "b"])
        db.register("chunk", chunk)
        db.execute("insert into q select k, n::bigint, b::bigint from chunk")
        db.unregister("chunk")


def batches_of(conn: connection, leaf: str, source: str, keys: Sequence[str]) -> dict[str, int]:
    """Which batch wrote these published rows."""
    with conn.cursor() as cursor:
        cursor.execute(
            sql.SQL("select source_key, batch_id from {} where source = %s and source_key = any(%s)").format(sql.SQL(leaf)), (source, list(keys))
        )
        return dict(cursor.fetchall())
