"""The unified schema: fixed parts from sql/, entity tables from the domain files.

An entity table is partitioned by source, so that one source's contribution is published, undone and published again
without touching the others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from hopnhat.settings import REPOSITORY
from mappings.spec import PG_TYPES, Domain, Entity

PARTS_SCHEMA = "unified_parts"
STAGING_SCHEMA = "staging"
PROVENANCE = {"source": "text", "source_key": "text", "batch_id": "bigint", "source_hash": "bigint"}
UNIT_COLUMNS = {
    "resolution_id": "bigint", "old_commune_code": "text", "new_commune_code": "text", "new_province_code": "text",
    "old_unit_name": "text", "address_old": "text",
}  # fmt: skip
_KEYS = {"source", "source_key", "dossier_no", "applicant_id_no", "dossier_key", "old_commune_code", "new_commune_code", "new_province_code"}


@dataclass(frozen=True)
class TableColumn:
    name: str
    pg_type: str


def unified_columns(entity: Entity) -> list[TableColumn]:
    """Columns of an entity's table, in order; the loader, the proof and the views all follow this list.

    What every check reads stands first: PostgreSQL walks a row from its beginning, and the thirty-fifth column costs
    three times the reading of the row.
    """
    columns = [TableColumn(name, pg_type) for name, pg_type in (PROVENANCE | (UNIT_COLUMNS if entity.has_unit else {})).items()]
    for name, column in entity.columns.items():
        columns.append(TableColumn(name, PG_TYPES[column.kind]))
        if column.kind == "code":
            columns.append(TableColumn(f"{name}_raw", "text"))
    return [*columns, TableColumn("warnings", "text[]")]


def content_columns(entity: Entity) -> list[str]:
    """What a row says, apart from where and when it came from: rows equal in these are unchanged."""
    return [c.name for c in unified_columns(entity) if c.name not in (*PROVENANCE, "resolution_id")]


def index_columns(name: str, entity: Entity) -> list[tuple[str, ...]]:
    """The secondary indexes of an entity table."""
    wanted = [entity.business_key] if entity.business_key else []
    indexes: list[tuple[str, ...]] = [(column,) for column in wanted]
    if entity.parent:
        indexes.append((f"{entity.parent}_key",))
    if entity.has_unit:
        indexes.append(("new_commune_code", entity.month) if entity.month else ("new_commune_code",))
    if "applicant_id_no" in entity.columns:
        indexes.append(("applicant_id_no",))
    return indexes


def relation_name(source: str) -> str:
    """PostgreSQL name of a source's table; long names keep a readable head and a digest."""
    if len(source.encode()) <= 55:
        return source
    return f"{source.encode()[:44].decode(errors='ignore')}~{hashlib.sha256(source.encode()).hexdigest()[:10]}"


def apply_schema(connection: Connection, domain: Domain) -> None:
    """Create what is missing. Safe to run again and by several processes at once."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('hopnhat.schema'))")
        for path in sorted((REPOSITORY / "sql").glob("*.sql")):
            cursor.execute(path.read_text(encoding="utf-8"))
        cursor.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(PARTS_SCHEMA)))
        for name, entity in domain.entities.items():
            _create_entity(cursor, name, entity)


def has_schema(connection: Connection) -> bool:
    """False in a database that nothing was ever loaded into."""
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('ledger.run') is not null")
        return bool((cursor.fetchone() or (False,))[0])


def _create_entity(cursor: object, name: str, entity: Entity) -> None:
    execute = cursor.execute  # type: ignore[attr-defined]
    execute("select to_regclass(%s)", (f"unified.{name}",))
    if cursor.fetchone()[0] is not None:  # type: ignore[attr-defined]
        return
    table = sql.Identifier("unified", name)
    execute(sql.SQL("create table {} ({}, primary key (source, source_key)) partition by list (source)").format(table, column_list(entity)))
    for columns in index_columns(name, entity):
        execute(sql.SQL("create index on {} ({})").format(table, identifiers(columns)))
    view = sql.Identifier("unified", f"{name}_explained")
    unit = sql.SQL("left join unified.unit_resolution u using (resolution_id)" if entity.has_unit else "")
    explained = "u.registry_version, u.era, u.rule, u.score, u.runner_up, u.margin, u.path, u.evidence, u.decision_id, " if entity.has_unit else ""
    execute(
        sql.SQL(
            "create view {} as select d.*, split_part(d.source, '.', 1) as source_system, {}"
            " b.run_id, b.part as landing_part, b.part_sha, v.code_version, v.mapping_sha"
            " from {} d {} join ledger.batch b using (batch_id) join ledger.version v on v.version_id = b.version_id"
        ).format(view, sql.SQL(explained), table, unit)
    )


def column_list(entity: Entity) -> sql.Composable:
    def one(column: TableColumn) -> sql.Composable:
        collate = sql.SQL(' collate "C"') if column.name in _KEYS else sql.SQL("")
        needed = sql.SQL(" not null") if column.name in PROVENANCE else sql.SQL("")
        return sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.pg_type)) + collate + needed

    return sql.SQL(", ").join(one(c) for c in unified_columns(entity))


def identifiers(names: list[str] | tuple[str, ...]) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(n) for n in names)
