"""The floor: the same final rows by COPY into a fresh logged table, then its primary key and three indexes. Nothing
that moves rows into PostgreSQL can cost less; every figure of ours is a ratio to it, measured in the same run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from psycopg2 import sql

from hopnhat.load.schema import column_list, identifiers, index_columns
from hopnhat.load.target import connect
from mappings.spec import Entity
from tests.bench.meter import Cost, measured


def save_rows(url: str, entity_name: str, file: Path) -> int:
    """Write what `unified.<entity>` holds now as ready COPY text; the number of rows."""
    connection = connect(url)
    try:
        with file.open("wb") as out, connection.cursor() as cursor:
            cursor.copy_expert(sql.SQL("copy (select * from {}) to stdout").format(sql.Identifier("unified", entity_name)), out)
            return int(cursor.rowcount)
    finally:
        connection.close()


def floor(url: str, entity_name: str, entity: Entity, rows: Path, servers: Mapping[str, int]) -> Cost:
    """Load the ready rows of save_rows into a fresh table of the same column types, then build what the real one has."""
    connection = connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("drop table if exists floor")
        cursor.execute(sql.SQL("create table floor ({}) with (autovacuum_enabled = false)").format(column_list(entity)))
        cursor.execute("checkpoint")
        with measured(servers) as cost:
            with rows.open("rb") as ready:
                cursor.copy_expert("copy floor from stdin", ready, size=1 << 20)
            cursor.execute("alter table floor add primary key (source, source_key)")
            for columns in index_columns(entity_name, entity):
                cursor.execute(sql.SQL("create index on floor ({})").format(identifiers(columns)))
        cursor.execute("drop table floor")
        cursor.execute("checkpoint")
    connection.close()
    return cost
