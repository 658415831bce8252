"""Records of a streamed document (XML, JSON, REST) kept on disk as Arrow batches, so that ranges can be read at random in
constant memory. Columns may appear anywhere in the stream; a record that lacks one has NULL there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from hopnhat.extract.contract import Transport
from hopnhat.extract.frames import frame

_BATCH = 10_000
Record = Mapping[str, bytes | None]


class Spool:
    """Append once, then read. `row` is given by the caller (line number) or counts records from 1."""

    def __init__(self, records: Iterable[tuple[int, Record]]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the spool
        self._batches: list[tuple[int, int, int, int]] = []  # first row, last row, offset, length
        self._order: dict[str, str] = {}  # column name → stored name: a source may well have a column called `_row`
        self.records = 0
        self.last_row = 0
        batch: list[tuple[int, Record]] = []
        for item in records:
            batch.append(item)
            if len(batch) == _BATCH:
                self._flush(batch)
                batch = []
        if batch:
            self._flush(batch)

    @property
    def names(self) -> list[str]:
        return list(self._order)

    def read(self, start: int, stop: int, columns: Sequence[str], transport: Transport = "text") -> pa.Table:
        """Rows start < row <= stop."""
        pieces = []
        for first, last, offset, length in self._batches:
            if last > start and first <= stop:
                self._file.seek(offset)
                with pa.ipc.open_stream(pa.BufferReader(self._file.read(length))) as reader:
                    pieces.append(_within(reader.read_all(), start, stop))
        rows = [piece.column("_row") for piece in pieces]
        numbers = pa.chunked_array(rows, pa.int64()).combine_chunks() if rows else pa.array([], pa.int64())
        arrays = [_gathered(pieces, self._order.get(name, "")) for name in columns]
        return frame([(name, transport) for name in columns], arrays, numbers)

    def close(self) -> None:
        self._file.close()

    def _flush(self, batch: list[tuple[int, Record]]) -> None:
        names: dict[str, None] = {}
        for _, record in batch:
            names.update(dict.fromkeys(record))
        for name in names:
            self._order.setdefault(name, f"c{len(self._order)}")
        table = pa.table(
            {
                "_row": pa.array([row for row, _ in batch], pa.int64()),
                **{self._order[name]: pa.array([record.get(name) for _, record in batch], pa.binary()) for name in names},
            }
        )
        offset = self._file.seek(0, 2)
        with pa.ipc.new_stream(self._file, table.schema) as writer:
            writer.write_table(table)
        self._batches.append((batch[0][0], batch[-1][0], offset, self._file.tell() - offset))
        self.records += len(batch)
        self.last_row = batch[-1][0]


def _within(table: pa.Table, start: int, stop: int) -> pa.Table:
    import numpy

    first, end = numpy.searchsorted(table.column("_row").to_numpy(), [start + 1, stop + 1])
    return table.slice(int(first), int(end - first))


def _gathered(pieces: Sequence[pa.Table], name: str) -> pa.Array:
    parts = [piece.column(name) if name in piece.column_names else pa.nulls(piece.num_rows, pa.binary()) for piece in pieces]
    chunks = [chunk for part in parts for chunk in (part.chunks if isinstance(part, pa.ChunkedArray) else [part])]
    return pa.concat_arrays(chunks) if chunks else pa.array([], pa.binary())
