"""A result of the MySQL text protocol as Arrow columns, without a Python object per cell.

A row is one packet: a header (length in three bytes, sequence in one), then per cell its length and its bytes
(https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_row.html). So the
place of every cell of a block can be computed a column at a time, and the block itself, cut at these places, is an Arrow
array. What the server sends is what lands: nothing is decoded or parsed. pymysql opens the session and sends the query;
from there this module reads its stream (its `_rfile` and `_result`, which tests/contract holds it to).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pymysql import err
from pymysql.constants import CR

_BLOCK = 2 << 20
"""Bytes: so much is cut into columns while it is still in the processor's cache."""
_HEADER = 4
_WHOLE = 0xFFFFFF
"""A packet of this length is continued by the next one."""
_NULL, _END, _ERROR = 0xFB, 0xFE, 0xFF
_WIDE = ((0xFC, 2), (0xFD, 3), (0xFE, 8))
"""(first byte of a cell's length, bytes of the length that follow) where one byte cannot say it."""
_head = struct.Struct("<I").unpack_from

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


def read_columns(connection: Any, sql: str) -> list[pa.Array]:
    """Run the query on a pymysql connection; one binary array per column. Driver errors pass through."""
    connection.query(sql, unbuffered=True)
    result = connection._result
    try:
        blocks = [_columns(data, starts, result.field_count) for data, starts in _blocks(connection._rfile)]
    except BaseException:
        connection._force_close()  # the rest of the result is still on its way: nobody else may read it
        raise
    finally:
        result.unbuffered_active, result.connection, connection._result = False, None, None
    if not blocks:
        return [pa.array([], pa.binary()) for _ in range(result.field_count)]
    return [pa.concat_arrays(parts) for parts in zip(*blocks, strict=True)]


def _blocks(stream: Any) -> Iterator[tuple[Bytes, Places]]:
    """(bytes, where each row's packet starts in them), until the server says that the result ends."""
    begun = stream.read(len(stream.peek()))  # what the driver has read ahead; from here on nothing passes through its buffer
    buffer, filled, ended = np.empty(max(_BLOCK, len(begun)), np.uint8), len(begun), False
    buffer[:filled] = np.frombuffer(begun, np.uint8)
    while not ended:
        view, starts, at = buffer.data, list[int](), 0
        while True:
            at, ended = _walk(view, at, filled, starts)
            if ended or filled == len(buffer) or _is_long(view, at, filled):
                break
            filled += _received(stream.raw, view[filled:])
        if starts:
            yield buffer[:at], np.array(starts, np.int64)
            rest = filled - at
            buffer[:rest], filled = buffer[at:filled].copy(), rest
        elif _is_long(view, at, filled):
            row, more = _long_row(stream.raw, bytearray(view[at:filled]))
            yield np.frombuffer(row, np.uint8), np.zeros(1, np.int64)
            buffer[: len(more)], filled = np.frombuffer(more, np.uint8), len(more)
        elif not ended:  # one row is longer than the block
            buffer = np.concatenate([buffer, np.empty(len(buffer), np.uint8)])


def _walk(view: memoryview, at: int, filled: int, starts: list[int]) -> tuple[int, bool]:
    """Note the packets that are there whole, from `at` on. Returns where the next begins and whether the result ended."""
    note, first = starts.append, len(starts)
    while at + _HEADER < filled:
        length = _head(view, at)[0] & _WHOLE
        behind = at + _HEADER + length
        if behind > filled or length == _WHOLE:
            break
        if length < 9 and view[at + _HEADER] == _END:
            return at, True
        note(at)
        at = behind
    if len(starts) > first and view[starts[-1] + _HEADER] == _ERROR:  # nothing follows an error
        err.raise_mysql_exception(bytes(view[starts[-1] + _HEADER : at]))
    return at, False


def _is_long(view: memoryview, at: int, filled: int) -> bool:
    return at + _HEADER <= filled and _head(view, at)[0] & _WHOLE == _WHOLE


def _long_row(socket: Any, waiting: bytearray) -> tuple[bytearray, bytearray]:
    """A row of 16 MB and more as one packet, and what was received behind it. `waiting`: what was received of it."""
    row, length = bytearray(_HEADER), _WHOLE
    while length == _WHOLE:
        _wait_for(socket, waiting, _HEADER)
        length = _head(waiting, 0)[0] & _WHOLE
        _wait_for(socket, waiting, _HEADER + length)
        row += memoryview(waiting)[_HEADER : _HEADER + length]
        del waiting[: _HEADER + length]
    return row, waiting


def _wait_for(socket: Any, waiting: bytearray, size: int) -> None:
    have = len(waiting)
    waiting.extend(bytes(max(size - have, 0)))
    while have < size:
        have += _received(socket, memoryview(waiting)[have:size])


def _received(socket: Any, space: memoryview) -> int:
    got: int = socket.readinto(space)
    if not got:
        raise err.OperationalError(CR.CR_SERVER_LOST, "the server ended the connection within a result")
    return got


def _columns(data: Bytes, starts: Places, width: int) -> list[pa.Array]:
    """Cut a block into columns: places of all cells first, then one gather per column."""
    rows, at = len(starts), starts + _HEADER
    places, absent = np.empty((2 * width, rows), np.int32), np.zeros((width, rows), bool)
    for column in range(width):
        at, length = _lengths(data, at, absent[column])
        places[2 * column] = at
        at += length
        places[2 * column + 1] = at
    cuts = np.empty(rows * 2 * width + 1, np.int32)  # per cell its begin and its end: between them lie the next one's length bytes
    cuts[:-1].reshape(rows, 2 * width)[:] = places.T
    cuts[-1] = at[-1]
    if at[-1] != len(data) or (at[:-1] != starts[1:]).any():
        raise err.InternalError(CR.CR_MALFORMED_PACKET, "malformed packet: the cells do not fill their rows")
    pieces = pa.Array.from_buffers(pa.binary(), len(cuts) - 1, [None, pa.py_buffer(cuts), pa.py_buffer(data)])
    by_column = np.arange(0, 2 * width * rows, 2, dtype=np.uint32).reshape(rows, width).T
    cells = pc.take(pieces, pa.array(by_column.ravel(), mask=absent.ravel()), boundscheck=False)
    return [cells.slice(column * rows, rows) for column in range(width)]


def _lengths(data: Bytes, at: Places, absent: npt.NDArray[np.bool_]) -> tuple[Places, npt.NDArray[Any]]:
    """Where the cells begin whose lengths stand at `at`, and how long they are; NULLs are marked in `absent`."""
    marks = data.take(at)
    at, greatest = at + 1, marks.max()
    if greatest < _NULL:
        return at, marks
    np.equal(marks, _NULL, out=absent)
    if greatest == _NULL:
        marks[absent] = 0
        return at, marks
    length = np.where(absent, 0, marks).astype(np.int64)
    for mark, size in _WIDE:
        rows = np.flatnonzero(marks == mark)
        if len(rows):
            places = at[rows]
            length[rows] = sum(data[places + n].astype(np.int64) << 8 * n for n in range(size))
            at[rows] += size
    return at, length
