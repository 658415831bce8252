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
        coded = column.dictionary_encode(null_encoding="encode")
        known = self._known.get(name, pa.array([], column.type))
        at = pc.index_in(coded.dictionary, value_set=known)
        new = coded.dictionary.filter(at.is_null())
        if len(new):
            self._known[name] = pa.concat_arrays([known, new])
            at = pc.index_in(coded.dictionary, value_set=self._known[name])
        return at.take(coded.indices)

    def write(self, db: duckdb.DuckDBPyConnection, name: str, text: str) -> None:
        """Create cell_<name>; `text` is the SQL that reads the column `raw`."""
        values = self._known.get(name, pa.array([], pa.binary()))
        db.register("cell_frame", pa.table({"code": pa.array(np.arange(len(values), dtype=np.int32)), "raw": values}))
        db.execute(f"create table cell_{name} as select code, {text} as v from cell_frame")
        db.unregister("cell_frame")


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


def is_plain(column: pa.ChunkedArray) -> bool:
    """Text of a key that needs no respelling: UTF-8 without NUL and without padding at its end."""
    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return not pc.any(pc.or_(pc.match_substring(text, "\x00"), pc.ends_with(text, " "))).as_py()
