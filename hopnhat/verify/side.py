"""The landing side of the proof: parts found unaltered, and their rows as keys and numbers in DuckDB."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from hopnhat.verify.cells import Cells, day_part, plain_text
from hopnhat.verify.landed import ROW, Shape, backslashed, cell_texts, cells_read, filter_rule, key_expression, quoted, shape_of
from hopnhat.verify.parts import NamedPart, check_parts, transports
from mappings.spec import Entity, System, Table

MEMORY = "220MB"
"""What DuckDB may hold before it goes to disk: with it the proof stays below a loading worker, whatever the rows."""


class LandedSide:
    """One source's parts as landed, as keys and numbers in a DuckDB of their own; read part by part, also while others are
    still being landed. `altered`: numbers of parts that are gone or changed; what else was read is then of no use."""

    def __init__(self, system: System, table: Table, entity: Entity, landing_root: str) -> None:
        self.source, self.cells = system.source_id(table), Cells()
        self.altered: tuple[int, ...] = ()
        self._table, self._shape, self._root = table, shape_of(table, entity), landing_root
        self._scratch = tempfile.TemporaryDirectory(prefix="hopnhat-verify-")
        self._parts: dict[int, NamedPart] = {}
        self._transports: dict[str, str] = {}
        self.db = _database(self._scratch.name)
        named = cells_read(table, self._shape)
        self.db.execute(f"create table l (k varchar{''.join(f', {name} integer' for name in named)})")

    @property
    def parts(self) -> tuple[NamedPart, ...]:
        """Those read, by number."""
        return tuple(self._parts[number] for number in sorted(self._parts))

    def read(self, parts: Sequence[NamedPart]) -> None:
        """Check the parts that were not read yet and, while all are sound, add their rows to table l."""
        new = [part for part in parts if part.number not in self._parts]
        checked = check_parts(self._root, new, Path(self._scratch.name))
        self.altered += checked.altered
        for file in checked.files if not self.altered else ():
            _load_part(self.db, self.cells, self._table, self._shape, file)
            self._transports = self._transports or transports(file)
        self._parts |= {part.number: part for part in new}

    def complete(self) -> None:
        """Every part is read: make table cell_<name> of each cell's texts, and view lf, l with the number of the filter rule."""
        if not self._parts or self.altered:
            return
        named = cells_read(self._table, self._shape)
        for name, text in cell_texts(self._table, self._shape, self._transports).items():
            self.cells.write(self.db, name, text)
        rules = [name for name in named if name.startswith("f")]
        joins = " ".join(f"join cell_{name} {name} on {name}.code = l.{name}" for name in rules)
        kept = ", ".join(f"l.{name}" for name in ("k", *named) if name not in rules)
        self.db.execute(f"create view lf as select {kept}, {filter_rule(self._table, self._shape)} as f from l {joins}")

    def __enter__(self) -> LandedSide:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.db.close()
        self._scratch.cleanup()


def _database(scratch: str) -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    db.execute(f"set memory_limit = '{MEMORY}'")
    for threshold in ("allocator_flush_threshold", "allocator_bulk_deallocation_flush_threshold"):
        db.execute(f"set {threshold} = '16MB'")  # freed memory goes back at once: the limit is then also what is seen from outside
    db.execute(f"set temp_directory = '{scratch}/spill'")
    db.execute(f"set threads = {max(1, len(os.sched_getaffinity(0)) // 2)}")  # the target works beside it
    db.execute("set preserve_insertion_order = false")
    db.create_function("backslashed", backslashed, ["BLOB"], "VARCHAR", null_handling="special")  # type: ignore[call-overload]
    return db


def _load_part(db: duckdb.DuckDBPyConnection, cells: Cells, table: Table, shape: Shape, file: str) -> None:
    """Into table l: a row per landed row, its key as text, its cells as numbers."""
    named, key = cells_read(table, shape), table.key
    coded = {column for name, column in named.items() if name != "d"} - {*key, named.get("d"), ROW}
    part = pq.read_table(file, columns=list(dict.fromkeys([*key, *named.values()])), read_dictionary=sorted(coded)).combine_chunks()
    plain = plain_text(part[key[0]]) if len(key) == 1 and key[0] != ROW else None
    numbers = {name: cells.numbered(name, _cell(name, part[column])) for name, column in named.items()}
    keys = {column: part[column] if plain is None else plain for column in key}
    db.register("part", pa.table({**{f"key {name}": values for name, values in keys.items()}, **numbers}))
    spelled = quoted(f"key {key[0]}") if plain is not None else key_expression([f"key {name}" for name in key], rows=f"key {ROW}")
    db.execute(f"insert into l select {', '.join([spelled, *numbers])} from part")
    db.unregister("part")


def _cell(name: str, column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return day_part(whole) if name == "d" else whole
