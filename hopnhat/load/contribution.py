"""What one source brings to a run."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg2 import sql

from hopnhat.load.schema import STAGING_SCHEMA, relation_name
from mappings.spec import Entity


@dataclass(frozen=True)
class Contribution:
    """One source of the run: where it is staged, whether it is its first load, and the source of its parent rows."""

    source: str
    table: str
    key: tuple[str, ...]
    entity_name: str
    entity: Entity
    first: bool
    parent: Contribution | None = None

    def staging(self) -> sql.Composable:
        return sql.Identifier(STAGING_SCHEMA, relation_name(self.source))

    def unified(self) -> sql.Composable:
        return sql.Identifier("unified", self.entity_name)

    def unit_of(self, alias: str) -> sql.Composable:
        """SQL for the ledger's old unit of a staged row."""
        if not self.entity.has_unit:
            return sql.SQL("'-'")
        return sql.SQL("coalesce({}.old_commune_code, '?')").format(sql.Identifier(alias))
