"""Compared columns as numbers: each distinct raw value is kept once, and read once, however many rows have it.

A million rows of eight columns then join and group as integers; text comes back only where groups are formed. The
table `cell_<name>` (code, v) says what a number stands for.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_DAY = 10
_ZONED = 19


class Cells:
    """The distinct values met so far, by column name; a value's number is its place."""

    def __init__(self) -> None:
        self._known: dict[str, pa.Array] = {}

    def numbered(self, name: str, column: pa.Array) -> pa.Array:
        """int32 per row; NULL is a value of its own."""
        values, numbers = _coded(column)
        known = self._known.get(name, pa.array([], values.type))
        at = pc.index_in(values, value_set=known)
        new = values.filter(at.is_null())
        if len(new):
            self._known[name] = pa.concat_arrays([known, new])
            at = pc.index_in(values, value_set=self._known[name])
        return at.take(numbers)

    def write(self, db: duckdb.DuckDBPyConnection, name: str, text: str) -> None:
        """Create cell_<name>; `text` is the SQL that reads the column `raw`."""
        values = self._known.get(name, pa.array([], pa.binary()))
        db.register("cell_frame", pa.table({"code": pa.array(np.arange(len(values), dtype=np.int32)), "raw": values}))
        db.execute(f"create table cell_{name} as select code, {text} as v from cell_frame")
        db.unregister("cell_frame")


def _coded(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    """(values, number of each row's value); NULL is a value. A column that comes as a dictionary is not searched again."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode(null_encoding="encode")
    if not column.indices.null_count:
        return column.dictionary, column.indices
    values = pa.concat_arrays([column.dictionary, pa.nulls(1, column.dictionary.type)])
    return values, pc.fill_null(column.indices, len(values) - 1)


def day_part(column: pa.Array) -> pa.Array:
    """The first ten characters of a raw timestamp: a few thousand values instead of one for every second. One that is
    longer than a plain timestamp, and so may name a zone, stays whole; so does a column that is not all text."""
    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        return column
    cut = pc.utf8_slice_codeunits(text, 0, _DAY)
    longer = pc.greater(pc.binary_length(text), _ZONED)
    return (pc.if_else(longer, text, cut) if pc.any(longer).as_py() else cut).cast(pa.binary())


def plain_text(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """A key column as text when no value needs respelling: UTF-8 without NUL and without spaces (padding); else None."""
    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        return None
    bodies = [bytes(chunk.buffers()[2] or b"") for chunk in text.chunks]
    return None if any(b"\x00" in body or b" " in body for body in bodies) else text
