"""The byte tables as flat look-up arrays, and arrow strings as flat arrays of code points.

A *unit* is what one letter occupies: one byte, or two (VNI, Windows-1258). It is written as a number: the byte itself,
or first * 256 + second.
"""

from __future__ import annotations

import codecs
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mappings.byte_tables import letter_bytes

Bytes = npt.NDArray[np.uint8]
Points = npt.NDArray[np.uint16]
Offsets = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

UNDEFINED = 0xFFFF
WIDTH, MEANINGLESS, NOT_THE_SAME = 3, 4, 8
_NOT_TEXT = ("L", "C")


@dataclass(frozen=True, eq=False)
class ByteTable:
    """`singles`: byte → code point. `pairs`: unit of two bytes → code point, 0 = no such pair.

    `seconds`: bytes that can end a pair. `units`: code point → the unit it is written as, UNDEFINED = cannot be.
    The rest is derived, for speed: `chars` the singles as a string; `single_traits`, `pair_traits` the bytes that each
    takes in UTF-8 (WIDTH) plus MEANINGLESS or NOT_THE_SAME (re-encoding gives another unit); `meaningless` bytes alone; `spare` bytes that text rarely or never has, the rarest first.
    """

    name: str
    singles: Points
    pairs: Points
    seconds: Mask
    units: Points
    chars: str
    single_traits: bytes
    pair_traits: Bytes
    meaningless: bytes
    spare: bytes


def _other_bytes(encoding: str) -> Points:
    """Bytes that stand for no Vietnamese letter: ASCII, and the signs (never the letters) of Windows-1252."""
    singles = np.full(256, UNDEFINED, dtype=np.uint16)
    singles[:128] = np.arange(128)
    for byte in range(128, 256):
        char = bytes([byte]).decode("cp1258" if encoding == "cp1258" else "cp1252", errors="replace")
        known = char != "\ufffd"
        if known and (encoding == "cp1258" or not unicodedata.category(char).startswith(_NOT_TEXT)):
            singles[byte] = ord(char)
    return singles


@cache
def byte_table(encoding: str) -> ByteTable:
    """Build the look-up arrays of one encoding of `mappings.byte_tables.ENCODINGS`."""
    singles, pairs = _other_bytes(encoding), np.zeros(1 << 16, dtype=np.uint16)
    seconds, units = np.zeros(256, dtype=bool), np.full(1 << 16, UNDEFINED, dtype=np.uint16)
    for letter, data in letter_bytes(encoding).items():
        if len(data) == 1:
            singles[data[0]] = ord(letter)
        else:
            pairs[data[0] << 8 | data[1]] = ord(letter)
            seconds[data[1]] = True
    two = np.flatnonzero(pairs)
    units[pairs[two]] = two
    one = np.flatnonzero(singles != UNDEFINED)
    units[singles[one]] = one
    if encoding == "tcvn3":
        _draw_capitals_as_lower_case(units)
    return ByteTable(encoding, singles, pairs, seconds, units, *_derived(singles, pairs, units), *_spare(encoding, singles, seconds))


def _spare(encoding: str, singles: Points, seconds: Mask) -> tuple[bytes, bytes]:
    """Bytes without meaning of their own; and those with other bytes that stand for neither a letter nor plain ASCII."""
    meaningless = bytes(np.flatnonzero(singles == UNDEFINED).tolist())
    letters = {data[0] for data in letter_bytes(encoding).values() if len(data) == 1}
    taken = {*letters, *np.flatnonzero(seconds).tolist(), *b"\t\n\r", *range(0x20, 0x7F), *meaningless}
    return meaningless, meaningless + bytes(byte for byte in range(256) if byte not in taken)


def _derived(singles: Points, pairs: Points, units: Points) -> tuple[str, bytes, Bytes]:
    shown = np.where(singles == UNDEFINED, 0xFFFD, singles)
    faults = np.where(units[shown] == np.arange(256), 0, NOT_THE_SAME)
    faults[singles == UNDEFINED] = MEANINGLESS
    pair_faults = np.where(units[pairs] == np.arange(1 << 16), 0, NOT_THE_SAME)
    single_traits = (_utf8_widths(shown) + faults).astype(np.uint8).tobytes()
    return "".join(map(chr, shown.tolist())), single_traits, (_utf8_widths(pairs) + pair_faults).astype(np.uint8)


def _utf8_widths(points: npt.NDArray[np.integer[Any]]) -> Bytes:
    widths: Bytes = 1 + (points >= 0x80).view(np.uint8) + (points >= 0x800).view(np.uint8)
    return widths


