"""The floor: the same final rows by COPY into a fresh logged table, then its primary key and three indexes. Nothing
that moves rows into PostgreSQL can cost less; every figure of ours is a ratio to it, measured in the same run."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from psycopg2 import sql

from hopnhat.load.schema import column_list, identifiers, index_columns
from hopnhat.load.target import connect
from mappings.spec import Entity
from tests.bench.meter import Cost, measured


def floor(url: str, entity_name: str, entity: Entity, servers: Mapping[str, int]) -> Cost:
    """Measure the floor for what `unified.<entity>` holds now."""
    connection = connect(url)
    connection.autocommit = True
    with tempfile.TemporaryDirectory() as folder, connection.cursor() as cursor:
        rows = Path(folder) / "rows.copy"
        with rows.open("wb") as out:
            cursor.copy_expert(sql.SQL("copy (select * from {}) to stdout").format(sql.Identifier("unified", entity_name)), out)
        cursor.execute("drop table if exists floor")
        cursor.execute(sql.SQL("create table floor ({})").format(column_list(entity)))
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
