"""Memo files of DBF tables: .dbt (dBase III, dBase IV) and .fpt (FoxPro). A record holds the number of a block."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

import numpy
import pyarrow as pa

from hopnhat.extract.dbf_fields import Field, Header
from hopnhat.extract.files import broken, readable


def open_memo(path: Path) -> Path | None:
    """The memo file beside a table, whatever case its name is in."""
    for suffix in (".fpt", ".dbt"):
        for other in path.parent.iterdir():
            if other.stem.lower() == path.stem.lower() and other.suffix.lower() == suffix:
                return other
    return None


def memo_values(path: Path, header: Header, records: numpy.ndarray, field: Field, system: str) -> pa.Array:
    """NULL where the record points nowhere. A pointer outside the memo file is an error, never an empty text."""
    cells = records[:, field.offset : field.offset + field.width]
    if field.width == 4:
        blocks = numpy.ascontiguousarray(cells).view("<u4")[:, 0].tolist()
    else:
        blocks = [_pointer(bytes(cell), path, field, system) for cell in numpy.ascontiguousarray(cells)]
    wanted = sorted({block for block in blocks if block})
    if not wanted:
        return pa.nulls(len(blocks), pa.binary())
    memo = open_memo(path)
    if memo is None:
        raise broken(path, f"its memo file (.dbt or .fpt) with the text of {field.name} is missing", system=system)
    with readable(memo, system), memo.open("rb") as file:
        size = memo.stat().st_size
        if size < 512:
            raise broken(memo, f"has {size} bytes, a memo file's header alone has 512", system=system)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            texts = {block: _text(memo, data, block, header.version, system) for block in wanted}
    return pa.array([texts.get(block) for block in blocks], pa.binary())


def _pointer(cell: bytes, path: Path, field: Field, system: str) -> int:
    digits = cell.strip(b" \0")
    if not digits:
        return 0
    if not digits.isdigit():
        raise broken(path, f"field {field.name} holds no memo block number", system=system)
    return int(digits)


def _text(memo: Path, data: mmap.mmap, block: int, version: int, system: str) -> bytes:
    is_fox = memo.suffix.lower() == ".fpt"
    size = (struct.unpack_from(">H", data, 6)[0] if is_fox else _dbt_block_size(data, version)) or 512
    start = block * size
    if start + 8 > len(data):
        raise broken(memo, f"is truncated: block {block} begins at byte {start}, {len(data)} bytes there", system=system)
    if is_fox:
        length, start = struct.unpack_from(">I", data, start + 4)[0], start + 8
    elif data[start : start + 4] == b"\xff\xff\x08\x00":
        length, start = struct.unpack_from("<I", data, start + 4)[0] - 8, start + 8
    else:
        end = data.find(b"\x1a", start)
        if end < 0:
            raise broken(memo, f"is truncated: the text of block {block} has no end", system=system)
        return bytes(data[start:end])
    if length < 0 or start + length > len(data):
        raise broken(
            memo, f"is truncated: block {block} needs {start + length} bytes, {len(data)} there", system=system
        )
    return bytes(data[start : start + length])


def _dbt_block_size(data: mmap.mmap, version: int) -> int:
    return int(struct.unpack_from("<H", data, 20)[0]) if version in (0x8B, 0x8E, 0xCB) else 512
