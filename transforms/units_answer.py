"""From the units a rung found to the explained answer: successors, what the law settles, path, candidates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from transforms.units_index import NEW, OLD, Index, Unit
from transforms.units_outcome import REFORM, Successor

Carries = Literal["people", "area", "both"]
RESOLVED, AMBIGUOUS, UNMATCHED = "resolved", "ambiguous", "unmatched"
MAX_CANDIDATES = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """One result row. Text columns; '' = not applicable. `candidates` are new commune codes joined by `|`."""

    status: str = UNMATCHED
    era: str = ""
    old_code: str = ""
    old_valid_from: str = ""
    old_name: str = ""
    new_code: str = ""
    new_name: str = ""
    new_province_code: str = ""
    rule: str = ""
    score: float = 0.0
    runner_up: str = ""
    runner_up_score: float = 0.0
    margin: float = 0.0
    candidates: str = ""
    path: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rung found, before its outcome is worked out."""

    rule: str
    uids: tuple[int, ...]
    score: float = 100.0
    runner_up: int = -1
    runner_up_score: float = 0.0
    evidence: str = ""
    settled: bool = True  # False: never resolve on this, only offer candidates
    only: tuple[str, ...] = ()  # new codes that evidence leaves of the successors


def successors(units: list[Unit], carries: Carries) -> tuple[list[str], bool]:
    """New codes that the units' records may belong to, and whether the law's population clause narrowed them."""
    pairs: list[Successor] = [pair for unit in units for pair in unit.successors]
    wanted = [code for code, what in pairs if carries == "both" or what in ("both", carries)]
    codes = sorted(dict.fromkeys(wanted)) or sorted({code for code, _ in pairs})
    return codes, len(codes) < len({code for code, _ in pairs})


@lru_cache(maxsize=65536)
def answer(index: Index, finding: Finding, carries: Carries, era: str = "") -> Answer:
    """Resolve when exactly one new unit is left, otherwise keep the candidates. `era` is the column's, if it is known."""
    if not finding.uids:
        return Answer(rule=finding.rule, era=era, evidence=finding.evidence)
    found = _outcome(index, finding.uids, carries, finding.settled, finding.only)
    return replace(
        found,
        rule=f"{finding.rule}+{found.rule}" if found.rule and finding.settled else finding.rule,
        score=finding.score,
        runner_up=index.units[finding.runner_up].code if finding.runner_up >= 0 else "",
        runner_up_score=finding.runner_up_score,
        margin=finding.score - finding.runner_up_score,
        evidence="; ".join(part for part in (finding.evidence, found.evidence) if part),
    )


@lru_cache(maxsize=65536)
def _outcome(index: Index, uids: tuple[int, ...], carries: Carries, settled: bool, only: tuple[str, ...]) -> Answer:
    """The answer but for the rung's own figures, once per unit: a column repeats its units in many spellings."""
    units = [index.units[uid] for uid in uids]
    codes, by_law = successors(units, carries)
    base = _describe(index, units)
    if not codes:
        return replace(base, rule="successor-unknown", evidence="no source names the successor of the unit")
    law = _clauses(index, units, codes, carries) if by_law else ""
    codes = [code for code in codes if code in only] or codes if only else codes
    if len(codes) > 1 or not settled:
        rule = "split" if len(units) == 1 else "homonyms"
        return replace(base, status=AMBIGUOUS, rule=rule, evidence=law, candidates="|".join(codes[:MAX_CANDIDATES]))
    return replace(
        base,
        status=RESOLVED,
        rule="law-population" if by_law else "",
        evidence=law,
        new_code=codes[0],
        new_name=index.new_name[codes[0]],
        new_province_code=index.new_province[codes[0]],
        candidates=codes[0],
    )


def _describe(index: Index, units: list[Unit]) -> Answer:
    """What is said of the old side. Several units are named only by their era."""
    eras = {unit.era for unit in units}
    era = eras.pop() if len(eras) == 1 else "undecided" if NEW in eras else OLD
    olds = [unit for unit in units if unit.era != NEW]
    if len(units) > 1 and (len({unit.code for unit in olds}) != 1 or len(olds) != len(units)):
        return Answer(era=era)
    unit = max(units, key=lambda one: one.valid_from)
    if unit.era == NEW:
        return Answer(era=era)
    return Answer(era=era, old_code=unit.code, old_valid_from=unit.valid_from, old_name=unit.name, path=path(index, unit))


def _clauses(index: Index, units: list[Unit], codes: list[str], carries: Carries) -> str:
    events = index.registry.events
    rows = events[events.code_before.isin([u.code for u in units]) & events.code_after.isin(codes) & (events.effective_date == REFORM)]
    clauses = sorted({f"{row.legal_ref} ({row.part_kind})" for row in rows.itertuples(index=False)})
    return f"the law gives all {carries} to {'|'.join(codes)}: {', '.join(clauses)}"


def path(index: Index, unit: Unit) -> str:
    """The events from a unit to its new units, one line: `2020-02-01 merge 01405→01402 (864/NQ-UBTVQH14) > …`."""
    steps: list[str] = []
    code, day = unit.code, unit.valid_from
    for _ in range(12):  # no unit has more; the registry's checks forbid cycles
        rows = [row for row in index.paths.get(code, ()) if row[0] > day]
        if not rows:
            break
        day = rows[0][0]
        steps += [step for when, _, step in rows if when == day]
        heirs = {after for when, after, _ in rows if when == day and after}
        if len(heirs) != 1:
            break
        code = heirs.pop()
    return " > ".join(steps)
