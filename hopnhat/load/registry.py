"""Load a registry version into schema `registry`, and choose the one that applications see. Idempotent."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from psycopg2 import sql

from hopnhat.load.target import Connection
from hopnhat.model.errors import MappingError
from hopnhat.settings import REPOSITORY
from mappings.units.registry import Registry
from mappings.units.timeline import Event, Instance
from transforms.units_outcome import outcomes

DDL = REPOSITORY / "sql" / "registry" / "0001_registry.sql"
SUCCESSOR = ("old_code", "old_valid_from", "new_code", "carries", "legal_ref")


def install(connection: Connection) -> None:
    """Create the schema, its tables, views and functions where they are missing."""
    with connection.cursor() as cursor:
        cursor.execute(DDL.read_text("utf-8"))


def load_units(connection: Connection, registry: Registry, *, activate: bool = True) -> int:
    """Write a version once; a version already there must have the same checksum. Returns units written.

    The caller owns the transaction. Raises MappingError when the database holds other facts under the same version.
    """
    install(connection)
    written = 0
    with connection.cursor() as cursor:
        cursor.execute("select checksum from registry.version where version = %s", (registry.version,))
        known = cursor.fetchone()
        if known and known[0] != registry.checksum:
            raise MappingError(f"registry version {registry.version} in the database has other facts", hint="load it as a new version")
        if not known:
            cursor.execute("insert into registry.version (version, checksum) values (%s, %s)", (registry.version, registry.checksum))
            _copy(connection, "unit", Instance._fields, registry.instances, registry.version)
            numbered = ((number, *event) for number, event in enumerate(registry.events))
            _copy(connection, "event", ("event_no", *Event._fields), numbered, registry.version)
            _copy(connection, "successor", SUCCESSOR, _successors(registry), registry.version)
            written = len(registry.instances)
        if activate:
            cursor.execute(
                "insert into registry.active (version) values (%s) on conflict (only_row) do update set version = excluded.version",
                (registry.version,),
            )
    return written


def _successors(registry: Registry) -> Iterator[tuple[str, str, str, str, str]]:
    law = {(event.code_before, event.code_after): event.legal_ref for event in registry.events}
    became = outcomes(registry)
    for unit in became.former(registry.instances):
        for code, carries in became.of(unit.code, unit.valid_from, unit.valid_to):
            yield unit.code, unit.valid_from, code, carries, law.get((unit.code, code), "")


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]], version: str) -> None:
    """Rows by COPY; '' is stored as NULL."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows((version, *row) for row in rows)
    buffer.seek(0)
    names = sql.SQL(", ").join(map(sql.Identifier, ("version", *columns)))
    command = sql.SQL("copy registry.{} ({}) from stdin with (format csv, null '')").format(sql.Identifier(table), names)
    with connection.cursor() as cursor:
        cursor.copy_expert(command.as_string(connection), buffer)
