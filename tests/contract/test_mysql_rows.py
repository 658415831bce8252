"""The reader of MySQL's row packets against packets written from the protocol's description, cut anywhere."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql import err
from pymysql.connections import Connection, MySQLResult

from hopnhat.extract import mysql_rows

Row = list[bytes | None]
END = b"\xfe\0\0\2\0"


def packed(payload: bytes) -> bytes:
    """Packets of a payload: pieces of 16 MB less one, each with its header."""
    found, at = b"", 0
    while True:
        piece = payload[at : at + 0xFFFFFF]
        found += struct.pack("<I", len(piece))[:3] + b"\0" + piece
        at += len(piece)
        if len(piece) < 0xFFFFFF:
            return found


def cell(value: bytes | None) -> bytes:
    if value is None:
        return b"\xfb"
    size = len(value)
    if size < 251:
        return bytes([size]) + value
    if size < 1 << 16:
        return b"\xfc" + struct.pack("<H", size) + value
    if size < 1 << 24:
        return b"\xfd" + struct.pack("<I", size)[:3] + value
    return b"\xfe" + struct.pack("<Q", size) + value


class Socket(io.RawIOBase):
    """A server's bytes that arrive in pieces of the given sizes, over and over. Like a server it never says that nothing
    more comes: who asks behind the end would wait for ever."""

    def __init__(self, data: bytes, pieces: list[int], *, closes: bool = False) -> None:
        self._data, self._pieces, self._number, self._closes = io.BytesIO(data), pieces, 0, closes

    def readable(self) -> bool:
        return True

    def readinto(self, space: Any) -> int:
        self._number += 1
        got = self._data.read(min(len(space), self._pieces[self._number % len(self._pieces)]))
        space[: len(got)] = got
        if not got and not self._closes:
            raise TimeoutError("the server has nothing more to say")
        return len(got)


class Server:
    """What `read_columns` uses of a pymysql connection."""

    def __init__(self, data: bytes, width: int, pieces: list[int], *, ahead: int = 1, closes: bool = False) -> None:
        self._rfile = io.BufferedReader(Socket(data, pieces, closes=closes))
        self._width, self._result, self.closed = width, None, False
        self._rfile.peek(ahead)  # the driver reads the description of the columns, and what comes along with it

    def query(self, sql: str, unbuffered: bool) -> None:
        assert unbuffered
        self._result: Any = MySQLResult(self)
        self._result.field_count, self._result.unbuffered_active = self._width, True

    def _force_close(self) -> None:
        self.closed = True


def read(rows: list[Row], width: int, pieces: list[int], end: bytes = packed(END)) -> list[list[bytes | None]]:
    data = b"".join(packed(b"".join(map(cell, row))) for row in rows) + end
    columns = mysql_rows.read_columns(Server(data, width, pieces), "select")
    return [column.to_pylist() for column in columns]


values = st.one_of(st.none(), st.binary(max_size=12), st.integers(0, 300).map(lambda n: b"\xfe" * n), st.sampled_from([b"\xff", b"x" * 70_000]))
tables = st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(values, min_size=width, max_size=width), max_size=30).map(lambda rows: (width, rows)))


@given(tables, st.lists(st.integers(1, 5000), min_size=1, max_size=4), st.sampled_from([16, 300, 1 << 20]))
def test_every_cell_comes_back_however_the_stream_is_cut(table: tuple[int, list[Row]], pieces: list[int], block: int) -> None:
    width, rows = table
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mysql_rows, "_BLOCK", block)
        assert read(rows, width, pieces) == [[row[n] for row in rows] for n in range(width)]


@pytest.mark.parametrize("size", [0xFFFFFF - 5, 0xFFFFFF - 4, 0xFFFFFF - 3, 0xFFFFFF, (1 << 24) + 7, 2 * 0xFFFFFF - 9, 2 * 0xFFFFFF + 1])
def test_rows_of_several_packets(size: int) -> None:
    rows: list[Row] = [[b"1", b"a"], [b"2", b"b" * size], [b"3", None], [b"4", b"c" * size], [b"5", b"d"]]
    assert read(rows, 2, [1 << 16]) == [[row[n] for row in rows] for n in range(2)]


def test_an_error_in_the_middle_of_the_rows_is_the_drivers_error() -> None:
    said = b"\xff" + struct.pack("<H", 1969) + b"#70100" + b"Query execution was interrupted"
    with pytest.raises(err.OperationalError) as caught:
        read([[b"1"]], 1, [7], end=packed(said))
    assert caught.value.args[0] == 1969


@pytest.mark.parametrize("left", [0, 3, 40, 70])
def test_a_connection_that_ends_within_a_result_is_lost(left: int) -> None:
    data = packed(cell(b"x" * 60)) * 2
    server = Server(data[:left], 1, [1000], closes=True)
    with pytest.raises(err.OperationalError, match="within"):
        mysql_rows.read_columns(server, "select")
    assert server.closed


def test_cells_that_do_not_fill_their_row_are_refused() -> None:
    with pytest.raises(err.InternalError, match="malformed"):
        mysql_rows.read_columns(Server(packed(cell(b"a") + b"\1") + packed(END), 1, [1000]), "select")


def test_the_driver_still_has_what_is_read_of_it() -> None:
    """Attributes that pymysql does not promise: an upgrade that moves them must fail here, not in a migration."""
    assert Connection(defer_connect=True)._rfile is None
    assert Connection(defer_connect=True)._result is None
    assert callable(Connection._force_close)
    result = MySQLResult(None)
    assert (result.field_count, result.unbuffered_active, result.connection) == (0, False, None)
