"""The four legs: groups of compared rows turned into lines with a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

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
    not_applicable,
)

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


def landing_expected(proof: Proof) -> Iterator[Line]:
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


def _balances(proof: Proof, name: str, dimension: str, group: str, place: str) -> Iterator[Line]:
    """landing = published + quarantined + filtered + merged per group; what is left over is missing from the target."""
    for measure, n in proof.measures:
        landed = _summed(proof, f"select {group}, sum({f'e{n}' if n else 'rows'}) from pair_{dimension} {MAPS[dimension]} where {_LANDED} group by 1")
        rest = _rest(proof, dimension, group, n)
        for key in sorted(landed):
            out = rest.get(key, {})
            yield compared(
                proof.source, LANDING_EXPECTED, f"{measure} {name}".strip(), out.get("missing", 0), landing_value=landed[key],
                published_value=landed[key] - sum(out.values()), quarantined_value=out.get("quarantined", 0),
                other_value=out.get("filtered", 0) + out.get("merged", 0), **({place: key} if place else {}),
            )  # fmt: skip


def _rest(proof: Proof, dimension: str, group: str, n: int) -> dict[str, dict[str, int]]:
    total = f"coalesce(sum(m{n}_value), 0)" if n else "count(*)"
    found: dict[str, dict[str, int]] = {}
    for key, outcome, value in proof.rows(f"select {group}, class, {total} from rest {MAPS[dimension]} group by 1, 2"):
        found.setdefault(str(key), {})[outcome] = int(value)
    return found


def _components(proof: Proof) -> Iterator[Line]:
    """F24: Σ old = Σ new + quarantined + filtered + merged per connected component. The old side is grouped by raw code,
    the new side by the code that was published; rows whose old unit is not known from the code take no part."""
    for measure, n in proof.measures:
        if n and (unread := proof.number(f"select sum(unread{n}) from pair_unit")):
            yield not_applicable(proof.source, LANDING_EXPECTED, f"{measure} by-component", _UNSURE.format(unread))
            continue
        ours, theirs = (f"e{n}", f"p{n}") if n else ("rows", "rows")
        old = _summed(proof, f"select component, sum({ours}) from pair_unit {MAPS['unit']} where {_LANDED} and stratum <> 'unknown' group by 1")
        aside = _rest(proof, "unit", f"case when stratum = 'unknown' then '{_UNREAD}' else component end", n)
        new = _summed(
            proof,
            f"select coalesce(c.component, '{_UNREAD}'), sum({theirs}) from pair_unit x left join unit_map m on m.cu = x.cu"
            " left join component c on c.side = 'new' and c.code = x.pn"
            " where x.side in (0, 2, 4) and not x.filtered and coalesce(m.stratum, '') <> 'unknown' group by 1",
        )
        for component in sorted(old.keys() | new.keys()):
            out = aside.get(component, {})
            held, other = out.get("quarantined", 0), out.get("filtered", 0) + out.get("merged", 0)
            landing, published = old.get(component, 0), new.get(component, 0)
            yield compared(
                proof.source, LANDING_EXPECTED, f"{measure} by-component", landing - published - held - other, old_unit=component,
                landing_value=landing, published_value=published, quarantined_value=held, other_value=other,
            )  # fmt: skip


def expected_published(proof: Proof) -> Iterator[Line]:
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
) -> Iterator[Line]:
    """Counts and sums of the unified table itself against the expected ones. Published rows whose landed row the prover
    cannot read are left out on both sides."""
    group, other = (", ".join(f"coalesce({c}, '')" for c in columns) for columns in (ours, theirs))
    by = ", ".join(str(n + 1) for n in range(len(ours)))
    key = {"status": "s", "month": "d", "unit": "cu"}[dimension]
    for measure, n in proof.measures:
        if n and (unread := proof.number(f"select sum(unread{n}) from pair_{dimension}")):
            yield not_applicable(proof.source, EXPECTED_PUBLISHED, f"{measure} {name}", _UNSURE.format(unread))
            continue
        ours_total, rest_total, theirs_total = (f"sum(e{n})", f"sum(m{n}_value)", f"sum(p{n})") if n else ("sum(rows)", "count(*)", "sum(rows)")
        expected = _keyed(proof, f"select {group}, {ours_total} from pair_{dimension} {MAPS[dimension]} where {known} and {_LANDED} group by {by}")
        for at, value in _keyed(proof, f"select {group}, {rest_total} from rest {MAPS[dimension]} where {known} group by {by}").items():
            expected[at] = expected.get(at, 0) - value
        published = _keyed(
            proof,
            f"select {other}, {theirs_total} from pair_{dimension} x left join {MAPS[dimension][5:].split(' ')[0]} m on m.{key} = x.{key}"
            f" where x.side in (0, 2, 4) and coalesce({known}, true) group by {by}",
        )
        for at in sorted(expected.keys() | published.keys()):
            want, have = expected.get(at, 0), published.get(at, 0)
            if want or have:
                cells = dict(zip(place, at, strict=True))
                yield compared(proof.source, EXPECTED_PUBLISHED, f"{measure} {name}", want - have, landing_value=want, published_value=have, **cells)


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


def _summed(proof: Proof, query: str) -> dict[str, int]:
    return {str(key): int(value or 0) for key, value in proof.rows(query)}


def _keyed(proof: Proof, query: str) -> dict[tuple[str, ...], int]:
    return {tuple(map(str, row[:-1])): int(row[-1] or 0) for row in proof.rows(query)}
