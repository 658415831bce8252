"""Verdicts of a reconciliation: one line per comparison, one digest over all of them. Pure.

A line is what a vendor can sign: what was compared, the numbers of each side, their difference and a verdict. The
digest leaves out everything that changes from run to run, so the same data gives the same digest.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

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


@dataclass(frozen=True)
class Example:
    """Coordinates of rows behind a failing measure: keys of the source, never values."""

    source: str
    measure: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What one reconciliation found for one system in one run."""

    system: str
    run_id: str
    lines: tuple[Line, ...]
    examples: tuple[Example, ...] = ()

    @property
    def digest(self) -> str:
        return digest(self.lines)

    @property
    def outcome(self) -> Outcome:
        found = self.counts()
        return next((o for o in ("error", "fail", "pass") if found[o]), "not applicable")

    @property
    def passed(self) -> bool:
        return self.outcome == "pass"

    def counts(self) -> Counter[str]:
        return Counter(line.verdict for line in self.lines)

    @property
    def failed(self) -> int:
        """Lines that failed or could not be checked at all."""
        return len(self.failures())

    def failures(self) -> list[Line]:
        return [line for line in self.lines if line.verdict in ("fail", "error")]

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


def digest(lines: Iterable[Line]) -> str:
    """SHA-256 over the lines in canonical order and spelling. Same data, same digest, whatever the run.

    >>> a, b = Line("s", "l", "m", landing_value=1), Line("s", "l", "n")
    >>> digest([a, b]) == digest([b, a]) and digest([a]) != digest([b])
    True
    """
    return hashlib.sha256(b"\n".join(sorted(map(msgspec.json.Encoder().encode, lines)))).hexdigest()

