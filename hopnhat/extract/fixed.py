"""Fixed-width text files, cells as their raw bytes, padding included.

Option `fields`: a list of {name, width} in order, or {name, start, width} with start from 1. Every line must have the
same length in bytes; a line that has not is named. `_row` is the physical line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
import pyarrow as pa

from hopnhat.extract.contract import Column, KeyRange, TableShape
from hopnhat.extract.files import broken, digest_all, found_files, readable, row_ranges, row_window
from hopnhat.extract.frames import Options, fixed_binary, frame, items, known_options, require_columns, require_table, text_option
from hopnhat.model.errors import MappingError, SourceDriftError

MAX_LINE = 1 << 20
_BLOCK = 4 << 20
_SUFFIXES = (".txt", ".dat", ".prn", ".asc")


@dataclass(frozen=True)
class Place:
    name: str
    start: int  # 0-based
    width: int


def open_source(url: str, options: Options) -> FixedSource:
    known_options(options, ("fields",), "fixed")
    return FixedSource(url, _places(options), text_option(options, "system"))


def _places(options: Options) -> tuple[Place, ...]:
    fields = options.get("fields")
    if not isinstance(fields, list | tuple) or not fields:
        raise MappingError("a fixed-width source needs the option `fields`", hint="fields: [{name: ma_hs, width: 12}, …]")
    places: list[Place] = []
    following = 0
    for field in fields:
        if not isinstance(field, dict) or not isinstance(field.get("name"), str) or not isinstance(field.get("width"), int):
            raise MappingError("each of `fields` needs a name and a width in bytes")
        start = field.get("start", following + 1)
        if not isinstance(start, int) or start < 1 or field["width"] < 1:
            raise MappingError(f"field `{field['name']}`: start and width count from 1")
        places.append(Place(field["name"], start - 1, field["width"]))
        following = start - 1 + field["width"]
    return tuple(places)


class FixedSource:
    def __init__(self, url: str, places: tuple[Place, ...], system: str) -> None:
        self._url, self._places, self._system = url, places, system
        self._checked: dict[Path, tuple[int, int, int]] = {}  # mtime, line length with its newline, lines
        self._buffer = numpy.empty(0, numpy.uint8)  # of the last range: fresh memory costs more than the copy into it

    def tables(self) -> list[str]:
        return sorted(found_files(self._url, _SUFFIXES, system=self._system))

    def shape(self, table: str) -> TableShape:
        _, _, lines = self._file(table)
        return TableShape(tuple(Column(p.name, f"fixed({p.width})", True, "bytes") for p in self._places), (), lines)

    def count(self, table: str) -> int:
        return self._file(table)[2]

    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
        return row_ranges(self._file(table)[2], rows, known)

    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str],
        since: tuple[str, str] | None = None,
    ) -> pa.Table:  # fmt: skip
        path, length, lines = self._file(table)
        by_name = {place.name: place for place in self._places}
        require_columns(columns, list(by_name), system=self._system, table=table)
        start, stop = row_window(key_range, lines)
        matrix = self._matrix(path, length, start, stop) if lines else numpy.zeros((0, length), numpy.uint8)
        chosen = [by_name[name] for name in columns]
        arrays = [fixed_binary(items(matrix, p.start, p.width)) for p in chosen]
        numbers = pa.array(numpy.arange(start + 1, stop + 1, dtype=numpy.int64))
        return frame([(name, "bytes") for name in columns], arrays, numbers)

    def snapshot(self) -> str:
        return digest_all(list(found_files(self._url, _SUFFIXES, system=self._system).values()), self._system)

    def close(self) -> None:
        self._checked.clear()

    def _file(self, table: str) -> tuple[Path, int, int]:
        files = found_files(self._url, _SUFFIXES, system=self._system)
        require_table(table, list(files), system=self._system)
        path = files[table]
        with readable(path, self._system):
            stamp = path.stat().st_mtime_ns
            if self._checked.get(path, (0,))[0] != stamp:
                self._checked[path] = stamp, *self._measured(path, table)
        return path, self._checked[path][1], self._checked[path][2]

    def _measured(self, path: Path, table: str) -> tuple[int, int]:
        """Line length with its newline, and lines; every line is checked, block by block."""
        size = path.stat().st_size
        wanted = max(place.start + place.width for place in self._places)
        if size == 0:
            return wanted + 1, 0
        with path.open("rb") as file:
            first = file.readline(MAX_LINE)
            length = len(first) if first.endswith(b"\n") else len(first) + 1
            newline = 2 if first.endswith(b"\r\n") else 1
            if len(first) == MAX_LINE:
                raise broken(path, f"line 1 is longer than {MAX_LINE} bytes", system=self._system, table=table)
            file.seek(0)
            lines = 0
            buffer = bytearray(max(1, _BLOCK // length) * length)
            while got := file.readinto(buffer):
                whole, rest = divmod(got, length)
                ends = numpy.frombuffer(buffer, numpy.uint8)[length - 1 : whole * length : length]
                is_last = (
                    rest == length - newline and file.tell() == size and b"\n" not in buffer[whole * length : got]
                )  # lacks its newline
                if (rest and not is_last) or buffer.count(b"\n", 0, got) != whole or not (ends == 10).all():
                    raise self._odd(path, table, bytes(buffer[:got]), lines, length)
                lines += whole + bool(rest)
        if length < wanted:
            raise broken(path, f"its lines have {length} bytes, the fields need {wanted}", system=self._system, table=table)
        return length, lines

    def _odd(self, path: Path, table: str, block: bytes, before: int, length: int) -> SourceDriftError:
        """The first line of a block that has another length."""
        lengths = [len(line) + 1 for line in block.split(b"\n")]
        at = next((number for number, found in enumerate(lengths) if found != length), len(lengths) - 1)
        return broken(
            path, f"line {before + at + 1} has {lengths[at]} bytes instead of {length}", system=self._system, table=table,
            hint="a line is cut or holds a newline; ask for the export anew",
        )  # fmt: skip

    def _matrix(self, path: Path, length: int, start: int, stop: int) -> numpy.ndarray:
        """Lines [start, stop) as a matrix of bytes, valid until the next call."""
        size = (stop - start) * length
        if len(self._buffer) < size:
            self._buffer = numpy.empty(size, numpy.uint8)
        raw, filled = self._buffer[:size], 0
        with readable(path, self._system), path.open("rb", buffering=0) as file:
            file.seek(start * length)
            while filled < size and (got := file.readinto(raw[filled:].data)):
                filled += got
        if size - filled > 2:  # the last line may lack its newline
            raise broken(path, "became shorter while it was read", system=self._system)
        raw[filled:] = 10
        return raw.reshape(stop - start, length)
