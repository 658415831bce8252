"""The unit columns of a table judged together: which code system they speak, and how many rows find their new unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.assess.model import Role, UnitFacts
from mappings.units.registry import Registry
from transforms import text
from transforms.dates import parse_timestamps
from transforms.places import Placer, distinct_rows, empty_to_null
from transforms.units import Scope
from transforms.units_era import detect_era

_MOST = 5_000
_KEYS = 5
_YEAR = "year"
Values = tuple[str | None, ...]


class UnitTally:
    """Counts rows per distinct combination of the unit columns and the year; the first key of each is kept."""

    def __init__(
        self, inputs: Mapping[str, str], encodings: Mapping[str, str], transports: Mapping[str, str], dated: tuple[str, Role] | None
    ) -> None:
        self.inputs = {name: column for name, column in inputs.items() if name != "text" or len(inputs) == 1}
        self.encodings, self.transports, self.dated = encodings, transports, dated
        self.rows: Counter[Values] = Counter()
        self.first: dict[Values, str] = {}
        self.complete = True

    def add(self, frame: pa.Table, keys: Callable[[npt.NDArray[np.int64]], list[str]]) -> None:
        columns = [self._text(frame, column) for column in self.inputs.values()] + [self._years(frame)]
        codes, first = distinct_rows(columns)
        counts = np.bincount(codes, minlength=len(first))
        values: list[Values] = list(zip(*(column.take(pa.array(first)).to_pylist() for column in columns), strict=True))
        names = keys(first) if len(first) else []
        for value, rows, key in zip(values, counts.tolist(), names, strict=True):
            if value in self.rows or len(self.rows) < _MOST:
                self.rows[value] += rows
                self.first.setdefault(value, key)
            else:
                self.complete = False

    def _text(self, frame: pa.Table, column: str) -> pa.Array:
        values = frame[column].combine_chunks()
        decoded = text.decode(values, transport=self.transports[column], encoding=self.encodings[column])
        return empty_to_null(text.clean(decoded.values).values).cast(pa.string())

    def _years(self, frame: pa.Table) -> pa.Array:
        if self.dated is None:
            return pa.nulls(frame.num_rows, pa.string())
        column, role = self.dated
        read = parse_timestamps(self._text(frame, column), formats=list(role.formats)).values
        return pc.year(read).cast(pa.string())

    def facts(self, registry: Registry, scope: Scope, carries: str, as_of: str) -> UnitFacts | None:
        filled = [(value, rows) for value, rows in self.rows.items() if any(value[:-1])]
        if not filled:
            return None
        names = [*self.inputs, _YEAR]
        frame = pd.DataFrame([value for value, _ in filled], columns=names, dtype="object").fillna("").astype(str)
        columns = {name: pa.array([value[at] for value, _ in filled], pa.string()) for at, name in enumerate(self.inputs)}
        own = Placer(registry, scope, carries, "").place(columns)
        eras = own.column("era").to_pylist()
        declared = Placer(registry, scope, carries, as_of).place(columns) if as_of else own
        statuses = declared.column("status").to_pylist()
        by_era, by_status = Counter[str](), Counter[str]()
        for (_, rows), era, status in zip(filled, eras, statuses, strict=True):
            by_era[era] += rows
            by_status[status] += rows
        era, reason, clusters = self._verdict(frame, registry, by_era)
        lesser = "new" if by_era["old"] >= by_era["new"] else "old"
        keys = [self.first[value] for (value, _), said in zip(filled, eras, strict=True) if said == lesser]
        mixed = era == "mixed"
        return UnitFacts(
            era, reason, len(filled), dict(by_era), dict(by_status), clusters, tuple(keys[:_KEYS]) if mixed else (), self.complete
        )

    def _verdict(self, frame: pd.DataFrame, registry: Registry, by_era: Counter[str]) -> tuple[str, str, dict[str, str]]:
        if list(self.inputs) == ["text"]:  # addresses: every one tells its own era, or none
            old, new = by_era["old"] + by_era["historic"], by_era["new"]
            if not old + new:
                return "undecided", "no address tells its era", {}
            lesser = min(old, new)
            era = "mixed" if lesser > max(0.02 * (old + new), 1) else "old" if old > new else "new"
            return era, f"{old} rows old, {new} rows new", {}
        dated = frame[_YEAR].ne("").any()
        found = detect_era(frame.drop(columns=[] if dated else [_YEAR]), registry, cluster=_YEAR if dated else None)
        return found.era, found.reason, {year: era for year, era in found.clusters.items() if year} if found.era == "mixed" else {}
