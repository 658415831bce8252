"""One pass over a table, range by range, feeding every tally: memory is bounded by the range."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopnhat.assess.eras import UnitTally
from hopnhat.assess.filters import kept_rows
from hopnhat.assess.keys import KeyTally, key_candidates, keys_of
from hopnhat.assess.masking import shown_key
from hopnhat.assess.model import Activity, ColumnFacts, TableFacts, TablePlan
from hopnhat.assess.sample import Sample, is_lob
from hopnhat.assess.tally import ColumnTally
from hopnhat.extract.contract import ROW, KeyRange, Source, TableShape
from mappings.spec import Domain, Table
from mappings.units.registry import Registry
from transforms.fingerprints import fingerprint, source_keys
from transforms.units import Scope

_MOST_CELLS = 1_000_000
_WITHOUT_KEY = 4


@dataclass(frozen=True)
class Surroundings:
    """What every table is judged with."""

    domain: Domain
    registry: Registry
    today: datetime
    scope: Scope = field(default_factory=Scope)
    as_of: str = ""
    max_rows: int | None = None


@dataclass
class Opened:
    """A table before its scan."""

    name: str
    shape: TableShape
    read_key: tuple[str, ...]
    ranges: list[KeyRange]
    sample: Sample
    plan: TablePlan
    spec: Table | None = None
    references: tuple[str, ...] = ()
    filtered: int = 0
    same: KeyTally | None = None
    keys: list[KeyTally] = field(default_factory=list)
    fks: dict[str, KeyTally] = field(default_factory=dict)


def rows_per_range(source: Source, columns: int, key: Sequence[str]) -> int:
    """About a million cells at a time; a server's table without a key may cost a whole scan per range: larger ones."""
    rows = max(2_000, min(50_000, _MOST_CELLS // max(1, columns)))
    return rows * _WITHOUT_KEY if not key and hasattr(getattr(source, "inner", source), "boundary") else rows


def scan(source: Source, table: Opened, around: Surroundings) -> TableFacts:
    """Count everything about one table. Raises the source's errors."""
    plan, names = table.plan, list(table.sample.columns)
    entity = around.domain.entities.get(plan.entity or "")
    tallies = {name: ColumnTally(table.sample.columns[name], role := plan.roles.get(name), entity.columns.get(role.name) if entity and role else None, around.today)
               for name in names}  # fmt: skip
    table.keys = [KeyTally(key, origin) for key, origin in key_candidates(table.shape, table.sample, plan).items()]
    table.fks = {name: KeyTally((name,), "reference") for name in table.references}
    table.same = KeyTally(("whole row",), "row")
    units = _unit_tally(table)
    counted, seconds = 0, 0.0
    for number, key_range in enumerate(table.ranges):
        began = time.perf_counter()
        frame = source.read(table.name, table.read_key, key_range, names).combine_chunks()
        seconds += time.perf_counter() - began
        kept = kept_rows(frame, table.spec, {name: column.transport for name, column in table.sample.columns.items()})
        table.filtered += int((~kept).sum())
        _feed(frame if kept.all() else frame.filter(pa.array(kept)), number, counted, table, tallies, units)
        counted += frame.num_rows
        if around.max_rows and counted >= around.max_rows:
            break
    return _facts(source, table, around, tallies, units, counted, seconds)


def _feed(frame: pa.Table, number: int, before: int, table: Opened, tallies: dict[str, ColumnTally], units: UnitTally | None) -> None:
    shown = [name for name in table.plan.key if name in frame.column_names]

    def keys(rows: npt.NDArray[np.int64]) -> list[str]:
        if not shown:
            return [f"dòng {before + int(row) + 1}" for row in rows]
        if shown == [ROW]:
            return [f"dòng {row}" for row in frame[ROW].take(pa.array(rows)).to_pylist()]
        return [shown_key(key or "") for key in source_keys(frame.take(pa.array(rows)), shown).to_pylist()]

    for name, tally in tallies.items():
        tally.add(_one(frame[name]), keys)
    for key in [*table.keys, *table.fks.values()]:
        key.add(frame, number)
    if table.same is not None and frame.num_rows:
        hashes = fingerprint(frame, list(tallies)).to_numpy().view(np.uint64)
        table.same.spool.add(hashes, number)
    if units is not None and frame.num_rows:
        units.add(frame, keys)


def _one(column: pa.ChunkedArray) -> pa.Array:
    return (
        column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.binary())
    )


def _unit_tally(table: Opened) -> UnitTally | None:
    plan, columns = table.plan, table.sample.columns
    inputs = {name: column for name, column in plan.unit.items() if column in columns}
    if not inputs:
        return None
    dates = {role.name: (name, role) for name, role in plan.roles.items() if role.kind == "timestamp" and role.formats and name in columns}
    dated = next((dates[name] for name in ("received_at", "submitted_at", *sorted(dates)) if name in dates), None)
    wanted = [*inputs.values(), *([dated[0]] if dated else [])]
    encodings = {name: plan.roles[name].encoding if name in plan.roles else columns[name].encoding for name in wanted}
    return UnitTally(inputs, encodings, {name: columns[name].transport for name in wanted}, dated)


def _facts(
    source: Source, table: Opened, around: Surroundings, tallies: dict[str, ColumnTally], units: UnitTally | None, counted: int, seconds: float
) -> TableFacts:  # fmt: skip
    whole = counted if not around.max_rows or counted < around.max_rows else max(counted, source.count(table.name))
    columns = tuple(_column(table, name, tallies) for name in [column.name for column in table.shape.columns])
    distinct, _, _ = table.same.spool.repeated(0) if table.same is not None else (counted, 0, [])
    return TableFacts(
        table.name, table.plan, whole, counted, columns,
        tuple(key.facts(source, table.name, table.read_key, table.ranges) for key in table.keys), table.shape.primary_key,
        counted - table.filtered - distinct, table.filtered, _activity(table, tallies),
        units.facts(around.registry, around.scope, table.plan.carries, around.as_of) if units is not None else None, None, seconds,
    )  # fmt: skip


def _column(table: Opened, name: str, tallies: dict[str, ColumnTally]) -> ColumnFacts:
    if name in tallies:
        return tallies[name].facts()
    declared = next(column.declared_type for column in table.shape.columns if column.name == name)
    return ColumnFacts(name, declared, 0, 0, 0, 0, None, "", None, (), None, read=not is_lob(declared))


def _activity(table: Opened, tallies: dict[str, ColumnTally]) -> Activity | None:
    """By the watermark, else by the busiest date column."""
    named = [table.plan.watermark] if table.plan.watermark else []
    order = ("received_at", "acted_at", "created_at", "submitted_at")
    roles = {role.name: name for name, role in table.plan.roles.items()}
    for name in [*named, *(roles[wanted] for wanted in order if wanted in roles)]:
        if name in tallies and (found := tallies[name].activity()) is not None:
            return found
    return None


def orphan_keys(source: Source, child: Opened, column: str, wanted: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    shown = [name for name in child.plan.key if name != ROW] or [column]
    return keys_of(source, child.name, child.read_key, child.ranges, [column], wanted, shown)
