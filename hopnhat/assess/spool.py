"""Hashes of keys kept on disk in buckets, so that uniqueness and references are exact at any size in constant memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

BUCKETS = 64
_PAIR = np.dtype([("hash", "<u8"), ("part", "<u4")])
Hashes = npt.NDArray[np.uint64]


class Spool:
    """Appends (hash, part number); asks are answered bucket by bucket: 1/64 of the rows are in memory at a time."""

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="hopnhat-assess-")
        self.rows = 0

    def add(self, hashes: Hashes, part: int) -> None:
        pairs = np.zeros(len(hashes), _PAIR)
        pairs["hash"], pairs["part"] = hashes, part
        bucket = (hashes >> np.uint64(58)).astype(np.int64)
        order = np.argsort(bucket, kind="stable")
        edges = np.searchsorted(bucket[order], np.arange(BUCKETS + 1))
        for number in range(BUCKETS):
            if edges[number] < edges[number + 1]:
                with self._file(number).open("ab") as file:
                    file.write(pairs[order[edges[number] : edges[number + 1]]].tobytes())
        self.rows += len(hashes)

    def repeated(self, keep: int) -> tuple[int, int, list[tuple[int, int]]]:
        """(distinct hashes, rows that share theirs with another row, up to `keep` (hash, part) of such rows)."""
        distinct, rows, shown = 0, 0, list[tuple[int, int]]()
        for pairs in self._buckets():
            unique, first, counts = np.unique(pairs["hash"], return_index=True, return_counts=True)
            distinct += len(unique)
            often = np.flatnonzero(counts > 1)
            rows += int(counts[often].sum())
            for at in often[: max(0, keep - len(shown))]:
                shown.append((int(unique[at]), int(pairs["part"][first[at]])))
        return distinct, rows, shown

    def absent_from(self, other: Spool, keep: int) -> tuple[int, list[tuple[int, int]]]:
        """(rows whose hash the other spool does not have, up to `keep` (hash, part) of them)."""
        rows, shown = 0, list[tuple[int, int]]()
        for number in range(BUCKETS):
            mine, theirs = self._bucket(number), other._bucket(number)
            lost = mine[~np.isin(mine["hash"], theirs["hash"])]
            rows += len(lost)
            _, first = np.unique(lost["hash"], return_index=True)
            for at in first[: max(0, keep - len(shown))]:
                shown.append((int(lost["hash"][at]), int(lost["part"][at])))
        return rows, shown

    def close(self) -> None:
        self._place.cleanup()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _buckets(self) -> Iterator[npt.NDArray[np.void]]:
        return (self._bucket(number) for number in range(BUCKETS))

    def _bucket(self, number: int) -> npt.NDArray[np.void]:
        file = self._file(number)
        return np.fromfile(file, _PAIR) if file.exists() else np.zeros(0, _PAIR)

    def _file(self, number: int) -> Path:
        return Path(self._place.name) / str(number)
