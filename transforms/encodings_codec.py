"""Bytes of a legacy encoding ↔ Unicode, whole columns at a time, with the proof that nothing was lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from transforms.encodings_tables import (
    UNDEFINED,
    Bytes,
    ByteTable,
    Mask,
    Offsets,
    Points,
    buffers,
    byte_table,
    code_points,
    from_buffers,
    latin1_only,
    misread_bytes,
    moved,
    to_strings,
    values_at,
)


@dataclass(frozen=True, eq=False)
class Decoded:
    """`text` as long as the input. `undefined`: a byte means nothing there. `altered`: re-encoding gives other bytes.

    Where a mask is true the text of that value must not be used.
    """

    text: pa.Array
    undefined: Mask
    altered: Mask


@dataclass(frozen=True, eq=False)
class Encoded:
    """`data` as long as the input; `impossible`: the encoding cannot write that value."""

    data: pa.Array
    impossible: Mask


def _pair_starts(data: Bytes, offsets: Offsets, table: ByteTable) -> Offsets:
    """Positions where a two-byte letter starts; never across the border of two values."""
    if len(data) < 2 or not table.seconds.any():
        return np.zeros(0, dtype=np.int64)
    second = table.seconds[data]
    inner = offsets[(offsets > 0) & (offsets < len(data))]
    second[inner] = False
    start = np.flatnonzero(second[1:])
    units = data[start].astype(np.uint16) << 8 | data[start + 1]
    return start[table.pairs[units] != 0]


def decode_bytes(values: pa.Array, encoding: str) -> Decoded:
    """Decode a binary array without nulls by the table of `encoding` (longest unit first).

    >>> decode_bytes(pa.array([b"Nguye\\xe3n"], pa.binary()), "vni").text[0].as_py()
    'Nguyễn'
    """
    data, offsets = buffers(values)
    table = byte_table(encoding)
    points, units = table.singles[data], data.astype(np.uint16)
    starts = _pair_starts(data, offsets, table)
    if len(starts):
        units[starts] = units[starts] << 8 | data[starts + 1]
        points[starts] = table.pairs[units[starts]]
        keep = np.ones(len(data), dtype=bool)
        keep[starts + 1] = False
        points, units, offsets = points[keep], units[keep], moved(offsets, keep.view(np.uint8))
    undefined = values_at(np.flatnonzero(points == UNDEFINED), offsets)
    altered = values_at(np.flatnonzero(table.units[points] != units), offsets) & ~undefined
    points[points == UNDEFINED] = 0xFFFD
    return Decoded(to_strings(points, offsets), undefined, altered)


def encode_text(values: pa.Array, encoding: str) -> Encoded:
    """Write a string array without nulls in a legacy encoding; the inverse of `decode_bytes`."""
    points, offsets = code_points(values)
    units: Points = byte_table(encoding).units[points]
    impossible = values_at(np.flatnonzero(units == UNDEFINED), offsets)
    units[units == UNDEFINED] = ord("?")
    double = units > 0xFF
    widths = double.view(np.uint8) + np.uint8(1)
    last = np.cumsum(widths, dtype=np.int64) - 1
    data = np.empty(int(widths.sum()), dtype=np.uint8)
    data[last] = units & 0xFF
    data[last[double] - 1] = units[double] >> 8
    return Encoded(from_buffers(data.tobytes(), moved(offsets, widths), pa.binary()), impossible)


def undo_misreading(values: pa.Array, encoding: str, *, page: str = "cp1252") -> Encoded:
    """Characters back to the bytes a driver had read as `page` (or Latin-1) before it stored them as UTF-8.

    `impossible`: the value holds a character that is no misread byte, or characters of both readings, which no single
    misreading gives; so it is Unicode already or damaged.
    """
    points, offsets = code_points(values)
    units = misread_bytes(encoding, page)[points]
    impossible = values_at(np.flatnonzero(units == UNDEFINED), offsets)
    only_1252 = values_at(np.flatnonzero((points > 0xFF) & (units < 0xA0)), offsets)
    only_latin1 = values_at(np.flatnonzero(latin1_only(page)[points]), offsets)
    impossible |= only_1252 & only_latin1
    return Encoded(from_buffers((units & 0xFF).astype(np.uint8).tobytes(), offsets, pa.binary()), impossible)
