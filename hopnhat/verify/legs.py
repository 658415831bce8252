"""The four legs: counts and sums of the compared tables turned into lines with a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

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
_DAYS, _UNITS = "join day_map using (d)", "join unit_map using (cu)"
_MONTH = f"case when readable then coalesce(month, '') else '{_UNREAD}' end"


@dataclass(frozen=True)
class Proof:
    """One source, compared: the DuckDB tables of expected.py and the plain facts beside them."""

    db: duckdb.DuckDBPyConnection
    source: str
    shape: Shape
    facts: RunFacts
    counts: Mapping[str, int]
    source_count: int | None
    status_names: Mapping[str, str]
    rules: Sequence[str]

    @property
    def measures(self) -> list[tuple[str, str]]:
        """(measure as shown, column in DuckDB); rows come first."""
        return [("rows", ""), *((name, f"m{n}") for n, name in enumerate(self.shape.measures, 1))]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.db.execute(query).fetchall()

    def number(self, query: str) -> int:
        return int(self.rows(query)[0][0] or 0)


def source_landing(
    source: str, facts: RunFacts, altered: Sequence[int], landed: int | None, source_count: int | None
) -> Iterator[Line]:
    """Leg 1: everything was read, and the landing zone is what it was."""
    leg = SOURCE_LANDING
    note = f"altered or gone: part {', '.join(map(str, altered[:20]))}" if altered else ""
    yield compared(source, leg, "part-sha256", len(altered), landing_value=len(facts.parts), other_value=len(facts.parts) - len(altered), note=note)
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
    leg = LANDING_EXPECTED
    yield from _ledger(proof)
    yield from _balances(proof, leg, "", "''", "", {})
    if proof.shape.status:
        yield from _balances(proof, leg, "by-raw-status", "s", "", {"status": "{0}"})
    if proof.shape.month:
        yield from _balances(proof, leg, "by-month", _MONTH, _DAYS, {"month": "{0}"})
    else:
        yield not_applicable(proof.source, leg, "rows by-month", "the source has no date that counts by month")
    if not proof.shape.unit_code:
        why = "the source has no commune codes: its units are known by name only" if proof.shape.has_unit else "rows of this kind belong to no unit"
        yield not_applicable(proof.source, leg, "rows by-old-unit", why)
        yield not_applicable(proof.source, leg, "rows by-component", why)
        return
    yield from _balances(proof, leg, "by-stratum", "stratum", _UNITS, {"status": "{0}"})
    yield from _balances(proof, leg, "by-old-unit", f"coalesce(code, '{_UNREAD}')", _UNITS, {"old_unit": "{0}"})
    yield from _components(proof)


def _ledger(proof: Proof) -> Iterator[Line]:
    found = dict(proof.rows("select class, count(*) from rest group by 1"))
    counted = {c: int(found.get(c, 0)) for c in ("quarantined", "filtered", "merged")}
    counted["published"] = proof.counts["landed"] - sum(int(n) for n in found.values())
    for outcome in ("published", "quarantined", "filtered", "merged"):
        ledger = proof.facts.counts[outcome]
        difference = counted[outcome] - ledger
        yield compared(
            proof.source, LANDING_EXPECTED, f"ledger-{outcome}", difference, landing_value=counted[outcome], other_value=ledger
        )
    for rule, rows in sorted(proof.rows("select f, count(*) from rest where class = 'filtered' group by 1")):
        yield compared(proof.source, LANDING_EXPECTED, f"filtered by rule {rule}", 0, landing_value=int(rows), other_value=int(rows))


def _balances(proof: Proof, leg: str, name: str, group: str, join: str, place: Mapping[str, str]) -> Iterator[Line]:
    """landing = published + quarantined + filtered + merged per group; what is left over is missing from the target."""
    for measure, column in proof.measures:
        maps = f"{join} join {column}_map using ({column})" if column else join
        total = f"coalesce(sum({column}_value) filter (where {column}_ok), 0)::bigint" if column else "count(*)"
        landed = dict(proof.rows(f"select {group}, {total} from e {maps} group by 1"))
        rest: dict[Any, dict[str, int]] = {}
        for key, outcome, value in proof.rows(f"select {group}, class, {total} from rest {maps} group by 1, 2"):
            rest.setdefault(key, {})[outcome] = int(value)
        for key in sorted(landed, key=str):
            out = rest.get(key, {})
            aside = out.get("filtered", 0) + out.get("merged", 0)
            missing = out.get("missing", 0)
            published = int(landed[key]) - sum(out.values())
            at = {field: shape.format(key) for field, shape in place.items()}
            yield compared(
                proof.source, leg, f"{measure} {name}".strip(), missing, landing_value=int(landed[key]), published_value=published,
                quarantined_value=out.get("quarantined", 0), other_value=aside, **at,
            )  # fmt: skip


def _components(proof: Proof) -> Iterator[Line]:
    """F24: Σ old = Σ new + quarantined + filtered + merged per connected component. The old side is grouped by raw code,
    the new side by the code that was published; rows whose old unit is not known from the code take no part."""
    unknown = "select k from e join unit_map using (cu) where stratum = 'unknown'"
    for measure, column in proof.measures:
        blind = column and proof.number(f"select count(*) from e join {column}_map using ({column}) where not {column}_ok")
        if blind:
            yield not_applicable(proof.source, LANDING_EXPECTED, f"{measure} by-component", f"{blind} rows hold amounts that SQL cannot read")
            continue
        maps = f"join {column}_map using ({column})" if column else ""
        total, new_total = (f"coalesce(sum({column}_value), 0)::bigint", f"coalesce(sum(p.{column}), 0)::bigint") if column else ("count(*)", "count(*)")
        side = "where stratum <> 'unknown' group by 1"
        old = dict(proof.rows(f"select component, {total} from e {_UNITS} {maps} {side}"))
        aside = {
            name: dict(proof.rows(f"select component, {total} from rest {_UNITS} {maps} where class in ({classes}) and stratum <> 'unknown' group by 1"))
            for name, classes in (("quarantined", "'quarantined'"), ("other", "'filtered', 'merged'"))
        }
        new = dict(
            proof.rows(
                f"select coalesce(c.component, '{_UNREAD}'), {new_total} from p left join component c on c.side = 'new' and c.code = p.n"
                f" where p.k not in (select k from ({unknown}) where k is not null) and p.k not in (select k from stale) group by 1"
            )
        )
        for component in sorted(set(old) | set(new), key=str):
            held, other = int(aside["quarantined"].get(component, 0)), int(aside["other"].get(component, 0))
            landing, published = int(old.get(component, 0)), int(new.get(component, 0))
            yield compared(
                proof.source, LANDING_EXPECTED, f"{measure} by-component", landing - published - held - other, old_unit=str(component),
                landing_value=landing, published_value=published, quarantined_value=held, other_value=other,
            )  # fmt: skip


def expected_published(proof: Proof) -> Iterator[Line]:
    """Leg 3: the target holds exactly the expected rows, once, and each says what it should."""
    leg, twice = EXPECTED_PUBLISHED, proof.counts["twice"]
    missing = proof.number("select count(*) from rest where class = 'missing'")
    yield compared(proof.source, leg, "keys-missing", missing, landing_value=proof.counts["landed"], published_value=proof.counts["published"])
    yield compared(proof.source, leg, "keys-unexpected", proof.number("select count(*) from odd where ek is null"))
    yield compared(proof.source, leg, "keys-twice", twice, published_value=proof.counts["published"])
    yield compared(proof.source, leg, "keys-published-and-held", proof.number("select count(*) from clash"))
    yield compared(proof.source, leg, "keys-filtered-but-published", proof.number("select count(*) from odd where f <> '' and pk is not null"))
    yield from _row_by_row(proof)
    yield from _margins(proof)


def _row_by_row(proof: Proof) -> Iterator[Line]:
    """Every published row against its landed row; rows that the prover cannot read are named, not passed over."""
    dimensions = {"unit": ("stratum not in ('known', 'split')", _UNITS)} if proof.shape.unit_code else {}
    if proof.shape.status:
        dimensions["status"] = ("not known", "join status_map using (s)")
    if proof.shape.month:
        dimensions["month"] = ("not readable", _DAYS)
    for name, column in proof.measures[1:]:
        dimensions[name] = (f"not {column}_ok", f"join {column}_map using ({column})")
    landed = proof.counts["landed"]
    for name, (blind, join) in dimensions.items():
        flag = dict(proof.measures)[name] if name in proof.shape.measures else name
        unread = proof.number(f"select count(*) from e {join} where {blind}")
        wrong = proof.number(f"select count(*) from odd where bad_{flag} and not coalesce(ek in (select k from stale), false)")
        note = f"{unread} rows are not compared: the prover cannot know their value" if unread else ""
        none = "no row has a value that SQL can read" if unread == landed and landed else ""
        yield compared(proof.source, EXPECTED_PUBLISHED, f"row-by-row {name}", wrong, blind=none, landing_value=landed - unread, note=note)
    if proof.shape.has_unit and not proof.shape.unit_code:
        yield not_applicable(proof.source, EXPECTED_PUBLISHED, "row-by-row unit", "the source has no commune codes")


def _margins(proof: Proof) -> Iterator[Line]:
    """Counts and sums of the unified table itself, per status, month and unit pair, against the expected ones."""
    if proof.shape.status:
        yield from _margin(proof, "by-status", ["expected"], ["p.s"], "join status_map using (s)", "known", ["status"])
    if proof.shape.month:
        yield from _margin(proof, "by-month", ["month"], ["left(p.t, 7)"], _DAYS, "readable", ["month"])
    if proof.shape.unit_code:
        yield from _margin(proof, "by-unit", ["old_code", "new_code"], ["p.o", "p.n"], _UNITS, "stratum = 'known'", ["old_unit", "new_unit"])


def _margin(
    proof: Proof, name: str, ours: Sequence[str], theirs: Sequence[str], join: str, known: str, place: Sequence[str]
) -> Iterator[Line]:
    group = ", ".join(f"coalesce({c}, '')" for c in ours)
    other = ", ".join(f"coalesce({c}, '')" for c in theirs)
    by = ", ".join(str(n + 1) for n in range(len(ours)))
    out_of_view = f"select e.k from e {join} where not ({known})"
    exclude = f"where p.k not in (select k from stale) and p.k not in (select k from ({out_of_view}) where k is not null)"
    if not proof.number(f"select (select count(*) from ({out_of_view})) + (select count(*) from stale)"):
        exclude = ""
    for measure, column in proof.measures:
        if column and proof.number(f"select count(*) from {column}_map where not {column}_ok"):
            yield not_applicable(proof.source, EXPECTED_PUBLISHED, f"{measure} {name}", "some amounts cannot be read in SQL")
            continue
        maps = f"{join} join {column}_map using ({column})" if column else join
        total, new_total = (f"coalesce(sum({column}_value), 0)::bigint", f"coalesce(sum(p.{column}), 0)::bigint") if column else ("count(*)", "count(*)")
        expected = _counted(proof, f"select {group}, {total} from e {maps} where {known} group by {by}")
        for key, value in _counted(proof, f"select {group}, {total} from rest {maps} where {known} group by {by}").items():
            expected[key] = expected.get(key, 0) - value
        published = _counted(proof, f"select {other}, {new_total} from p {exclude} group by {by}")
        for key in sorted(set(expected) | set(published)):
            want, have = expected.get(key, 0), published.get(key, 0)
            if want or have:
                at = dict(zip(place, key, strict=True))
                yield compared(
                    proof.source, EXPECTED_PUBLISHED, f"{measure} {name}", want - have, landing_value=want, published_value=have, **at
                )


def _counted(proof: Proof, query: str) -> dict[tuple[str, ...], int]:
    return {tuple(map(str, row[:-1])): int(row[-1]) for row in proof.rows(query)}


def source_published(proof: Proof) -> Iterator[Line]:
    """Leg 4: the business sees the same totals, whatever happened in between."""
    leg, counts = SOURCE_PUBLISHED, proof.counts
    if not proof.facts.whole:
        yield not_applicable(proof.source, leg, "rows", "a delta reads only the rows that changed")
        return
    if proof.source_count is None:
        yield not_applicable(proof.source, leg, "rows", "the live source was not counted")
        return
    classes = dict(proof.rows("select class, count(*) from rest group by 1"))
    held, aside = int(classes.get("quarantined", 0)), int(classes.get("filtered", 0)) + int(classes.get("merged", 0))
    published = counts["published"] - proof.number("select count(*) from p semi join stale using (k)")
    yield compared(
        proof.source, leg, "rows", proof.source_count - published - held - aside, source_value=proof.source_count, published_value=published,
        quarantined_value=held, other_value=aside,
    )  # fmt: skip
