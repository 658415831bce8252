"""The one contract that every legacy technology fulfils. Extraction interprets nothing (law 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import pyarrow as pa

Transport = Literal["bytes", "text"]
"""`bytes`: the source's own stored bytes, in the encoding that the mapping declares.
`text`: the driver gave text or typed values only; they were rendered as UTF-8."""

ROW = "_row"
"""Physical 1-based row number, the coordinate and key of a file source."""


@dataclass(frozen=True)
class Column:
    name: str
    declared_type: str
    nullable: bool
    transport: Transport


@dataclass(frozen=True)
class TableShape:
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    row_estimate: int | None


@dataclass(frozen=True)
class KeyRange:
    """A slice of one source by key: low exclusive, high inclusive, None = open end.

    Bounds are text so that a range travels through JSON unchanged; each technology compares them in the key's own type.
    """

    number: int
    low: tuple[str, ...] | None
    high: tuple[str, ...] | None

    def to_json(self) -> dict[str, Any]:
        return {"number": self.number, "low": self.low, "high": self.high}

    @staticmethod
    def from_json(data: dict[str, Any]) -> KeyRange:
        def bound(value: Sequence[str] | None) -> tuple[str, ...] | None:
            return None if value is None else tuple(value)

        return KeyRange(int(data["number"]), bound(data["low"]), bound(data["high"]))


class Source(Protocol):
    """One opened legacy system. Read-only; every method may raise SourceUnavailableError."""

    def tables(self) -> list[str]: ...

    def shape(self, table: str) -> TableShape:
        """Raise SourceDriftError when the table is gone."""

    def count(self, table: str) -> int: ...

    def ranges(
        self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()
    ) -> list[KeyRange]:
        """Cut the table into ranges of about `rows` rows. `known` boundaries stay, so unchanged data gives the same
        parts; only the open last range is cut further."""

    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str], since: tuple[str, str] | None = None
    ) -> pa.Table:
        """One binary column per requested column, ordered by key; file sources add `_row` (int64) in front.

        `since` = (watermark column, text value): only rows at or after it (delta)."""

    def snapshot(self) -> str:
        """What was read: a file's SHA-256, a server's snapshot or position. Goes into the run's manifest."""

    def close(self) -> None: ...
