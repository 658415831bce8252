"""Write one part into staging: rows, quarantine and ledger in one transaction, or nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pgpq
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extras import execute_values

from hopnhat.load import ledger
from hopnhat.load.schema import STAGING_SCHEMA, column_list, identifiers, relation_name, unified_columns
from hopnhat.load.target import transaction
from mappings.spec import Entity

_ARROW = {"text": pa.string(), "bigint": pa.int64(), "timestamp(0)": pa.timestamp("us"), "text[]": pa.list_(pa.string())}
_ROWS_AT_ONCE, _AT_ONCE = 4_096, 1 << 30
_STATEMENT = 10 << 20
"""Bytes of one COPY. The server lends a COPY a ring of 16 MB of its cache: one that needs more waits at every turn until
its log has reached the disk, and leaves nothing in the cache for the index builds (a tenth of the database's CPU)."""


@dataclass(frozen=True)
class StagedPart:
    """Everything that one part leaves in the target. `batch` = its ledger row without the identity."""

    batch: Mapping[str, Any]
    accepted: Mapping[str, pa.Array]
    held: pa.Table | None
    """Columns of quarantine.row, but for the batch."""
    unit_counts: Sequence[ledger.UnitTally]
    left_out: Sequence[str] = ()
    """Keys that wait in quarantine and that a filter rule leaves out now."""


def create_staging(connection: Connection, source: str, entity: Entity) -> None:
    """A fresh table with the columns of the unified one; on a first load it becomes the partition itself.

    Until then autovacuum keeps off: its lock would hold up the building of the indexes, for a second at least.
    """
    table = sql.Identifier(STAGING_SCHEMA, relation_name(source))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("drop table if exists {}").format(table))
        cursor.execute(
            sql.SQL("create table {0} ({1}, constraint {2} check (source is not null and source = {3})) with (autovacuum_enabled = false); alter table {0} alter source set default {3}").format(
                table, column_list(entity), sql.Identifier("one_source"), sql.Literal(source)
            )
        )


def stage(connection: Connection, source: str, entity: Entity, part: StagedPart) -> bool:
    """Stage one part. False when another worker has done it already."""
    with transaction(connection):
        batch_id = ledger.insert_batch(connection, part.batch)
        if batch_id is None:
            return False
        if len(part.accepted["source_key"]):
            _copy_rows(connection, source, entity, part.accepted, batch_id)
        _copy_held(connection, part.held, batch_id)
        ledger.insert_unit_counts(connection, batch_id, part.unit_counts)
        if part.left_out:
            with connection.cursor() as cursor:
                statement = "insert into quarantine.left_out (batch_id, source_key) values %s on conflict do nothing"
                execute_values(cursor, statement, [(batch_id, key) for key in part.left_out], page_size=1000)
    return True


def stage_unchanged(connection: Connection, batch: Mapping[str, Any], before: ledger.Batch) -> None:
    """A part that is the same file under the same version: only the ledger says so, no row is touched."""
    with transaction(connection):
        batch_id = ledger.insert_batch(connection, batch)
        if batch_id is not None:
            ledger.repeat_unit_counts(connection, batch_id, before.batch_id)


def save_resolutions(connection: Connection, answers: pa.Table, registry_version: str) -> None:
    """Keep the explained answers (columns of transforms.places.KEPT). In a transaction of its own: they are keyed by
    content, so two workers may meet here."""
    listed = pc.replace_substring(answers["candidates"].fill_null(""), "|", ",")
    frame = answers.set_column(answers.column_names.index("candidates"), "candidates", pc.binary_join_element_wise("{", listed, "}", ""))
    frame = frame.append_column("registry_version", pa.repeat(registry_version, answers.num_rows))
    frame = frame.sort_by("resolution_id")  # one order, so that two workers cannot lock each other out
    names = identifiers(frame.column_names)
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute("create temp table if not exists answered (like unified.unit_resolution) on commit delete rows")
        _copy_csv(cursor, sql.SQL("copy answered ({}) from stdin (format csv)").format(names), frame)
        cursor.execute(sql.SQL("insert into unified.unit_resolution ({0}) select {0} from answered order by resolution_id on conflict do nothing").format(names))


def _copy_csv(cursor: Any, statement: sql.Composable, frame: pa.Table) -> None:
    out = io.BytesIO()
    pacsv.write_csv(frame, out, pacsv.WriteOptions(include_header=False))
    out.seek(0)
    cursor.copy_expert(statement, out)


def _copy_rows(connection: Connection, source: str, entity: Entity, accepted: Mapping[str, pa.Array], batch_id: int) -> None:
    columns = [column for column in unified_columns(entity) if column.name != "source"]  # the staging table knows its source
    given = {**accepted, "batch_id": pa.repeat(pa.scalar(batch_id, pa.int64()), len(accepted["source_key"]))}
    arrays = [given[c.name].cast(_ARROW[c.pg_type]) for c in columns]
    frame = pa.Table.from_arrays(arrays, names=[c.name for c in columns])
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(STAGING_SCHEMA, relation_name(source)), identifiers([c.name for c in columns])
    )
    rows = max(1, frame.num_rows * _STATEMENT // max(1, frame.nbytes))
    with connection.cursor() as cursor:
        for start in range(0, frame.num_rows, rows):
            cursor.copy_expert(statement, _Encoded(frame.slice(start, rows)), _AT_ONCE)  # type: ignore[arg-type]  # it reads, and never lines


class _Encoded:
    """A frame as binary COPY, read a piece at a time: the server takes one in while the next is encoded, and no more is held."""

    def __init__(self, frame: pa.Table) -> None:
        self._pieces = filter(None, _pieces(frame))  # an empty one would end the COPY

    def read(self, _size: int = -1, /) -> bytes:
        return next(self._pieces, b"")


def _pieces(frame: pa.Table) -> Iterator[bytes]:
    """The encoder keeps small batches back until some megabytes are together: then it gives an empty piece."""
    encoder = pgpq.ArrowToPostgresBinaryEncoder(frame.schema)
    yield encoder.write_header()
    yield from map(encoder.write_batch, frame.to_batches(max_chunksize=_ROWS_AT_ONCE))
    yield encoder.finish()


def _copy_held(connection: Connection, held: pa.Table | None, batch_id: int) -> None:
    if held is None:
        return
    frame = held.append_column("batch_id", pa.repeat(batch_id, held.num_rows))
    with connection.cursor() as cursor:
        _copy_csv(cursor, sql.SQL("copy quarantine.row ({}) from stdin (format csv)").format(identifiers(frame.column_names)), frame)
