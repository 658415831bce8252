"""Every table of an opened source: shape, sample, plan, scan, references. A table that cannot be read does not end it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hopnhat.assess.guess import guess_table
from hopnhat.assess.model import Orphans, TableFacts
from hopnhat.assess.plans import declared_plan
from hopnhat.assess.references import orphans, reference_columns
from hopnhat.assess.sample import Sample, readable_columns, take_sample
from hopnhat.assess.scan import Opened, Surroundings, rows_per_range, scan
from hopnhat.assess.unreadable import UnreadableError, unreadable
from hopnhat.extract.contract import ROW, Source, TableShape
from hopnhat.model.errors import HopNhatError
from mappings.spec import Domain, System, Table
from mappings.units.registry import Registry
from transforms.units import Scope

_MOST_TABLES = 500
_COUNTED_TABLES = 40
_MOST_COLUMNS = 2_048


@dataclass(frozen=True)
class Inspection:
    tables: tuple[TableFacts, ...]
    samples: dict[str, Sample]
    orphans: tuple[Orphans, ...]
    snapshot: str
    first_error: HopNhatError | None
    notes: tuple[str, ...] = ()


class _Failures:
    """Tables that could not be read, with the reason in words."""

    def __init__(self) -> None:
        self.first: HopNhatError | None = None
        self.tables: dict[str, TableFacts] = {}

    def add(self, table: str, error: HopNhatError) -> None:
        if "ends before its header row" in error.problem:  # the empty sheets that every new workbook has
            self.tables[table] = TableFacts(table, None, 0, 0)
            return
        self.first = self.first or error
        self.tables[table] = TableFacts(table, None, 0, 0, error=str(unreadable(error, table)))


def inspect(
    source: Source, system: System | None, domain: Domain, registry: Registry, now: datetime, max_rows: int | None, say: Callable[[str], None]
) -> Inspection:  # fmt: skip
    """Raises the source's errors only when nothing at all can be read."""
    around = Surroundings(
        domain, registry, now.replace(tzinfo=None), _scope(system), system.units_as_of.isoformat() if system else "2025-06-30", max_rows
    )
    specs = {table.name: table for table in system.tables} if system else {}
    everything = source.tables()
    existing = everything[:_MOST_TABLES] if system is None else everything
    failures = _Failures()
    for name in specs:
        if name not in existing:
            failures.tables[name] = TableFacts(name, None, 0, 0, error="gone")
    shapes = _shapes(source, existing if system is None else [name for name in existing if name in specs], failures)
    opened = _opened(source, shapes, specs, system, around, failures)
    facts = _scanned(source, opened, around, failures, say)
    found = tuple(orphans(source, [table for table in opened if table.name in facts], domain))
    for table in opened:
        for key in [*table.keys, *table.fks.values(), *([table.same] if table.same else [])]:
            key.spool.close()
    tables = (*facts.values(), *failures.tables.values())
    return Inspection(
        tuple(tables),
        {table.name: table.sample for table in opened},
        found,
        source.snapshot(),
        failures.first,
        tuple(_notes(source, everything, specs)),
    )


def _notes(source: Source, everything: Sequence[str], specs: dict[str, Table]) -> Iterator[str]:
    """Tables that are there and were not looked at: never left out without a word."""
    if not specs and len(everything) > _MOST_TABLES:
        yield f"Nguồn có {len(everything)} bảng, chỉ khảo sát {_MOST_TABLES} bảng đầu."
    others = [name for name in everything if name not in specs] if specs else []
    if others:
        counted = []
        for name in others[:_COUNTED_TABLES]:
            try:
                counted.append(f"{name} ({source.count(name)} dòng)")
            except HopNhatError:
                counted.append(f"{name} (không đếm được)")
        more = f" và {len(others) - _COUNTED_TABLES} bảng nữa" if len(others) > _COUNTED_TABLES else ""
        yield f"{len(others)} bảng ở nguồn không có trong tệp ánh xạ: {', '.join(counted)}{more}."


def _scope(system: System | None) -> Scope:
    return Scope(provinces=tuple(system.provinces)) if system else Scope()


def _shapes(source: Source, names: Sequence[str], failures: _Failures) -> dict[str, TableShape]:
    shapes = {}
    for name in names:
        try:
            shapes[name] = source.shape(name)
        except HopNhatError as error:
            failures.add(name, error)
    return shapes


def _opened(
    source: Source, shapes: dict[str, TableShape], specs: dict[str, Table], system: System | None, around: Surroundings, failures: _Failures
) -> list[Opened]:  # fmt: skip
    opened = []
    for name, shape in shapes.items():
        try:
            table = _open(source, name, shape, specs.get(name), system, around)
        except HopNhatError as error:
            failures.add(name, error)
            continue
        opened.append(table)
    for table in opened:
        table.references = tuple(c for c in reference_columns(table.name, table.plan, shapes) if c in table.sample.columns)
    return opened


def _open(source: Source, name: str, shape: TableShape, spec: Table | None, system: System | None, around: Surroundings) -> Opened:
    if len(shape.columns) > _MOST_COLUMNS:
        raise UnreadableError(
            f"{name}: {len(shape.columns)} cột, nhiều hơn {_MOST_COLUMNS}",
            hint="sai dấu phân cách, hoặc bảng bị xoay ngang: xin bản xuất khác",
        )
    existing = {column.name for column in shape.columns}
    wanted = tuple(spec.key) if spec is not None else tuple(shape.primary_key)
    key = tuple(part for part in wanted if part != ROW) if set(wanted) - {ROW} <= existing else tuple(shape.primary_key)
    ranges = source.ranges(name, key, rows_per_range(source, len(readable_columns(shape)), key))
    sample = take_sample(source, name, shape, key, ranges)
    if spec is not None and system is not None:
        plan = declared_plan(system, spec, around.domain, sample)
    else:
        plan = guess_table(name, shape, sample, around.domain, around.registry)
    return Opened(name, shape, key, ranges, sample, plan, spec)


def _scanned(
    source: Source, opened: Sequence[Opened], around: Surroundings, failures: _Failures, say: Callable[[str], None]
) -> dict[str, TableFacts]:
    facts = {}
    for table in opened:
        say(f"{table.name}: {len(table.ranges)} parts")
        try:
            found = scan(source, table, around)
        except HopNhatError as error:
            failures.add(table.name, error)
            continue
        facts[table.name] = _compared(found, table)
    return facts


def _compared(found: TableFacts, table: Opened) -> TableFacts:
    """With the columns that the mapping and the source do not share."""
    if table.spec is None:
        return found
    seen = [column.name for column in table.shape.columns]
    wanted = [*table.spec.used_columns(), *table.spec.ignored]
    gone = tuple(name for name in wanted if name not in seen and name != ROW)
    return replace(found, new_columns=tuple(name for name in seen if name not in wanted), gone_columns=gone)
