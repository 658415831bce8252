"""The landing side of the proof: parts found unaltered, and their rows as keys and numbers in DuckDB."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class LandedSide:
    """One source's parts as landed. `altered`: numbers of parts that are gone or changed; then nothing was loaded."""

    source: str
    parts: tuple[NamedPart, ...]
    altered: tuple[int, ...]
    db: duckdb.DuckDBPyConnection
    cells: Cells
    scratch: tempfile.TemporaryDirectory[str]

    def __enter__(self) -> LandedSide:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.db.close()
        self.scratch.cleanup()


def read_side(system: System, table: Table, entity: Entity, parts: Sequence[NamedPart], landing_root: str) -> LandedSide:
    """Check the parts and, when they are sound, fill table l and view lf of a DuckDB of their own."""
    scratch = tempfile.TemporaryDirectory(prefix="hopnhat-verify-")
    side = LandedSide(system.source_id(table), tuple(parts), (), _database(scratch.name), Cells(), scratch)
    try:
        checked = check_parts(landing_root, parts, Path(scratch.name))
        if checked.altered:
            return LandedSide(side.source, side.parts, checked.altered, side.db, side.cells, scratch)
        if checked.files:
            _load_landed(side, table, shape_of(table, entity), checked.files)
    except BaseException:
        side.close()
        raise
    return side


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


def _load_landed(side: LandedSide, table: Table, shape: Shape, files: Sequence[str]) -> None:
    """Table lf: a row per landed row, its key as text, its cells as numbers, and the number of its filter rule."""
    db, cells = side.db, side.cells
    named, key = cells_read(table, shape), table.key
    coded = {column for name, column in named.items() if name != "d"} - {*key, named.get("d"), ROW}
    db.execute(f"create table l (k varchar{''.join(f', {name} integer' for name in named)})")
    for file in files:
        part = pq.read_table(file, columns=list(dict.fromkeys([*key, *named.values()])), read_dictionary=sorted(coded)).combine_chunks()
        plain = plain_text(part[key[0]]) if len(key) == 1 and key[0] != ROW else None
        numbers = {name: cells.numbered(name, _cell(name, part[column])) for name, column in named.items()}
        keys = {column: part[column] if plain is None else plain for column in key}
        db.register("part", pa.table({**{f"key {name}": values for name, values in keys.items()}, **numbers}))
        spelled = quoted(f"key {key[0]}") if plain is not None else key_expression([f"key {name}" for name in key], rows=f"key {ROW}")
        db.execute(f"insert into l select {', '.join([spelled, *numbers])} from part")
        db.unregister("part")
    for name, text in cell_texts(table, shape, transports(files[0])).items():
        cells.write(db, name, text)
    rules = [name for name in named if name.startswith("f")]
    joins = " ".join(f"join cell_{name} {name} on {name}.code = l.{name}" for name in rules)
    kept = ", ".join(f"l.{name}" for name in ("k", *named) if name not in rules)
    db.execute(f"create view lf as select {kept}, {filter_rule(table, shape)} as f from l {joins}")


def _cell(name: str, column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return day_part(whole) if name == "d" else whole
