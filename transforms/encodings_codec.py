"""Bytes of a legacy encoding ↔ Unicode, whole columns at a time, with the proof that nothing was lost."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from transforms.encodings_tables import (
    MEANINGLESS,
    NOT_THE_SAME,
    UNDEFINED,
    WIDTH,
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
    misread_plainly,
    moved,
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


def _pair_ends(data: Bytes, raw: bytes, offsets: Offsets, table: ByteTable) -> Offsets:
    """Positions where a two-byte letter ends; never across the border of two values."""
    if len(data) < 2 or not table.seconds.any():
        return np.zeros(0, dtype=np.int64)
    second = _looked_up(raw, table.seconds.tobytes()).view(np.bool_)
    second[offsets[offsets < len(data)]] = False
    ends = np.flatnonzero(second)
    return ends[table.pairs[_units_ending(data, ends)] != 0]


def _units_ending(data: Bytes, ends: Offsets) -> Points:
    return np.asarray(data[ends - 1].astype(np.uint16) << 8 | data[ends], dtype=np.uint16)


def _looked_up(raw: bytes, table: bytes) -> Bytes:
    """One byte for each: `bytes.translate` is several times faster than indexing."""
    return np.frombuffer(bytearray(raw.translate(table)), dtype=np.uint8)


def decode_bytes(values: pa.Array, encoding: str) -> Decoded:
    """Decode a binary array without nulls by the table of `encoding` (longest unit first).

    >>> decode_bytes(pa.array([b"Nguye\\xe3n"], pa.binary()), "vni").text[0].as_py()
    'Nguyễn'
    """
    data, offsets = buffers(values)
    raw, table = data.tobytes(), byte_table(encoding)
    ends = _pair_ends(data, raw, offsets, table)
    traits = _looked_up(raw, table.single_traits)
    if len(ends):
        units = _units_ending(data, ends)
        traits[ends], traits[ends - 1] = 0, table.pair_traits[units]
    faulty = bool(traits.size and traits.max() > WIDTH)
    undefined = altered = np.zeros(len(values), dtype=bool)
    if faulty:
        undefined = values_at(np.flatnonzero(traits & MEANINGLESS), offsets)
        altered = values_at(np.flatnonzero(traits & NOT_THE_SAME), offsets) & ~undefined
        traits &= WIDTH
    if len(ends):
        text = (None if faulty else _by_spare_bytes(raw, ends, units, table)) or _by_points(raw, ends, units, table)
    else:
        text = codecs.charmap_decode(raw, "strict", table.chars)[0]
    return Decoded(from_buffers(text.encode(), moved(offsets, traits), pa.string()), undefined, altered)


def _by_spare_bytes(raw: bytes, ends: Offsets, units: Points, table: ByteTable) -> str | None:
    """The text, with each kind of pair written as a byte that does not occur here; None when there are too few such bytes.

    Twice as fast as `_by_points`, and nearly always possible: real text has few different pairs, no control characters
    and few signs.
    """
    there = np.zeros(1 << 16, dtype=bool)
    there[units] = True
    kinds = np.flatnonzero(there)
    claimed = table.spare[: len(kinds) + 1]
    if len(claimed) <= len(kinds) or len(raw.translate(None, claimed.translate(None, table.meaningless))) < len(raw):
        return None
    code = np.zeros(1 << 16, dtype=np.uint8)
    code[kinds] = np.frombuffer(claimed, dtype=np.uint8)[1:]
    page, chars = bytearray(raw), list(table.chars)
    data = np.frombuffer(page, dtype=np.uint8)
    data[ends - 1], data[ends] = code[units], claimed[0]
    for byte, letter in zip(claimed[1:], table.pairs[kinds].tolist(), strict=True):
        chars[byte] = chr(letter)
    return codecs.charmap_decode(page.translate(None, claimed[:1]), "strict", "".join(chars))[0]


def _by_points(raw: bytes, ends: Offsets, units: Points, table: ByteTable) -> str:
    points = np.frombuffer(bytearray(codecs.charmap_decode(raw, "strict", table.chars)[0].encode("utf-16-le")), dtype=np.uint16)
    points[ends - 1] = table.pairs[units]
    keep = np.ones(len(points), dtype=bool)
    keep[ends] = False
    return points[keep].tobytes().decode("utf-16-le")


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
    try:
        data, offsets = misread_plainly(values, page)
        return Encoded(from_buffers(data, offsets, pa.binary()), np.zeros(len(values), dtype=bool))
    except UnicodeEncodeError:  # at least one value is no plain misreading: look at every character
        pass
    points, offsets = code_points(values)
    units = misread_bytes(encoding, page)[points]
    impossible = values_at(np.flatnonzero(units == UNDEFINED), offsets)
    only_1252 = values_at(np.flatnonzero((points > 0xFF) & (units < 0xA0)), offsets)
    only_latin1 = values_at(np.flatnonzero(latin1_only(page)[points]), offsets)
    impossible |= only_1252 & only_latin1
    return Encoded(from_buffers((units & 0xFF).astype(np.uint8).tobytes(), offsets, pa.binary()), impossible)
