"""Where a row belongs: the unit columns of a source, resolved once per distinct value.

Codes and names decide first. The free-text address, nearly unique per row, is read only for the rows that codes and
names leave open, so that a column of a million rows costs a few thousand resolutions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mappings.units.registry import Registry
from transforms.distinct import combine
from transforms.fingerprints import text_fingerprint
from transforms.units import Scope, resolve

RESULT = (
    "status", "era", "old_code", "old_valid_from", "old_name", "new_code", "new_name", "new_province_code", "rule", "score",
    "runner_up", "runner_up_score", "margin", "candidates", "path", "evidence",
)  # fmt: skip
_MEMO_LIMIT = 200_000


@dataclass
class Placer:
    """Resolves unit columns for one source and remembers the answers, so the next chunk asks only what is new.

    `as_of`: the date whose units the mapping says the system speaks; used where a row does not tell its era itself.
    """

    registry: Registry
    scope: Scope
    carries: Any
    as_of: str
    memo: dict[tuple[tuple[str, ...], tuple[str | None, ...]], dict[str, Any]] = field(default_factory=dict)

    def place(self, inputs: Mapping[str, pa.Array]) -> Placed:
        """`inputs`: string columns named as resolve() names them. One answer per row, one record per distinct value.

        Codes with names tell their own era, row by row, so that rows which already speak the new units are seen as
        such. Only where that leaves the era open does the era count that the mapping declares for the whole system.
        """
        named = {name: values for name, values in inputs.items() if name != "text"} or inputs
        placed = self._ask(named, "", None)
        placed = self._again(placed, named, self.as_of, lambda a: a["era"] == "undecided")
        if "text" in inputs and len(inputs) > len(named):
            placed = self._again(placed, inputs, "", lambda a: a["status"] != "resolved")
        return placed

    def _again(self, placed: Placed, inputs: Mapping[str, pa.Array], as_of: str, open_: Callable[[dict[str, Any]], bool]) -> Placed:
        """Ask once more, with more to go by, for the rows whose answer leaves something open."""
        rows = np.flatnonzero(np.array([open_(a) for a in placed.answers])[placed.codes])
        return placed.replaced(rows, self._ask(inputs, as_of, rows)) if len(rows) else placed

    def _ask(self, inputs: Mapping[str, pa.Array], as_of: str, rows: npt.NDArray[np.int64] | None) -> Placed:
        chosen = list(inputs.values()) if rows is None else [v.take(pa.array(rows)) for v in inputs.values()]
        codes, first = distinct_rows(chosen)
        values = list(zip(*(combine(v.take(pa.array(first))).to_pylist() for v in chosen), strict=True))
        asked = (as_of, *inputs)
        if new := [value for value in values if (asked, value) not in self.memo]:
            self._resolve(asked, new)
        answers = [self.memo[asked, value] for value in values]
        if len(self.memo) > _MEMO_LIMIT:
            self.memo.clear()
        return Placed(codes, answers)

    def _resolve(self, asked: tuple[str, ...], values: list[tuple[str | None, ...]]) -> None:
        as_of, *names = asked
        queries = pd.DataFrame(values, columns=names, dtype="str").assign(as_of=as_of)
        found = resolve(queries, self.registry, scope=self.scope, carries=self.carries)
        records: list[dict[str, Any]] = [{str(k): None if v == "" or v != v else v for k, v in r.items()} for r in found[list(RESULT)].to_dict("records")]
        for value, record in zip(values, records, strict=True):
            given = {n: v for n, v in zip(names, value, strict=True) if v is not None}
            text = json.dumps([self.registry.version, as_of, self.carries, given], ensure_ascii=False, sort_keys=True)
            self.memo[asked, value] = record | {"inputs": given, "resolution_id": text_fingerprint(text)}


@dataclass(frozen=True)
class Placed:
    """`codes[row]` points into `answers`: one explained answer per distinct value."""

    codes: npt.NDArray[np.int64]
    answers: list[dict[str, Any]]

    def column(self, name: str, pa_type: pa.DataType | None = None) -> pa.Array:
        return pa.array([a[name] for a in self.answers], pa_type or pa.string()).take(pa.array(self.codes))

    def reasons(self) -> pa.Array:
        """Why a row cannot be placed, null where it can."""
        return pa.array([unit_reason(a) for a in self.answers], pa.string()).take(pa.array(self.codes))

    def replaced(self, rows: npt.NDArray[np.int64], other: Placed) -> Placed:
        codes = self.codes.copy()
        codes[rows] = other.codes + len(self.answers)
        return Placed(codes, self.answers + other.answers)


def unit_reason(answer: Mapping[str, Any]) -> str | None:
    if answer["status"] == "resolved":
        return None
    if not answer["inputs"]:
        return "unit-missing"
    if answer["era"] == "undecided":
        return "unit-era-undecided"
    if answer["rule"] == "conflict":
        return "unit-conflict"
    return f"unit-{answer['status']}"


def distinct_rows(columns: list[pa.Array]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Number the distinct rows of several columns: (number per row, first row of each number)."""
    codes = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        inner = pc.fill_null(encoded.indices.cast(pa.int64()), len(encoded.dictionary)).to_numpy(zero_copy_only=False)
        codes, _ = pd.factorize(codes * (len(encoded.dictionary) + 1) + inner)
    _, first = np.unique(codes, return_index=True)
    return codes.astype(np.int64), first.astype(np.int64)


def empty_to_null(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
