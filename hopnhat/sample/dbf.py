"""Writes dBase III tables: fixed-width records behind a 32-byte header, no memo."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from hopnhat.sample.places import Mask


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    """C = text, left-justified; N = number, right-justified."""
    width: int


class DbfFile:
    """Appends records to a new table; complete, and under its name, only when closed without an error."""

    def __init__(self, path: Path, fields: Sequence[Field]) -> None:
        self.path, self.fields, self.records = path, fields, 0
        self._fresh = path.with_suffix(".new")
        self._file = self._fresh.open("wb")
        self._file.write(self._header())

    def _header(self) -> bytes:
        # The date of last change is part of the sample, not of the day it was made.
        head = struct.pack("<B3BIHH20x", 3, 125, 6, 30, self.records, 33 + 32 * len(self.fields), 1 + sum(f.width for f in self.fields))
        body = b"".join(struct.pack("<11sc4xBB14x", f.name.encode(), f.kind.encode(), f.width, 0) for f in self.fields)
        return head + body + b"\r"

    def write(self, columns: Mapping[str, Sequence[bytes]], deleted: Mask) -> None:
        """Append rows; `columns` by field name, values as the file's own bytes, not longer than the field.

        `deleted` records stay in the file with a mark, as dBase leaves them until somebody packs it.
        """
        rows = len(deleted)
        cells = [np.where(deleted, np.uint8(0x2A), np.uint8(0x20)).reshape(rows, 1)]
        for field in self.fields:
            values = columns[field.name]
            if field.kind == "N":
                values = [value.rjust(field.width) for value in values]
            text = np.array(values, dtype="S")
            if text.itemsize > field.width:
                raise ValueError(f"a value of {text.itemsize} bytes in field {field.name} of {field.width}")
            cell = text.astype(f"S{field.width}").view(np.uint8).reshape(rows, field.width)
            cells.append(np.where(cell == 0, np.uint8(0x20), cell))
        self._file.write(np.hstack(cells).tobytes())
        self.records += rows

    def __enter__(self) -> DbfFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.write(b"\x1a")
        self._file.seek(0)
        self._file.write(self._header())
        self._file.close()
        if kind is None:
            self._fresh.replace(self.path)
        else:
            self._fresh.unlink(missing_ok=True)
