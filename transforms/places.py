"""Where a row belongs: the unit columns of a source, resolved once per distinct value.

Codes and names decide first. The free-text address, nearly unique per row, is read only for the rows that codes and
names leave open, so that a column of a million rows costs a few thousand resolutions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mappings.units.registry import Registry
from transforms.distinct import combine
from transforms.fingerprints import text_fingerprint
from transforms.units_answer import Answer
from transforms.units_answers import Scope, answers
from transforms.units_era import speaks
from transforms.units_index import index_of
from transforms.units_query import Query

_json = msgspec.json.Encoder(order="sorted").encode
_MEMO_LIMIT = 50_000
_MOST_KINDS = 1 << 62
Codes = npt.NDArray[np.int64]

KEPT = (*Answer._fields, "inputs", "resolution_id")
"""What the database keeps of an explained answer."""
_FIELDS = (*KEPT, "reason", "spoken")
_TYPES = {"resolution_id": pa.int64(), "score": pa.float64(), "runner_up_score": pa.float64(), "margin": pa.float64()}


class Answers:
    """Explained answers, each kept once, column by column; the Arrow arrays that were asked for grow with them.

    `inputs`: what was asked, as JSON. `reason`: why a row of this answer cannot be placed. '' is null everywhere.
    """

    def __init__(self) -> None:
        self._values: dict[str, list[Any]] = {name: [] for name in _FIELDS}
        self._columns: dict[str, pa.Array] = {}

    def __len__(self) -> int:
        return len(self._values["status"])

    def add(self, answered: Iterable[Sequence[Any]]) -> None:
        """`answered`: values in the order of _FIELDS."""
        for kept, new in zip(self._values.values(), zip(*answered, strict=True), strict=False):
            kept.extend(new)

    def column(self, name: str) -> pa.Array:
        have = self._columns.get(name, pa.array([], _TYPES.get(name, pa.string())))
        if len(have) < len(self):
            have = self._columns[name] = pa.concat_arrays([have, self._array(name, len(have))])
        return have

    def since(self, start: int) -> pa.Table:
        """What is to be kept of the answers from the given one on."""
        return pa.table({name: self._array(name, start) for name in KEPT})

    def marked(self, name: str, value: str) -> npt.NDArray[np.bool_]:
        """Which answers have this value in a column."""
        return np.asarray(pc.fill_null(pc.equal(self.column(name), value), False).to_numpy(zero_copy_only=False), bool)

    def _array(self, name: str, start: int) -> pa.Array:
        return pa.array([None if value == "" else value for value in self._values[name][start:]], _TYPES.get(name, pa.string()))


@dataclass
class Placer:
    """Resolves unit columns for one source and remembers the answers, so the next chunk asks only what is new.

    `as_of`: the date whose units the mapping says the system speaks; used where a row does not tell its era itself.
    """

    registry: Registry
    scope: Scope
    carries: Any
    as_of: str
    memo: dict[str, int] = field(default_factory=dict)
    known: Answers = field(default_factory=Answers)

    def place(self, inputs: Mapping[str, pa.Array]) -> Placed:
        """`inputs`: string columns named as resolve() names them. One answer per row, one record per distinct value.

        Codes with names tell their own era, row by row, so that rows which already speak the new units are seen as
        such. Only where that leaves the era open does the era count that the mapping declares for the whole system.
        """
        named = {name: values for name, values in inputs.items() if name != "text"} or inputs
        codes = self._ask(named, "", None)
        codes = self._again(codes, named, self.as_of, self.known.marked("era", "undecided"))
        if "text" in inputs and len(inputs) > len(named):
            codes = self._again(codes, inputs, "", ~self.known.marked("status", "resolved"))
        placed = Placed(codes, self.known)
        if len(self.memo) > _MEMO_LIMIT:
            self.memo, self.known = {}, Answers()
        return placed

    def _again(self, codes: Codes, inputs: Mapping[str, pa.Array], as_of: str, left_open: npt.NDArray[np.bool_]) -> Codes:
        """Ask once more, with more to go by, for the rows whose answer leaves something open."""
        rows = np.flatnonzero(left_open[codes])
        if len(rows):
            codes = codes.copy()
            codes[rows] = self._ask(inputs, as_of, rows)
        return codes

    def _ask(self, inputs: Mapping[str, pa.Array], as_of: str, rows: Codes | None) -> Codes:
        """The place of each row's answer among the known ones; what was never asked is resolved first."""
        chosen = list(inputs.values()) if rows is None else [v.take(pa.array(rows)) for v in inputs.values()]
        numbers, first = distinct_rows(chosen)
        distinct = [combine(v.take(pa.array(first))) for v in chosen]
        asked = [f"{as_of} {' '.join(inputs)}\x1fS{key}" for key in _spelled(distinct)]
        new = [at for at, key in enumerate(asked) if key not in self.memo]
        if new:
            values = list(zip(*(v.take(pa.array(new)).to_pylist() for v in distinct), strict=True))
            self.memo |= zip((asked[at] for at in new), range(len(self.known), len(self.known) + len(new)), strict=True)
            self.known.add(self._resolved(list(inputs), as_of, values))
        return np.fromiter(map(self.memo.__getitem__, asked), np.int64, len(asked))[numbers]

    def _resolved(self, names: list[str], as_of: str, values: list[tuple[str | None, ...]]) -> Iterator[tuple[Any, ...]]:
        index, places = index_of(self.registry), [Query._fields.index(name) for name in names]
        blank = [""] * len(Query._fields)
        queries = []
        for row in values:
            for place, value in zip(places, row, strict=True):
                blank[place] = value or ""
            queries.append(Query._make(blank))
        asked = [query._replace(as_of=as_of) for query in queries] if as_of else queries
        found = answers(asked, self.registry, scope=self.scope, carries=self.carries)
        for row, query, answer in zip(values, queries, found, strict=True):
            given = {name: value for name, value in zip(names, row, strict=True) if value is not None}
            reason = unit_reason(answer, given)
            if as_of:
                given["as_of"] = as_of
            identity = text_fingerprint(_json([self.registry.version, as_of, self.carries, given]).decode())
            yield *answer, _json(given).decode(), identity, reason, speaks(index, query)


