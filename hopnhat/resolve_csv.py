"""The records of a CSV file as what tells them apart, so that a record seen before costs one look-up.

Where only the id stands beside the columns that count, a record is kept as the bytes it is and not even cut into
fields; otherwise as the fields that count.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import BinaryIO

from hopnhat.model.errors import MappingError

PIECE = 1 << 19  # bytes of a file at a time
LONGEST = 1 << 24  # a record longer than this has a quote that nobody closed
Key = bytes | tuple[str, ...]
_FIELD = rb'(?:"(?:[^"]|"")*+"[^,]*+|[^",][^,]*+|)'
_COMPLETE = re.compile(_FIELD + b"(?:," + _FIELD + b")*+")
_QUOTED_ID = re.compile(rb'("(?:[^"]|"")*+"),')
_SPECIAL = re.compile('[",\r\n]')
BLANK = frozenset({b"", b"\r"})


@dataclass(frozen=True)
class Piece:
    """Some records in order: their ids as they are written into a file, and a key each. `before` records came earlier."""

    ids: Sequence[bytes]
    keys: Sequence[Key]
    before: int


class Table:
    """A CSV file with a header. `wanted`: the columns that count, those of them that there are in `names`."""

    def __init__(self, file: BinaryIO, path: str, wanted: Sequence[str]) -> None:
        self._path, self._lines = path, _records(file, path)
        self._first = next(self._lines, [b""])
        columns = _fields(self._first[0].removeprefix(b"\xef\xbb\xbf"))
        if columns is None:
            raise self._wrong(None, 0)
        self.columns = columns
        self.names = [name for name in self.columns if name in wanted]
        if not self.names:
            raise MappingError("no column to resolve", file=path, hint=f"name one of: {', '.join(wanted)}")
        self.has_id = "id" in self.columns
        self._is_plain = self.columns == ["id"] * self.has_id + self.names

    def pieces(self) -> Iterator[Piece]:
        before = 0
        for lines in self._after_header():
            kept = lines if BLANK.isdisjoint(lines) else [line for line in lines if line not in BLANK]
            yield self._plain(kept, before) if self._is_plain else self._chosen(kept, before)
            before += len(kept)

    def rows(self, keys: Iterable[Key], piece: Piece) -> Iterator[tuple[str, ...]]:
        """The fields of some keys of a piece, in the order of `names`."""
        for key in keys:
            fields = key if isinstance(key, tuple) else _fields(key)
            if fields is None or len(fields) != len(self.names):
                raise self._wrong(fields and [*fields, *["id"] * self.has_id], piece.before + piece.keys.index(key) + 1)
            yield tuple(fields)

    def _after_header(self) -> Iterator[list[bytes]]:
        yield self._first[1:]
        yield from self._lines

    def _plain(self, lines: list[bytes], before: int) -> Piece:
        if not self.has_id:
            return Piece((), lines, before)
        if not lines:
            return Piece((), (), before)
        ids, commas, keys = zip(*map(bytes.partition, lines, repeat(b",")), strict=True)
        if b'"' in b"".join(ids):
            ids, commas, keys = zip(*map(_quoted_id, lines), strict=True)
        if b"" in commas:
            raise self._wrong([""], before + commas.index(b"") + 1)
        return Piece(ids, keys, before)

    def _chosen(self, lines: list[bytes], before: int) -> Piece:
        places = [self.columns.index(name) for name in self.names]
        at = self.columns.index("id") if self.has_id else 0
        ids, keys = [], []
        for number, line in enumerate(lines, before + 1):
            fields = _fields(line)
            if fields is None or len(fields) != len(self.columns):
                raise self._wrong(fields, number)
            ids.append(_written(fields[at]))
            keys.append(tuple([fields[place] for place in places]))
        return Piece(ids, keys, before)

    def _wrong(self, fields: Sequence[str] | None, number: int) -> MappingError:
        wrong = "not UTF-8 or not CSV" if fields is None else f"{len(fields)} fields where the header has {len(self.columns)}"
        return MappingError(wrong, file=self._path, hint=f"record {number}, counted after the header")


def _fields(line: bytes) -> list[str] | None:
    try:
        return next(csv.reader([line.decode("utf-8")])) or [""]
    except (UnicodeDecodeError, csv.Error):
        return None


def _quoted_id(line: bytes) -> tuple[bytes, bytes, bytes]:
    found = _QUOTED_ID.match(line)
    return (found[1], b",", line[found.end() :]) if found else line.partition(b",")


def _written(value: str) -> bytes:
    return (f'"{value.replace(chr(34), chr(34) * 2)}"' if _SPECIAL.search(value) else value).encode()


def _records(file: BinaryIO, path: str) -> Iterator[list[bytes]]:
    """Records, about PIECE bytes at a time. A line break inside quotes is part of its record."""
    rest = b""
    while data := file.read(PIECE):
        whole = rest + data
        lines = whole.split(b"\n")
        rest = lines.pop()
        if b'"' in whole:
            lines, rest = _joined(lines, rest)
        if len(rest) > LONGEST:
            raise MappingError(f"a record is longer than {LONGEST >> 20} MB", file=path, hint="a quote that is opened and never closed?")
        if lines:
            yield lines
    if rest:
        yield [rest]


def _joined(lines: list[bytes], rest: bytes) -> tuple[list[bytes], bytes]:
    """Lines put together to records, and the beginning of a record that is not complete yet."""
    if not any([line.count(b'"') & 1 for line in lines]):
        return lines, rest
    whole: list[bytes] = []
    open_: list[bytes] = []
    for line in lines:
        odd = line.count(b'"') & 1
        if open_:
            open_.append(line)
            if odd:
                whole.append(b"\n".join(open_))
                open_ = []
        elif odd and not _COMPLETE.fullmatch(line):
            open_ = [line]
        else:
            whole.append(line)
    return whole, b"\n".join([*open_, rest]) if open_ else rest
