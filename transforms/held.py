"""A row for quarantine: its raw values whole, and every reason, so that a steward can decide without the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.conform import Finding
from transforms.distinct import combine, has_nul


def raw_payloads(part: pa.Table, rows: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    """The landing values of the given rows as JSON-able dicts; bytes that are no text are kept as hexadecimal."""
    chosen = part.take(pa.array(rows))
    columns = [_json_values(column) for column in chosen.columns]
    return [dict(zip(chosen.column_names, values, strict=True)) for values in zip(*columns, strict=True)]


def _json_values(column: pa.ChunkedArray) -> list[Any]:
    """A whole column at once where all of it is storable text, as almost always."""
    if pa.types.is_integer(column.type):
        return list(column.to_pylist())
    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        return [_json_value(value) for value in column.to_pylist()]
    nul = pc.any(has_nul(combine(text))).as_py()
    return [_json_value(value) for value in column.to_pylist()] if nul else list(text.to_pylist())


def _json_value(value: bytes | int | None) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": value.hex()}
    return {"hex": value.hex()} if "\x00" in text else text


def problems_of(
    findings: Sequence[Finding], part: pa.Table, rows: npt.NDArray[np.int64], personal: frozenset[str]
) -> list[list[dict[str, Any]]]:
    """Every reason of each given row. The value is named unless it is personal or spread over several columns."""
    found: list[list[dict[str, Any]]] = [[] for _ in range(len(rows))]
    taken = pa.array(rows)
    for finding in findings:
        reasons = finding.reasons.take(taken)
        places = np.flatnonzero(reasons.is_valid().to_numpy(zero_copy_only=False))
        if len(places) == 0:
            continue
        shown = finding.column in part.column_names and finding.field not in personal
        values = part[finding.column].take(pa.array(rows[places])).to_pylist() if shown else [None] * len(places)
        for at, reason, value in zip(places.tolist(), reasons.drop_null().to_pylist(), values, strict=True):
            found[at].append({"field": finding.field, "column": finding.column, "reason": reason, "value": _json_value(value)})
    return found