def _draw_capitals_as_lower_case(units: Points) -> None:
    """TCVN3 has no toned capitals: the H fonts show the byte of the small letter, so that is how one is written."""
    for small in letter_bytes("tcvn3"):
        capital = ord(small.upper())
        if units[capital] == UNDEFINED:
            units[capital] = units[ord(small)]


@cache
def misread_bytes(encoding: str, page: str = "cp1252") -> Points:
    """Code point → the byte it stood for before a driver read the bytes as `page` (cp1252 or cp1258).

    Undefined bytes come through as C1 characters, and Latin-1 differs from Windows-1252 in those only, so both ways
    lead back. Copying TCVN3 text out of a PDF turns its ư (0xAD) into U+2212 and its ã (0xB7) into U+2219.
    """
    back = np.full(1 << 16, UNDEFINED, dtype=np.uint16)
    back[:0xA0] = np.arange(0xA0)
    for byte in range(0x80, 0x100):
        char = bytes([byte]).decode(page, errors="replace")
        back[ord(char) if char != "\ufffd" else byte] = byte
    if encoding == "tcvn3":
        back[0x2212], back[0x2219] = 0xAD, 0xB7
    return back


@cache
def latin1_only(page: str = "cp1252") -> Mask:
    """C1 code points that a reading as `page` never gives: it has characters for those bytes."""
    only = np.zeros(1 << 16, dtype=bool)
    for byte in range(0x80, 0xA0):
        only[byte] = bytes([byte]).decode(page, errors="replace") != "\ufffd"
    return only


def buffers(values: pa.Array) -> tuple[Bytes, Offsets]:
    """Bytes and n + 1 offsets (starting at 0) of a binary or string array without nulls."""
    wide = pa.types.is_large_binary(values.type) or pa.types.is_large_string(values.type)
    width = np.dtype(np.int64) if wide else np.dtype(np.int32)
    _, where, data = values.buffers()
    if not len(values) or where is None:
        return np.zeros(0, dtype=np.uint8), np.zeros(len(values) + 1, dtype=np.int64)
    offsets = np.frombuffer(where, dtype=width)[values.offset : values.offset + len(values) + 1].astype(np.int64)
    raw = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return raw[offsets[0] : offsets[-1]], offsets - offsets[0]


def from_buffers(data: bytes, offsets: Offsets, kind: pa.DataType) -> pa.Array:
    """The array over `data`; `kind` is pa.string() or pa.binary(), its large form is taken beyond 2 GiB."""
    if len(data) >= 1 << 31:
        large = pa.large_string() if pa.types.is_string(kind) else pa.large_binary()
        return pa.Array.from_buffers(large, len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    narrow = pa.py_buffer(offsets.astype(np.int32))
    return pa.Array.from_buffers(kind, len(offsets) - 1, [None, narrow, pa.py_buffer(data)])


def misread_plainly(values: pa.Array, page: str) -> tuple[bytes, Offsets]:
    """The bytes that were read as `page`, and their offsets. Raises UnicodeEncodeError when a character is not of that page."""
    data, offsets = buffers(values)
    raw = data.tobytes()
    read: bytes = codecs.charmap_encode(raw.decode("utf-8"), "strict", _page_map(page))[0]
    return read, moved(offsets, np.frombuffer(raw.translate(_STARTS), dtype=np.uint8))


_STARTS = bytes((byte & 0xC0) != 0x80 for byte in range(256))


@cache
def _page_map(page: str) -> Any:
    shown = (bytes([byte]).decode(page, errors="replace") for byte in range(256))
    return codecs.charmap_build("".join(chr(byte) if char == "\ufffd" else char for byte, char in enumerate(shown)))


def code_points(values: pa.Array) -> tuple[Points, Offsets]:
    """UTF-16 code units and their offsets, of a string array without nulls."""
    data, offsets = buffers(values)
    widths = ((data & 0xC0) != 0x80).view(np.uint8) + (data >= 0xF0).view(np.uint8)
    units = data.tobytes().decode("utf-8").encode("utf-16-le")
    return np.frombuffer(units, dtype=np.uint16), moved(offsets, widths)


def moved(offsets: Offsets, widths: npt.NDArray[np.uint8]) -> Offsets:
    """Where the values start when every old position takes `widths` new ones (up to 255)."""
    starts, filled = offsets[:-1], offsets[1:] > offsets[:-1]
    lengths = np.zeros(len(offsets), dtype=np.int64)
    if filled.any():
        lengths[1:][filled] = np.add.reduceat(widths, starts[filled], dtype=np.int64)
    return np.cumsum(lengths)


def values_at(positions: Offsets, offsets: Offsets) -> Mask:
    """Which values hold one of the given positions."""
    hit = np.zeros(len(offsets) - 1, dtype=bool)
    hit[np.searchsorted(offsets, positions, side="right") - 1] = True
    return hit
