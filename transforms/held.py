"""A row for quarantine: its raw values whole, and every reason, so that a steward can decide without the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.conform import Finding
from transforms.distinct import combine

_ESCAPED = r'["\\\x00-\x1f]'


def raw_payloads(part: pa.Table, rows: npt.NDArray[np.int64]) -> pa.Array:
    """The landing values of the given rows, each row a JSON object; bytes that are no text are kept as hexadecimal."""
    taken, pieces = pa.array(rows), list[pa.Array | str]()
    for name in part.column_names:
        pieces += [f"{',' if pieces else '{'}{_json(name)}:", _json_texts(combine(part[name]).take(taken))]
    return pc.binary_join_element_wise(*pieces, "}", "")


def _json_texts(column: pa.Array) -> pa.Array:
    """A whole column at once where all of it is text that needs no escape, as almost always."""
    if pa.types.is_integer(column.type):
        return column.cast(pa.string()).fill_null("null")
    try:
        text = column.cast(pa.string())
        plain = not pc.any(pc.match_substring_regex(text, _ESCAPED)).as_py()
    except pa.ArrowInvalid:
        plain = False
    if not plain:
        return pa.array([_json(_json_value(value)) for value in column.to_pylist()], pa.string())
    return pc.binary_join_element_wise('"', text, '"', "").fill_null("null")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


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
) -> list[str]:
    """Every reason of each given row, as JSON. The value is named unless it is personal or spread over several columns."""
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
    return list(map(_json, found))