@dataclass(frozen=True)
class Placed:
    """`codes[row]` points into `known`: one explained answer per distinct value."""

    codes: Codes
    known: Answers

    def column(self, name: str) -> pa.Array:
        return self.known.column(name).take(pa.array(self.codes))

    def spoken(self) -> dict[str, int]:
        """What the distinct codes say of their era, counted by kind."""
        distinct = self.known.column("spoken").take(pa.array(np.flatnonzero(np.bincount(self.codes))))
        return {str(one["values"]): int(one["counts"]) for one in distinct.value_counts().to_pylist() if one["values"]}

    def reasons(self) -> pa.Array:
        """Why a row cannot be placed, null where it can."""
        return self.column("reason")


def _spelled(columns: Sequence[pa.Array]) -> list[str]:
    """One text per row that no other row of other values has: separator, NULL and escape all start with the same mark."""
    marked = [pc.replace_substring(column, "\x1f", "\x1fE") for column in columns]
    joined: list[str] = pc.binary_join_element_wise(*marked, "\x1fS", null_handling="replace", null_replacement="\x1fN").to_pylist()
    return joined


def unit_reason(answer: Answer, given: Mapping[str, str]) -> str | None:
    """Why a row cannot be placed. `given`: what its unit columns say."""
    if answer.status == "resolved":
        return None
    if not given:
        return "unit-missing"
    if answer.era == "undecided":
        return "unit-era-undecided"
    if answer.rule == "conflict":
        return "unit-conflict"
    return f"unit-{answer.status}"


def distinct_rows(columns: list[pa.Array]) -> tuple[Codes, Codes]:
    """Number the distinct rows of several columns: (number per row, first row of each number)."""
    rows, codes, kinds = len(columns[0]), np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        inner = pc.fill_null(encoded.indices.cast(pa.int64()), len(encoded.dictionary)).to_numpy(zero_copy_only=False)
        more = len(encoded.dictionary) + 1
        if kinds * more >= _MOST_KINDS:  # the numbers would no longer fit: count what is really there
            codes, found = pd.factorize(codes)
            kinds = len(found)
        codes, kinds = codes * more + inner, kinds * more
    codes, found = pd.factorize(codes)
    first = np.zeros(len(found), np.int64)
    first[codes[::-1]] = np.arange(rows - 1, -1, -1)  # written backwards, so that the first row of each stays
    return codes.astype(np.int64), first


def empty_to_null(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
