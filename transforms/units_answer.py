"""From the units a rung found to the explained answer: successors, what the law settles, path, candidates."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from mappings.units.timeline import Event
from transforms.units_index import NEW, OLD, Index, Unit
from transforms.units_outcome import REFORM

Carries = Literal["people", "area", "both"]
RESOLVED, AMBIGUOUS, UNMATCHED = "resolved", "ambiguous", "unmatched"
MAX_CANDIDATES = 30


class Answer(NamedTuple):
    """One result row. Text columns; '' = not applicable. `candidates` are new commune codes joined by `|`."""

    status: str
    era: str
    old_code: str
    old_valid_from: str
    old_name: str
    new_code: str
    new_name: str
    new_province_code: str
    rule: str
    score: float
    runner_up: str
    runner_up_score: float
    margin: float
    candidates: str
    path: str
    evidence: str


class Finding(NamedTuple):
    """What a rung found, before its outcome is worked out. No units = nothing found, and `rule` says why."""

    rule: str
    uids: tuple[int, ...]
    score: float = 100.0
    runner_up: int = -1
    runner_up_score: float = 0.0
    evidence: str = ""
    settled: bool = True  # False: never resolve on this, only offer candidates
    only: tuple[str, ...] = ()  # new codes that evidence leaves of the successors
    by: str = ""  # the kind of that evidence: place | coordinates | text


class OldSide(NamedTuple):
    """What is said of the unit as it was. Several units are described only by their era."""

    era: str
    code: str = ""
    valid_from: str = ""
    name: str = ""
    path: str = ""


def successors(units: list[Unit], carries: Carries) -> tuple[list[str], bool]:
    """New codes that the units' records may belong to, and whether the law's population clause narrowed them. It speaks of
    people: where a record of land lies is never settled by it."""
    if len(units) == 1 and len(units[0].successors) == 1:
        return [units[0].successors[0][0]], False
    pairs = {pair for unit in units for pair in unit.successors}
    every = sorted({code for code, _ in pairs})
    if carries != "people":
        return every, False
    wanted = sorted({code for code, what in pairs if what in ("both", "people")})
    return wanted or every, bool(wanted) and len(wanted) < len(every)


@lru_cache(maxsize=4096)
def answer(index: Index, finding: Finding, carries: Carries, era: str = "") -> Answer:
    """Resolve when exactly one new unit is left, otherwise keep the candidates. `era` is the column's, if it is known."""
    units = [index.units[uid] for uid in finding.uids]
    if len(units) == 1 and len(units[0].successors) == 1 and finding.settled and not finding.by:
        return _whole_unit(index, finding, units[0])
    codes, by_law = successors(units, carries)
    codes = [code for code in codes if code in finding.only] or codes if finding.only else codes
    old = _old_side(index, finding.uids) if units else OldSide(era)
    resolved = finding.settled and len(codes) == 1
    new = codes[0] if resolved else ""
    runner_up = index.units[finding.runner_up].code if finding.runner_up >= 0 else ""
    score = finding.score if units else 0.0
    return Answer(
        RESOLVED if resolved else AMBIGUOUS if codes else UNMATCHED, old.era, old.code, old.valid_from, old.name, new,
        index.new_name.get(new, ""), index.new_province.get(new, ""), _rule(finding, units, codes, by_law), score, runner_up,
        finding.runner_up_score, finding.score - finding.runner_up_score if units else 0.0, "|".join(codes[:MAX_CANDIDATES]),
        old.path, _evidence(index, finding, units, codes, by_law, carries),
    )  # fmt: skip


def _whole_unit(index: Index, finding: Finding, unit: Unit) -> Answer:
    """The usual answer, in a third of the time: one unit that went to one new unit as a whole."""
    new = unit.successors[0][0]
    old = _old_side(index, finding.uids)
    runner_up = index.units[finding.runner_up].code if finding.runner_up >= 0 else ""
    margin = finding.score - finding.runner_up_score
    return Answer(
        RESOLVED, old.era, old.code, old.valid_from, old.name, new, index.new_name.get(new, ""), index.new_province.get(new, ""),
        finding.rule, finding.score, runner_up, finding.runner_up_score, margin, new, old.path, finding.evidence,
    )  # fmt: skip


def _rule(finding: Finding, units: list[Unit], codes: list[str], by_law: bool) -> str:
    """The rung, and what happened after it: `canonical`, `code+law-population`, `unaccented+split`, `conflict`."""
    if units and not codes:
        return f"{finding.rule}+successor-unknown"
    if not units or not finding.settled:
        return finding.rule
    if finding.by:
        return f"{finding.rule}+{finding.by}"
    if len(codes) > 1:
        return f"{finding.rule}+{'split' if len(units) == 1 else 'homonyms'}"
    return f"{finding.rule}+law-population" if by_law else finding.rule


def _evidence(index: Index, finding: Finding, units: list[Unit], codes: list[str], by_law: bool, carries: Carries) -> str:
    if not by_law and (codes or not units):
        return finding.evidence
    parts = [finding.evidence]
    if units and not codes:
        parts.append("no source names the successor of the unit")
    if by_law:
        parts.append(_clauses(index, units, codes, carries))
    return "; ".join(part for part in parts if part)


def _clauses(index: Index, units: list[Unit], codes: list[str], carries: Carries) -> str:
    wanted = {unit.code for unit in units}
    rows = (row for code in wanted for row in index.events.get(code, ()) if row.effective_date == REFORM)
    clauses = sorted({f"{row.legal_ref} ({row.part_kind})" for row in rows if row.code_after in codes})
    return f"the law gives all {carries} to {'|'.join(codes)}: {', '.join(clauses)}"


def _old_side(index: Index, uids: tuple[int, ...]) -> OldSide:
    units = [index.units[uid] for uid in uids]
    unit = units[0]
    if len(units) == 1 and unit.era != NEW:
        return OldSide(unit.era, unit.code, unit.valid_from, unit.name, path(index, unit))
    eras = {unit.era for unit in units}
    era = eras.pop() if len(eras) == 1 else "undecided" if NEW in eras else OLD
    if era in (NEW, "undecided") or len({unit.code for unit in units}) > 1:
        return OldSide(era)
    unit = max(units, key=lambda one: one.valid_from)
    return OldSide(era, unit.code, unit.valid_from, unit.name, path(index, unit))


def path(index: Index, unit: Unit) -> str:
    """The events from a unit to its new units, one line: `2020-02-01 merge 01405→01402 (864/NQ-UBTVQH14) > …`."""
    events = index.events.get(unit.code, ())
    if unit.era == OLD and len(events) == 1 and events[0].code_after not in index.events_after_reform:
        return _step(events[0])
    steps: list[str] = []
    code, day = unit.code, unit.valid_from
    for _ in range(12):  # no unit has more; the registry's checks forbid cycles
        later = [event for event in index.events.get(code, ()) if event.effective_date > day]
        if not later:
            break
        day = later[0].effective_date
        same_day = [event for event in later if event.effective_date == day]
        steps += map(_step, same_day)
        heirs = {event.code_after for event in same_day if event.code_after}
        if len(heirs) != 1:
            break
        code = heirs.pop()
    return " > ".join(steps)


def _step(event: Event) -> str:
    change = event.code_before if event.code_after == event.code_before else f"{event.code_before}→{event.code_after}"
    return f"{event.effective_date} {event.kind} {change}" + (f" ({event.legal_ref})" if event.legal_ref else "")
