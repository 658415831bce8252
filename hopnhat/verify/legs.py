"""The four legs: groups of compared rows turned into lines with a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from hopnhat.verify.expected import MAPS, WRONG
from hopnhat.verify.landed import Shape
from hopnhat.verify.target import RunFacts
from validators.reconciliation import (
    EXPECTED_PUBLISHED,
    LANDING_EXPECTED,
    SOURCE_LANDING,
    SOURCE_PUBLISHED,
    Line,
    broken,
    compared,
    compared_groups,
    not_applicable,
)

Found: TypeAlias = Line | pa.Table
"""One line, or a table of lines: a row per group, so that ten thousand units cost no ten thousand objects."""

_UNREAD = "?"
_LANDED = "side in (0, 1, 3)"
_NO_CODES = "the source has no commune codes: its units are known by name only"
_NO_UNITS = "rows of this kind belong to no unit"
_UNSURE = "the prover cannot know the value of {0} rows; they are not compared"


@dataclass(frozen=True)
class Proof:
    """One source, compared: the DuckDB tables of expected.py and the plain facts beside them."""

    db: duckdb.DuckDBPyConnection
    source: str
    shape: Shape
    facts: RunFacts
    counts: Mapping[str, int]
    source_count: int | None

    @property
    def measures(self) -> list[tuple[str, int]]:
        """(measure as shown, its number in the columns of DuckDB); rows come first, as number 0."""
        return [("rows", 0), *((name, n) for n, name in enumerate(self.shape.measures, 1))]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.db.execute(query).fetchall()

    def number(self, query: str) -> int:
        return int(self.rows(query)[0][0] or 0)

    def groups(self, leg: str, measure: str, query: str) -> pa.Table:
        """Lines from a query whose columns are named as those of a line."""
        return compared_groups(self.source, leg, measure, self.db.sql(query).to_arrow_table())

    def classes(self) -> dict[str, int]:
        """Rows that are not published, by class."""
        found = dict.fromkeys(("quarantined", "filtered", "merged", "missing"), 0)
        return found | {name: int(n) for name, n in self.rows("select class, count(*) from rest group by 1")}


def source_landing(source: str, facts: RunFacts, altered: Sequence[int], landed: int | None, source_count: int | None) -> Iterator[Line]:
    """Leg 1: everything was read, and the landing zone is what it was."""
    leg = SOURCE_LANDING
    note = f"altered or gone: part {', '.join(map(str, altered[:20]))}" if altered else ""
    parts = len(facts.parts)
    yield compared(source, leg, "part-sha256", len(altered), landing_value=parts, other_value=parts - len(altered), note=note)
    if landed is None:
        yield broken(source, leg, "rows", "landing parts altered or gone: nothing can be recomputed from them")
        return
    extracted = sum(part.extracted for part in facts.parts)
    yield compared(source, leg, "ledger-extracted", extracted - landed, landing_value=landed, other_value=extracted)
    if source_count is None:
        yield not_applicable(source, leg, "rows", "the live source was not counted")
    elif not facts.whole:
        yield not_applicable(source, leg, "rows", "a delta reads only the rows that changed")
    else:
        yield compared(source, leg, "rows", source_count - landed, source_value=source_count, landing_value=landed)


def landing_expected(proof: Proof) -> Iterator[Found]:
    """Leg 2: every landed row has one outcome, in total and by raw status, month, old unit and component."""
    yield from _ledger(proof)
    yield from _balances(proof, "", "status", "''", "")
    if proof.shape.status:
        yield from _balances(proof, "by-raw-status", "status", "s", "status")
    if proof.shape.month:
        yield from _balances(proof, "by-month", "month", f"case when readable then coalesce(month, '') else '{_UNREAD}' end", "month")
    else:
        yield not_applicable(proof.source, LANDING_EXPECTED, "rows by-month", "the source has no date that counts by month")
    if not proof.shape.unit_code:
        why = _NO_CODES if proof.shape.has_unit else _NO_UNITS
        for measure in ("rows by-old-unit", "rows by-component"):
            yield not_applicable(proof.source, LANDING_EXPECTED, measure, why)
        return
    yield from _balances(proof, "by-stratum", "unit", "stratum", "status")
    yield from _balances(proof, "by-old-unit", "unit", f"coalesce(code, '{_UNREAD}')", "old_unit")
    yield from _components(proof)


def _ledger(proof: Proof) -> Iterator[Line]:
    """What was recomputed against what the loader wrote into its ledger."""
    counted = proof.classes()
    counted["published"] = proof.counts["landed"] - sum(counted.values())
    for outcome in ("published", "quarantined", "filtered", "merged"):
        ours, ledger = counted[outcome], proof.facts.counts[outcome]
        yield compared(proof.source, LANDING_EXPECTED, f"ledger-{outcome}", ours - ledger, landing_value=ours, other_value=ledger)


def _balances(proof: Proof, name: str, dimension: str, group: str, place: str) -> Iterator[pa.Table]:
    """landing = published + quarantined + filtered + merged per group; what is left over is missing from the target."""
    for measure, n in proof.measures:
        landed, left = (f"sum(e{n})", f"sum(m{n}_value)") if n else ("sum(rows)", "count(*)")
        yield _weighed(
            proof, f"{measure} {name}".strip(), place,
            f"select {group} as cell, {landed} as landed, {landed} as published, 0 as held, 0 as other from pair_{dimension} {MAPS[dimension]}"
            f" where {_LANDED} group by 1 union all select {group}, 0, -{left}, {_aside(n)} from rest {MAPS[dimension]} group by 1",
        )  # fmt: skip


def _components(proof: Proof) -> Iterator[Found]:
    """F24: Σ old = Σ new + quarantined + filtered + merged per connected component. The old side is grouped by raw code,
    the new side by the code that was published; rows whose old unit is not known from the code take no part."""
    for measure, n in proof.measures:
        if n and (unread := proof.number(f"select sum(unread{n}) from pair_unit")):
            yield not_applicable(proof.source, LANDING_EXPECTED, f"{measure} by-component", _UNSURE.format(unread))
            continue
        ours, theirs = (f"e{n}", f"p{n}") if n else ("rows", "rows")
        yield _weighed(
            proof, f"{measure} by-component", "old_unit",
            f"select component as cell, sum({ours}) as landed, 0 as published, 0 as held, 0 as other from pair_unit {MAPS['unit']}"
            f" where {_LANDED} and stratum <> 'unknown' group by 1"
            f" union all select component, 0, 0, {_aside(n)} from rest {MAPS['unit']} where stratum <> 'unknown' group by 1"
            f" union all select coalesce(c.component, '{_UNREAD}'), 0, sum({theirs}), 0, 0 from pair_unit x left join unit_map m on m.cu = x.cu"
            " left join component c on c.side = 'new' and c.code = x.pn"
            " where x.side in (0, 2, 4) and not x.filtered and coalesce(m.stratum, '') <> 'unknown' group by 1",
        )  # fmt: skip


def _aside(n: int) -> str:
    """SQL of two sums over `rest`: quarantined, and filtered or merged."""
    total = f"sum(m{n}_value)" if n else "count(*)"
    return f"{total} filter (where class = 'quarantined'), {total} filter (where class in ('filtered', 'merged'))"


def _weighed(proof: Proof, measure: str, place: str, sides: str) -> pa.Table:
    """Lines of leg 2 from a query of (cell, landed, published, held, other): what was landed and is nowhere else differs.
    `place`: the column of a line that tells the cell, '' = there is one cell only."""
    totals = ", ".join(f"coalesce(sum({name}), 0)::bigint as {name}" for name in ("landed", "published", "held", "other"))
    return proof.groups(
        LANDING_EXPECTED, measure,
        f"with cells as (select coalesce(cell, '') as cell, {totals} from ({sides}) group by 1)"
        f" select {f'cell as {place},' if place else ''} landed as landing_value, published as published_value, held as quarantined_value,"
        " other as other_value, landed - published - held - other as difference from cells order by cell",
    )  # fmt: skip


def expected_published(proof: Proof) -> Iterator[Found]:
    """Leg 3: the target holds exactly the expected rows, once, and each says what it should."""
    leg, published = EXPECTED_PUBLISHED, proof.counts["published"]
    yield compared(proof.source, leg, "keys-missing", proof.classes()["missing"], landing_value=proof.counts["landed"], published_value=published)
    for measure, where in (("keys-unexpected", "side = 2"), ("keys-twice", "side = 4"), ("keys-filtered-but-published", "side = 0 and filtered")):
        yield compared(proof.source, leg, measure, proof.number(f"select sum(rows) from pair_status where {where}"), published_value=published)
    yield compared(proof.source, leg, "keys-published-and-held", proof.number("select count(*) from clash"), published_value=published)
    yield from _row_by_row(proof)
    if proof.shape.status:
        yield from _margin(proof, "by-status", "status", ["expected"], ["ps"], "known", ["status"])
    if proof.shape.month:
        yield from _margin(proof, "by-month", "month", ["month"], ["pt"], "readable", ["month"])
    if proof.shape.unit_code:
        yield from _margin(proof, "by-unit", "unit", ["old_code", "new_code"], ["po", "pn"], "stratum = 'known'", ["old_unit", "new_unit"])


_CERTAIN = {"status": "known", "month": "readable", "unit": "stratum in ('known', 'split')"}


def _row_by_row(proof: Proof) -> Iterator[Line]:
    """Every published row against its landed row; rows that the prover cannot read are named, not passed over."""
    present = {"status": proof.shape.status, "month": proof.shape.month, "unit": proof.shape.unit_code}
    for name in (n for n, there in present.items() if there):
        wrong, unsure, both = proof.rows(
            f"select coalesce(sum(rows) filter (where {WRONG[name]}), 0), coalesce(sum(rows) filter (where not ({_CERTAIN[name]})), 0),"
            f" coalesce(sum(rows), 0) from pair_{name} {MAPS[name]} where side = 0 and not filtered"
        )[0]
        yield _row_line(proof, name, int(wrong), int(unsure), int(both))
    for name, n in proof.measures[1:]:
        wrong, unsure, both = proof.rows(f"select sum(bad{n}), coalesce(sum(unread{n}), 0), coalesce(sum(rows), 0) from pair_status where side = 0")[0]
        yield _row_line(proof, name, int(wrong or 0), int(unsure), int(both))
    if proof.shape.has_unit and not proof.shape.unit_code:
        yield not_applicable(proof.source, EXPECTED_PUBLISHED, "row-by-row unit", _NO_CODES)


def _row_line(proof: Proof, name: str, wrong: int, unsure: int, both: int) -> Line:
    note = _UNSURE.format(unsure) if unsure else ""
    blind = "no row has a value that SQL can read" if unsure and unsure == both else ""
    return compared(proof.source, EXPECTED_PUBLISHED, f"row-by-row {name}", wrong, blind=blind, landing_value=both - unsure, note=note)


def _margin(
    proof: Proof, name: str, dimension: str, ours: Sequence[str], theirs: Sequence[str], known: str, place: Sequence[str]
) -> Iterator[Found]:
    """Counts and sums of the unified table itself against the expected ones. Published rows whose landed row the prover
    cannot read are left out on both sides."""
    key = {"status": "s", "month": "d", "unit": "cu"}[dimension]
    group, other = (", ".join(f"coalesce({c}, '') as {at}" for c, at in zip(columns, place, strict=True)) for columns in (ours, theirs))
    for measure, n in proof.measures:
        if n and (unread := proof.number(f"select sum(unread{n}) from pair_{dimension}")):
            yield not_applicable(proof.source, EXPECTED_PUBLISHED, f"{measure} {name}", _UNSURE.format(unread))
            continue
        expected, aside, published = (f"sum(e{n})", f"coalesce(sum(m{n}_value), 0)", f"sum(p{n})") if n else ("sum(rows)", "count(*)", "sum(rows)")
        yield proof.groups(
            EXPECTED_PUBLISHED, f"{measure} {name}",
            f"with side as (select {group}, {expected} as want, 0 as have from pair_{dimension} {MAPS[dimension]} where {known} and {_LANDED} group by all"
            f" union all select {group}, -{aside}, 0 from rest {MAPS[dimension]} where {known} group by all"
            f" union all select {other}, 0, {published} from pair_{dimension} x left join {MAPS[dimension][5:].split(' ')[0]} m on m.{key} = x.{key}"
            f" where x.side in (0, 2, 4) and coalesce({known}, true) group by all)"
            f" select {', '.join(place)}, sum(want)::bigint as landing_value, sum(have)::bigint as published_value,"
            " (sum(want) - sum(have))::bigint as difference from side group by all having landing_value <> 0 or published_value <> 0 order by all",
        )  # fmt: skip


def source_published(proof: Proof) -> Iterator[Line]:
    """Leg 4: the business sees the same totals, whatever happened in between."""
    if not proof.facts.whole or proof.source_count is None:
        why = "the live source was not counted" if proof.facts.whole else "a delta reads only the rows that changed"
        yield not_applicable(proof.source, SOURCE_PUBLISHED, "rows", why)
        return
    out = proof.classes()
    published = proof.counts["published"] - proof.number("select sum(rows) from pair_status where side = 3")
    aside = out["filtered"] + out["merged"]
    yield compared(
        proof.source, SOURCE_PUBLISHED, "rows", proof.source_count - published - out["quarantined"] - aside, source_value=proof.source_count,
        published_value=published, quarantined_value=out["quarantined"], other_value=aside,
    )  # fmt: skip
