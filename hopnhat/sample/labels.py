"""The right answer of every generated row: what a correct migration does with it, and why.

| column | meaning |
|---|---|
| source_key, row | key in the source; physical row of a file source. A row without a key has the row number only |
| outcome | of a first run: published, merged, quarantined or filtered |
| also_ok | outcomes that are honest too, for places a careful resolver may hold back; a published one is never another place |
| reasons | every `field:reason` of a quarantined row |
| warnings | `field:code` that at least belongs to the row |
| defects | names of what was planted; empty = sound |
| rule | filter that leaves the row out |
| old_code … candidates | where it belongs; new_code null and candidates set where the law divided the people |
| applicant_name, status, received_on | values of a published row: text as cleaned, national status, day of receipt |
| twin, twin_differs | `source|key` of the same dossier in the other system, and our columns in which the two disagree |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("source_key", pa.string()),
        ("row", pa.int64()),
        ("outcome", pa.string()),
        ("also_ok", pa.list_(pa.string())),
        ("reasons", pa.list_(pa.string())),
        ("warnings", pa.list_(pa.string())),
        ("defects", pa.list_(pa.string())),
        ("rule", pa.string()),
        ("old_code", pa.string()),
        ("new_code", pa.string()),
        ("new_province_code", pa.string()),
        ("candidates", pa.list_(pa.string())),
        ("applicant_name", pa.string()),
        ("status", pa.string()),
        ("received_on", pa.date32()),
        ("twin", pa.string()),
        ("twin_differs", pa.list_(pa.string())),
    ]
)
_LISTS = pa.list_(pa.string())
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Defect:
    """One planted defect. `also_ok`: outcomes that are honest too (held back instead of resolved), never a wrong value."""

    name: str
    outcome: str = "published"
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    also_ok: tuple[str, ...] = ()
    rule: str | None = None
    weight: float = 1.0


SOUND = Defect("")


def label_columns(defects: Sequence[Defect], first: Codes, second: Codes) -> dict[str, pa.Array]:
    """Outcome and reasons of rows that carry up to two defects, given as positions in `defects` (0 = none).

    A row left out by a filter has no reasons: the filter is asked first.
    """
    width = len(defects)
    pairs, inverse = np.unique(first * width + second, return_inverse=True)
    told = [_together(defects[int(p) // width], defects[int(p) % width]) for p in pairs]
    at = pa.array(inverse.astype(np.int64).ravel())
    types: Mapping[str, Any] = {n: SCHEMA.field(n).type for n in ("outcome", "also_ok", "reasons", "warnings", "defects", "rule")}
    return {name: pa.array([t[name] for t in told], kind).take(at) for name, kind in types.items()}


def _together(one: Defect, two: Defect) -> dict[str, Any]:
    both = [d for d in (one, two) if d.name]
    outcomes = [d.outcome for d in both]
    outcome = next((o for o in ("filtered", "merged", "quarantined") if o in outcomes), "published")
    told = outcome in ("published", "quarantined")
    return {
        "outcome": outcome,
        "also_ok": sorted({o for d in both for o in d.also_ok} - {outcome}) if outcome == "published" else [],
        "reasons": sorted({r for d in both for r in d.reasons}) if told else [],
        "warnings": sorted({w for d in both for w in d.warnings}) if told else [],
        "defects": [d.name for d in both],
        "rule": next((d.rule for d in both if d.rule), None),
    }


def label_table(columns: Mapping[str, pa.Array], rows: int) -> pa.Table:
    """Labels of `rows` rows; columns not given are null or empty."""
    arrays = []
    for field in SCHEMA:
        if field.name in columns:
            arrays.append(columns[field.name])
        elif field.type == _LISTS:
            arrays.append(pa.ListArray.from_arrays(pa.array(np.zeros(rows + 1, np.int32)), pa.array([], pa.string())))
        else:
            arrays.append(pa.nulls(rows, field.type))
    return pa.table(arrays, schema=SCHEMA)


class LabelFile:
    """Writes the labels of one source chunk by chunk; appears under its name only when complete."""

    def __init__(self, path: Path) -> None:
        self.path, self._fresh = path, path.with_suffix(".new")
        self._writer = pq.ParquetWriter(self._fresh, SCHEMA, compression="zstd")

    def __enter__(self) -> LabelFile:
        return self

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.close()
        if kind is None:
            self._fresh.replace(self.path)
        else:
            self._fresh.unlink(missing_ok=True)
