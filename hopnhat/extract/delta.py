"""Deltas, pure: where the next watermark window starts, and what full key sets say about deletes and changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(\.\d+)?)?([-+]\d\d(?::?\d\d)?|Z)?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def window_start(high_mark: str, overlap: int) -> str:
    """The value from which (inclusive) the next delta reads: `overlap` seconds, or numbers, before the last mark.

    The fraction keeps every digit it has, because a mark rounded to microseconds loses or repeats rows of a
    datetime2(7) or TIMESTAMP(9) column.

    >>> window_start("2026-03-01 00:00:05.1234567", 10), window_start("1000", 5), window_start("2026-03-01", 0)
    ('2026-02-28 23:59:55.1234567', '995', '2026-03-01')
    """
    if _NUMBER.fullmatch(high_mark):
        return format(Decimal(high_mark) - overlap, "f")
    found = _MOMENT.fullmatch(high_mark)
    if not found:
        raise ValueError("a watermark must be a number or an ISO date and time")
    day, clock, fraction, zone = found.groups()
    if clock is None:
        days = -(-overlap // 86_400)  # a date column: whole days, rather more than less
        return str((datetime.fromisoformat(day) - timedelta(days=days)).date()) + (zone or "")
    moment = datetime.fromisoformat(f"{day} {clock}") - timedelta(seconds=overlap)
    return moment.isoformat(sep=" ") + (fraction or "") + (zone or "")


def high_mark(column: pa.Array | pa.ChunkedArray, before: str | None = None) -> str | None:
    """The highest watermark of a landing column (binary), not lower than `before`. None when nothing is dated."""
    texts = [raw.decode("ascii", "replace") for raw in pc.unique(column).to_pylist() if raw]
    texts = [*texts, *([before] if before else [])]
    if not texts:
        return None
    if all(_NUMBER.fullmatch(text) for text in texts):
        return max(texts, key=Decimal)
    return max(texts, key=_sortable)


def _sortable(text: str) -> tuple[str, str]:
    """Fractions of different length compare as fractions: .5 is later than .45."""
    whole, _, fraction = text.partition(".")
    return whole, fraction.rstrip("0")


@dataclass(frozen=True)
class KeyChanges:
    """Keys only, sorted; a key is a row of `key` columns."""

    added: pa.Table
    gone: pa.Table
    changed: pa.Table


def compare_keys(before: pa.Table, now: pa.Table, key: Sequence[str], fingerprint: str | None = None) -> KeyChanges:
    """Deletes are what only the full key set shows; with a fingerprint column also what changed without a watermark."""
    names = list(key)
    added = _minus(now, before, names)
    gone = _minus(before, now, names)
    changed = added.slice(0, 0)
    if fingerprint is not None:
        altered = _minus(now, before, [*names, fingerprint]).select(names)
        changed = _minus(altered, added, names)
    return KeyChanges(added, gone, changed)


def _minus(left: pa.Table, right: pa.Table, names: list[str]) -> pa.Table:
    """Distinct rows of `left` without partner in `right`."""
    # A NULL in a key equals no other NULL in a join: both sides are told apart from empty text and then compared.
    found = _comparable(left, names).join(_comparable(right, names), keys=_marks(names), join_type="left anti", use_threads=False)
    rows = found.group_by(_marks(names), use_threads=False).aggregate([]).sort_by([(mark, "ascending") for mark in _marks(names)])
    columns = [_restored(rows.column(mark), left.schema.field(name).type) for mark, name in zip(_marks(names), names, strict=True)]
    return pa.table(columns, names=names)


def _marks(names: Sequence[str]) -> list[str]:
    return [f"k{at}" for at in range(len(names))]


def _comparable(table: pa.Table, names: Sequence[str]) -> pa.Table:
    columns = []
    for name in names:
        column = table.column(name)
        binary = column if pa.types.is_binary(column.type) else column.cast(pa.string()).cast(pa.binary())
        columns.append(pc.coalesce(pc.binary_join_element_wise(pa.scalar(b"="), binary, pa.scalar(b"")), pa.scalar(b"")))
    return pa.table(columns, names=_marks(names))


def _restored(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    # to_pylist: only the differences come here, a small part of the keys
    values = pa.array([raw[1:] if raw else None for raw in column.to_pylist()], pa.binary())
    return pa.chunked_array([values if pa.types.is_binary(kind) else values.cast(pa.string()).cast(kind)])
