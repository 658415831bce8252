"""Which rows point to a row that is not there: between mapped tables, and between tables that share a key's name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hopnhat.assess.keys import KeyTally
from hopnhat.assess.model import Orphans, TablePlan
from hopnhat.assess.naming import folded
from hopnhat.assess.scan import Opened, orphan_keys
from hopnhat.extract.contract import Source, TableShape
from mappings.spec import Domain

_GENERIC = {"id", "ma", "code", "stt", "key", "uuid"}
_SHOWN = 5


def reference_columns(name: str, plan: TablePlan, shapes: Mapping[str, TableShape]) -> tuple[str, ...]:
    """Columns of a table that should hold another table's keys."""
    found = [column for column, role in plan.roles.items() if role.kind == "parent_key" and role.sure]
    own = {folded(column) for column in shapes[name].primary_key}
    for other, shape in shapes.items():
        if other == name or len(shape.primary_key) != 1:
            continue
        key = folded(shape.primary_key[0])
        if key not in _GENERIC and key not in own:
            found += [column.name for column in shapes[name].columns if folded(column.name) == key]
    return tuple(dict.fromkeys(found))


def orphans(source: Source, tables: Sequence[Opened], domain: Domain) -> Iterator[Orphans]:
    """One finding per reference that could be checked, with no orphans as well: it was looked at."""
    for child in tables:
        for column, fk in child.fks.items():
            best: tuple[int, Orphans] | None = None
            for parent, key in _targets(child, column, tables, domain):
                lost, wanted = fk.spool.absent_from(key.spool, _SHOWN)
                if best is None or lost < best[0]:
                    keys = orphan_keys(source, child, column, wanted)
                    best = lost, Orphans(child.name, column, parent.name, key.columns[0], fk.rows - fk.missing, lost, keys)
            # A guessed reference of which no row is found was none.
            if best is not None and (child.plan.declared or best[0] < max(1, best[1].rows)):
                yield best[1]


def _targets(child: Opened, column: str, tables: Sequence[Opened], domain: Domain) -> Iterator[tuple[Opened, KeyTally]]:
    role = child.plan.roles.get(column)
    owner = domain.entities[child.plan.entity].parent if child.plan.entity in domain.entities else None
    for parent in tables:
        if parent is child:
            continue
        is_parent = role is not None and role.kind == "parent_key" and owner is not None and parent.plan.entity == owner
        for key in parent.keys:
            if len(key.columns) != 1:
                continue
            if child.plan.declared and is_parent:
                if key.columns == parent.plan.key:
                    yield parent, key
            elif is_parent or folded(key.columns[0]) == folded(column):
                yield parent, key
