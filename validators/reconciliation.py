"""Verdicts of a reconciliation: one line per comparison, one digest over all of them. Pure.

A line is what a vendor can sign: what was compared, the numbers of each side, their difference and a verdict. The
digest leaves out everything that changes from run to run, so the same data gives the same digest.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc

Outcome = Literal["pass", "fail", "not applicable", "error"]
Number = int | None

SOURCE_LANDING = "1 source-landing"
LANDING_EXPECTED = "2 landing-expected"
EXPECTED_PUBLISHED = "3 expected-published"
SOURCE_PUBLISHED = "4 source-published"
LEGS = (SOURCE_LANDING, LANDING_EXPECTED, EXPECTED_PUBLISHED, SOURCE_PUBLISHED)


class Line(NamedTuple):
    """One row of verify.result. Values that a comparison does not have are None; `difference` is 0 when they agree."""

    source: str
    leg: str
    measure: str
    old_unit: str = ""
    new_unit: str = ""
    month: str = ""
    status: str = ""
    source_value: Number = None
    landing_value: Number = None
    published_value: Number = None
    quarantined_value: Number = None
    other_value: Number = None
    difference: int = 0
    verdict: Outcome = "pass"
    note: str = ""


_NUMBERS = ("source_value", "landing_value", "published_value", "quarantined_value", "other_value", "difference")
_SCHEMA = pa.schema([(name, pa.int64() if name in _NUMBERS else pa.string()) for name in Line._fields])


@dataclass(frozen=True)
class Example:
    """Coordinates of rows behind a failing measure: keys of the source, never values."""

    source: str
    measure: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What one reconciliation found for one system in one run. `table`: a row per line, columns as in Line."""

    system: str
    run_id: str
    table: pa.Table
    examples: tuple[Example, ...] = ()

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return _as_lines(self.table)

    @property
    def digest(self) -> str:
        return digest(self.table)

    @property
    def outcome(self) -> Outcome:
        found = self.counts()
        return next((o for o in ("error", "fail", "pass") if found[o]), "not applicable")

    @property
    def passed(self) -> bool:
        return self.outcome == "pass"

    def counts(self) -> Counter[str]:
        return Counter({one["values"]: one["counts"] for one in self.table["verdict"].value_counts().to_pylist()})

    @property
    def failed(self) -> int:
        """Lines that failed or could not be checked at all."""
        return len(self.failures())

    def failures(self) -> list[Line]:
        return list(_as_lines(with_verdict(self.table, "fail", "error")))

    def explain(self, limit: int = 5) -> str:
        """The first failing measures, for an error message: counts and coordinates, no values."""
        seen = Counter((f.source, f.leg, f.measure) for f in self.failures())
        named = [f"{source} {measure} (leg {leg}, {n} lines)" for (source, leg, measure), n in seen.most_common(limit)]
        return "; ".join(named) or "nothing failed"


def compared(source: str, leg: str, measure: str, difference: int, *, blind: str = "", **values: int | str | None) -> Line:
    """A line whose verdict follows from its difference. `blind` says why the comparison could not be made."""
    verdict: Outcome = "not applicable" if blind else "pass" if difference == 0 else "fail"
    if blind or "note" in values:
        values["note"] = "; ".join(str(note) for note in (values.get("note"), blind) if note)
    return Line(source, leg, measure, difference=0 if blind else difference, verdict=verdict, **values)  # type: ignore[arg-type]


def not_applicable(source: str, leg: str, measure: str, why: str) -> Line:
    return Line(source, leg, measure, verdict="not applicable", note=why)


def broken(source: str, leg: str, measure: str, why: str) -> Line:
    return Line(source, leg, measure, verdict="error", note=why)


def compared_groups(source: str, leg: str, measure: str, groups: pa.Table) -> pa.Table:
    """Lines of one measure, a row per group: `groups` has the columns of a line that tell a group and its numbers."""
    given = {name: groups[name] for name in groups.column_names}
    verdict = pc.if_else(pc.equal(given["difference"], 0), "pass", "fail")
    same = {"source": source, "leg": leg, "measure": measure}
    columns = {**{name: pa.repeat(value, groups.num_rows) for name, value in same.items()}, **given, "verdict": verdict}
    return pa.table([columns[f.name] if f.name in columns else _default(f, groups.num_rows) for f in _SCHEMA], _SCHEMA)


def _default(field: pa.Field, rows: int) -> pa.Array:
    return pa.nulls(rows, field.type) if field.name in _NUMBERS else pa.repeat("", rows)


def as_table(found: Iterable[Line | pa.Table]) -> pa.Table:
    """Single lines and tables of lines as one table. In one piece: of a table whose first piece is empty Arrow makes
    rubbish as CSV."""
    lines, tables = list[Line](), list[pa.Table]()
    for one in found:
        if isinstance(one, Line):
            lines.append(one)
        else:
            tables.append(one)
    columns = list(zip(*lines, strict=True)) or [()] * len(_SCHEMA)
    single = pa.table([pa.array(values, field.type) for values, field in zip(columns, _SCHEMA, strict=True)], _SCHEMA)
    return pa.concat_tables([single, *tables]).combine_chunks()


def with_verdict(lines: pa.Table, *verdicts: Outcome) -> pa.Table:
    return lines.filter(pc.is_in(lines["verdict"], pa.array(verdicts)))


def _as_lines(table: pa.Table) -> tuple[Line, ...]:
    return tuple(cast(Iterable[Line], map(Line._make, zip(*(column.to_pylist() for column in table.columns), strict=True))))


def digest(lines: pa.Table) -> str:
    """SHA-256 over the lines in canonical order and spelling: columns as in Line, between them a unit separator, a record
    separator for what is absent. Same data, same digest, whatever the run.

    >>> a, b = Line("s", "l", "m", landing_value=1), Line("s", "l", "n")
    >>> digest(as_table([a, b])) == digest(as_table([b, a])) and digest(as_table([a])) != digest(as_table([b]))
    True
    """
    spelled = pc.binary_join_element_wise(
        *(column.cast(pa.string()) for column in lines.select(_SCHEMA.names).columns), "\x1f", null_handling="replace", null_replacement="\x1e"
    )
    return hashlib.sha256("\n".join(sorted(spelled.to_pylist())).encode()).hexdigest()
