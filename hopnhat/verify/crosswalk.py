"""Expected new units by joining the registry in SQL, and the connected components of the old–new graph (F24).

Independent of the resolver: only a commune code valid on the source's own day is followed, event by event, to the
units of the run's day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache

import duckdb
import pyarrow as pa

from mappings.units.registry import load_registry
from mappings.units.timeline import Event, Instance

_SUCCESSORS = """
create table successor as
with recursive chain(code, cur, cur_from, carries, day) as (
    select code, code, valid_from, 'both', $as_of
    from instance where level = 'commune' and valid_from <= $as_of and (valid_to = '' or $as_of < valid_to)
    union
    select c.code, e.code_after, e.valid_from_after, case c.carries when 'both' then e.carries else c.carries end, e.effective_date
    from chain c join event e on e.code_before = c.cur and e.valid_from_before = c.cur_from
    where e.effective_date > c.day and e.effective_date <= $until and e.code_after <> ''
)
select distinct c.code, c.cur as new_code, c.carries
from chain c join instance i on i.code = c.cur and i.valid_from = c.cur_from
where i.level = 'commune' and i.valid_from <= $until and (i.valid_to = '' or $until < i.valid_to)
"""

# One row per code that the source may speak. `reform` splits the eras: a unit that lives on after it has no old code.
_COMMUNES = """
create table commune as
select i.code, fold_unit(i.name) as name,
       case when i.valid_to <> '' and i.valid_to <= '2025-07-01' then i.code end as old_code,
       exists (select 1 from instance j where j.code = i.code and j.valid_from <= $until and (j.valid_to = '' or $until < j.valid_to)
               and j.name <> i.name) as reused,
       list_sort(list(distinct s.new_code) filter (where $carries = 'both' or s.carries in ('both', $carries))) as wanted,
       list_sort(list(distinct s.new_code) filter (where s.new_code is not null)) as every
from instance i left join successor s on s.code = i.code
where i.level = 'commune' and i.valid_from <= $as_of and (i.valid_to = '' or $as_of < i.valid_to)
group by all
"""

# Names are compared to find contradictions only, never to place a row.
FOLD_UNIT = """
create macro fold_unit(name) as regexp_replace(
    strip_accents(lower(trim(name))), '^(phuong|xa|thi tran|đac khu|p\\.|x\\.|tt\\.?)\\s*', '')
"""


def load_crosswalk(db: duckdb.DuckDBPyConnection, *, version: str, as_of: date, until: date, carries: str) -> None:
    """Create `commune` (code → candidates) and `component` for a source that speaks the units of `as_of`."""
    communes, components = crosswalk(version, as_of, until, carries)
    db.execute(FOLD_UNIT)
    for name, frame in (("commune", communes), ("component", components)):
        db.register(f"{name}_frame", frame)
        db.execute(f"create table {name} as select * from {name}_frame")
        db.unregister(f"{name}_frame")


@lru_cache(maxsize=8)
def crosswalk(version: str, as_of: date, until: date, carries: str) -> tuple[pa.Table, pa.Table]:
    """The same for every source of a system: worked out once per process."""
    days = {"as_of": as_of.isoformat(), "until": until.isoformat()}
    registry = load_registry(version)
    with duckdb.connect() as db:
        db.execute("set threads = 1")
        db.execute(FOLD_UNIT)
        db.register("instance", _frame(registry.instances))
        db.register("event", _frame(registry.events))
        db.execute(_SUCCESSORS, days)
        db.execute(_COMMUNES, {**days, "carries": carries})
        communes = db.sql("select * from commune").to_arrow_table()
        pairs = db.execute("select code, new_code from successor").fetchall()
    components = sorted((*node, label) for node, label in components_of(pairs).items())
    columns = list(zip(*components, strict=True)) or [(), (), ()]
    return communes, pa.table([pa.array(c, pa.string()) for c in columns], names=["side", "code", "component"])


def _frame(rows: Sequence[Instance] | Sequence[Event]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table({name: pa.array(values, pa.string()) for name, values in zip(rows[0]._fields, columns, strict=True)})


def components_of(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Label every old and new code with its connected component, named by the smallest old code in it.

    >>> components_of([("1", "A"), ("2", "A"), ("3", "B")])[("new", "A")]
    '1'
    """
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for old, new in pairs:
        parent[root(("old", old))] = root(("new", new))
    smallest: dict[tuple[str, str], str] = {}
    for side, code in parent:
        if side == "old":
            top = root((side, code))
            smallest[top] = min(code, smallest.get(top, code))
    return {node: smallest[root(node)] for node in parent}
