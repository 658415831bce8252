"""What the unified database holds of one source, brought to DuckDB column by column.

One scan of the table in the order of its pages, packed into one value per column and chunk, texts with separators and
numbers as eight bytes each: a fifth of what row-wise COPY costs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import sql
from psycopg2.extensions import connection

from hopnhat.verify.cells import Cells
from hopnhat.verify.landed import SEPARATOR, Shape
from hopnhat.verify.parts import NamedPart
from mappings.spec import Entity

_NULL = "\x1e"
_NO_NUMBER = np.iinfo(np.int64).min
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


class Column(NamedTuple):
    """A column of the unified table as it is shipped, null as a mark. `month`: of a timestamp, shipped whole."""

    name: str | None
    kind: Literal["text", "month", "number"] = "text"

    def value(self) -> sql.Composable:
        """SQL of one row's value, text or eight bytes."""
        name = sql.Identifier(self.name) if self.name else sql.SQL("null")
        if self.kind == "text":
            return sql.SQL("coalesce({}::text, {})").format(name, sql.Literal(_NULL))
        send = "timestamp_send({}::timestamp)" if self.kind == "month" else "int8send({}::bigint)"
        return sql.SQL("coalesce({}, {}::bytea)").format(sql.SQL(send).format(name), sql.Literal(f"\\x{1 << 63:x}"))

    def packed(self) -> sql.Composable:
        between = sql.SQL("''::bytea") if self.kind != "text" else sql.Literal(SEPARATOR)
        return sql.SQL("string_agg({}, {})").format(self.value(), between)

    def unpacked(self, packed: Any) -> pa.Array:
        if self.kind == "text":
            return _texts(packed)
        numbers = np.frombuffer(packed, ">i8").astype(np.int64)
        return _months(numbers) if self.kind == "month" else pa.array(numbers, mask=numbers == _NO_NUMBER)

    def joined(self, values: Sequence[Any]) -> pa.Array:
        """The same from the values of single rows."""
        return pa.array(values, pa.large_string()) if self.kind == "text" else self.unpacked(b"".join(values))


def _texts(packed: str) -> pa.Array:
    return pc.split_pattern(pa.array([packed], pa.large_string()), SEPARATOR).flatten()


def _months(moments: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
    """`2025-07` of microseconds since 2000 (PostgreSQL's zero), as a dictionary."""
    days = np.where(moments == _NO_NUMBER, 0, moments) // 86_400_000_000
    months = (np.datetime64("2000-01-01", "D") + days).astype("M8[M]").astype(np.int64)
    numbers, found = pd.factorize(months)
    names = pa.array(np.datetime_as_string(found.astype("M8[M]")), pa.large_string())
    return pa.DictionaryArray.from_arrays(pa.array(numbers, pa.int32(), mask=moments == _NO_NUMBER), names)


def published_columns(entity: Entity, shape: Shape) -> list[Column]:
    """The columns k, s, t, o, n, r, m1 … of the unified table."""
    old, new, resolution = ("old_commune_code", "new_commune_code", "resolution_id") if shape.has_unit else (None, None, None)
    amounts = [Column(name, "number") for name in (resolution, *shape.measures)]
    return [Column("source_key"), Column(shape.status), Column(shape.month, "month"), Column(old), Column(new), *amounts]


_CODED = ("s", "t", "o", "n")


def create_published(db: duckdb.DuckDBPyConnection, shape: Shape) -> None:
    """Table p: key as text, the cells s, t, o, n as numbers, resolution and measures as they are."""
    measures = "".join(f", m{i} bigint" for i, _ in enumerate(shape.measures, 1))
    db.execute(f"create table p (k varchar, s integer, t integer, o integer, n integer, r bigint{measures})")


def write_published_cells(db: duckdb.DuckDBPyConnection, cells: Cells) -> None:
    for name in _CODED:
        cells.write(db, f"p{name}", f"nullif(raw::varchar, '{_NULL}')")


def fetch_published(
    sessions: Sequence[connection], db: duckdb.DuckDBPyConnection, cells: Cells, leaf: str, source: str, columns: Sequence[Column],
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
    conn: connection, db: duckdb.DuckDBPyConnection, cells: Cells, leaf: str, source: str, columns: Sequence[Column], keys: Sequence[str]
) -> None:
    """Append only the rows of some keys (a delta), through the primary key."""
    with conn.cursor() as cursor:
        for first in range(0, len(keys), _KEYS_AT_ONCE):
            wanted = cursor.mogrify("source_key = any(%s)", (list(keys[first : first + _KEYS_AT_ONCE]),)).decode()
            _append(db, cells, _packed(cursor, leaf, source, columns, sql.SQL(wanted.replace("%", "%%"))), "p")


def _packed(cursor: Any, leaf: str, source: str, columns: Sequence[Column], where: sql.Composable) -> list[pa.Array]:
    """The columns of some rows, each shipped as one value; [] when there is no row."""
    packed = sql.SQL(", ").join(column.packed() for column in columns)
    query = sql.SQL("select count(*), {} from {} where source = %s and {}").format(packed, sql.SQL(leaf), where)
    cursor.execute(query, (source,))
    rows, *values = cursor.fetchone()
    arrays = [column.unpacked(value) for column, value in zip(columns, values, strict=True)] if rows else []
    if any(len(array) != rows for array in arrays):
        # A value holds the separator itself: read this chunk row by row.
        each = sql.SQL(", ").join(column.value() for column in columns)
        cursor.execute(sql.SQL("select {} from {} where source = %s and {}").format(each, sql.SQL(leaf), where), (source,))
        arrays = [column.joined(found) for column, found in zip(columns, zip(*cursor.fetchall(), strict=True), strict=True)]
    return arrays


def _append(db: duckdb.DuckDBPyConnection, cells: Cells, arrays: Sequence[pa.Array], into: str) -> None:
    if not arrays:
        return
    key, *coded = arrays[: 1 + len(_CODED)]
    numbers = [cells.numbered(f"p{name}", array) for name, array in zip(_CODED, coded, strict=True)]
    chunk = pa.table([key, *numbers, *arrays[1 + len(_CODED) :]], names=[f"c{i}" for i in range(len(arrays))])
    db.register("chunk", chunk)
    db.execute(f"insert into {into} select * from chunk")
    db.unregister("chunk")


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
        chunk = pa.table([_texts(packed) for packed in texts], names=["k", "n", "b"])
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
