"""One stream out of a compound file (.xls), as Microsoft's [MS-CFB] describes it: a FAT of sectors and a directory."""

from __future__ import annotations

import struct
from pathlib import Path

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END = 0xFFFFFFFA  # this and above are no sectors
_DIRECTORY_ENTRY = 128


class DamagedError(ValueError):
    """The file's chains or directory do not add up."""


def read_stream(path: Path, names: tuple[str, ...]) -> bytes:
    """The first stream that has one of the names. Raise DamagedError; KeyError when there is none."""
    data = path.read_bytes()
    if data[:8] != MAGIC or len(data) < 512:
        raise DamagedError("no compound file")
    try:
        return _Compound(data).stream(names)
    except struct.error:
        raise DamagedError("cut off") from None


class _Compound:
    def __init__(self, data: bytes) -> None:
        self._data = data
        shift, self._mini_shift = struct.unpack_from("<HH", data, 30)
        if shift not in (9, 12) or self._mini_shift != 6:
            raise DamagedError("sector size")
        self._size = 1 << shift
        (self._fat_count, self._directory_start) = struct.unpack_from("<II", data, 44)
        self._cutoff, self._mini_start = struct.unpack_from("<II", data, 56)
        self._fat = self._table(self._fat_sectors())

    def stream(self, names: tuple[str, ...]) -> bytes:
        directory = self._chain(self._directory_start)
        entries = [directory[at : at + _DIRECTORY_ENTRY] for at in range(0, len(directory) - 127, _DIRECTORY_ENTRY)]
        found = {_name(entry): entry for entry in reversed(entries) if entry[66] in (2, 5)}
        wanted = next((found[name] for name in names if name in found), None)
        if wanted is None:
            raise KeyError(names[0])
        start, length = struct.unpack_from("<II", wanted, 116)
        if length >= self._cutoff:
            raw = self._chain(start)
        else:
            (mini_stream_start,) = struct.unpack_from("<I", entries[0], 116)
            raw = self._mini(self._chain(mini_stream_start), start)
        if len(raw) < length:
            raise DamagedError("a stream is cut off")
        return raw[:length]

    def _sector(self, number: int) -> bytes:
        at = (number + 1) * self._size
        raw = self._data[at : at + self._size]
        if not raw:
            raise DamagedError("a sector lies behind the end of the file")
        return raw

    def _fat_sectors(self) -> list[int]:
        listed = list(struct.unpack_from("<109I", self._data, 76))
        (following, count) = struct.unpack_from("<II", self._data, 68)
        for _ in range(min(count, len(self._data) // self._size + 1)):
            if following >= _END:
                break
            *more, following = struct.unpack(f"<{self._size // 4}I", self._sector(following).ljust(self._size, b"\xff"))
            listed += more
        return [number for number in listed if number < _END][: self._fat_count]

    def _table(self, sectors: list[int]) -> list[int]:
        raw = b"".join(self._sector(number) for number in sectors)
        return list(struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4]))

    def _numbers(self, start: int, table: list[int]) -> list[int]:
        numbers: list[int] = []
        while start < _END:
            if start >= len(table) or len(numbers) > len(table):
                raise DamagedError("a chain of sectors leads nowhere")
            numbers.append(start)
            start = table[start]
        return numbers

    def _chain(self, start: int) -> bytes:
        return b"".join(self._sector(number) for number in self._numbers(start, self._fat))

    def _mini(self, holder: bytes, start: int) -> bytes:
        table_raw = self._chain(self._mini_start)
        table = list(struct.unpack(f"<{len(table_raw) // 4}I", table_raw))
        return b"".join(holder[number << 6 : (number + 1) << 6] for number in self._numbers(start, table))


def _name(entry: bytes) -> str:
    (length,) = struct.unpack_from("<H", entry, 64)
    return entry[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
