"""The pieces of a binary COPY: whole, in order, and none empty before the end, however small the batches are."""

from __future__ import annotations

import struct

import pyarrow as pa
import pytest

from hopnhat.load import stage

TRAILER = struct.pack(">h", -1)


def _rows(copy: bytes) -> int:
    """Tuples of a binary COPY, walked as PostgreSQL reads them: count of fields, then length and bytes of each."""
    at, rows = 11 + 4 + 4, 0
    while (fields := struct.unpack_from(">h", copy, at)[0]) != -1:
        at += 2
        for _ in range(fields):
            at += 4 + max(struct.unpack_from(">i", copy, at)[0], 0)
        rows += 1
    assert at + 2 == len(copy)
    return rows


@pytest.mark.parametrize(("rows", "width"), [(1, 1), (20_000, 1), (20_000, 400), (4_096, 10), (4_097, 10)])
def test_nothing_ends_the_copy_before_its_end(rows: int, width: int) -> None:
    frame = pa.table({"key": pa.array([f"{n:0{width}}" for n in range(rows)]), "number": pa.array(range(rows)), "none": pa.nulls(rows, pa.string())})
    encoded, pieces = stage._Encoded(frame), []
    while piece := encoded.read(1 << 20):
        pieces.append(piece)
    whole = b"".join(pieces)
    assert whole.endswith(TRAILER)
    assert _rows(whole) == rows
    assert encoded.read(1) == b""
