"""The mismatch report: one line per distinct problem, so that one decision settles every row that has it (F62).

Vietnamese first, for stewards; no personal data by default (DOMAIN §6). XLSX to filter and pass on, HTML to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from psycopg2.extensions import connection

from hopnhat.report import problems as read
from hopnhat.report.charts import shortened
from hopnhat.report.mask import HIDDEN, commune_part, masked, scrubbed
from hopnhat.report.mismatch_html import write_html
from hopnhat.report.mismatch_lines import Item, Report
from hopnhat.report.mismatch_xlsx import write_xlsx
from hopnhat.report.reasons import reason
from hopnhat.report.unitnames import UnitNames, unit_names
from mappings.read import HERE, load_domain
from mappings.spec import DomainColumn, Entity

LINES = 20_000
"""Distinct problems listed at most; the rest is counted and said."""
_CANDIDATES = 6


def write_mismatch(conn: connection, run_id: str, systems: Sequence[str], out_dir: str | Path) -> dict[str, str]:
    """Write the report of some systems of a run. Returns {"mismatch_xlsx": path, "mismatch_html": path}."""
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    report = collect(conn, run_id, systems)
    return {
        "mismatch_xlsx": str(write_xlsx(report, folder / "mismatch.xlsx")),
        "mismatch_html": str(write_html(report, folder / "mismatch.html")),
    }


def collect(conn: connection, run_id: str, systems: Sequence[str], limit: int = LINES) -> Report:
    """Read what is open, aggregated in SQL, and put it into words."""
    found, total = read.problems(conn, run_id, systems, limit)
    raws = read.samples(conn, [p.sample for p in found])
    counted = read.counts(conn, run_id, systems)
    names = unit_names()
    by_unit = read.held_by_unit(conn, run_id, systems)
    by_reason: Counter[str] = Counter()
    for problem in found:
        by_reason[reason(problem.reason).label_vi] += problem.rows
    remarks = [
        (source, _label(_column(counted, source, name), name), f"{reason(code).label_vi}\x1f{code}", rows)
        for source, name, code, rows in read.warnings(conn, counted)
    ]
    items = _merged([_item(p, raws.get(p.sample, {}), names) for p in found])
    return Report(
        run_id=run_id,
        systems=tuple(systems),
        facts=read.run_facts(conn, run_id, systems),
        counts=counted,
        items=items,
        problems=total - len(found) + len(items),
        rows_by_reason=by_reason.most_common(12),
        held_by_unit=[("Chưa xác định" if code == "?" else names.show_old(code), n) for code, n in by_unit],
        warnings=remarks,
    )


def _merged(items: Sequence[Item]) -> list[Item]:
    """Problems that read the same once house and street are left out are one problem."""
    found: dict[Item, list[Item]] = {}
    for item in items:
        found.setdefault(replace(item, rows=0, keys="", example=""), []).append(item)
    merged = [replace(same[0], rows=sum(i.rows for i in same), keys=_keys([k for i in same for k in i.keys.split(", ")])) for same in found.values()]
    return sorted(merged, key=lambda i: -i.rows)


def _keys(keys: Sequence[str]) -> str:
    return ", ".join(list(dict.fromkeys(keys))[:3])


@cache
def entities() -> dict[str, Entity]:
    """Every entity of every domain, by name: a report must know what is personal without the system's mapping."""
    found: dict[str, Entity] = {}
    for path in sorted((HERE / "domains").glob("*.yml")):
        found |= load_domain(path.stem).entities
    return found


def _column(counts: Sequence[read.Counts], source: str, name: str) -> DomainColumn | None:
    entity = next((entities().get(c.entity) for c in counts if c.source == source), None)
    return entity.columns.get(name) if entity else None


def _label(column: DomainColumn | None, name: str) -> str:
    fixed = {"unit": "Đơn vị hành chính", "source_key": "Khóa của dòng"}
    return column.label if column else fixed.get(name, name)


def _item(problem: read.Problem, raw: Mapping[str, Any], names: UnitNames) -> Item:
    entity = entities().get(problem.entity)
    column = entity.columns.get(problem.field) if entity else None
    words = reason(problem.reason)
    is_unit = problem.field == "unit"
    keys = problem.first_key if problem.rows == 1 or problem.first_key == problem.last_key else f"{problem.first_key}, {problem.last_key}"
    return Item(
        source=problem.source,
        label=_label(column, problem.field),
        column=problem.column.replace("|", ", "),
        reason=words.label_vi,
        reason_code=problem.reason,
        context=_unit_context(problem) if is_unit else _value(problem, column),
        rows=problem.rows,
        example="" if is_unit else _example(problem, column, raw),
        candidates=_candidates(problem, names),
        how=_how(problem, names),
        keys=scrubbed(keys) if problem.field == "source_key" or len(keys) > 60 else keys,
        advice=words.advice_vi,
    )


def _unit_context(problem: read.Problem) -> str:
    parts = [scrubbed(problem.named), commune_part(problem.address) if problem.address else ""]
    return " · ".join(p for p in parts if p) or "(để trống)"


def _value(problem: read.Problem, column: DomainColumn | None) -> str:
    if problem.value is None:
        return "(dữ liệu cá nhân)" if column is not None and column.pii != "none" else ""
    return f"“{shortened(masked(problem.value, column), 80)}”" if problem.value.strip() else "(để trống)"


def _example(problem: read.Problem, column: DomainColumn | None, raw: Mapping[str, Any]) -> str:
    """The offending value of one row, masked. What is no text is not shown."""
    if problem.value is not None or problem.column not in raw:
        return ""
    value = raw[problem.column]
    if isinstance(value, Mapping):
        return HIDDEN
    return shortened(masked(None if value is None else str(value), column), 60)


def _candidates(problem: read.Problem, names: UnitNames) -> str:
    shown = [names.show_new(code) for code in problem.candidates[:_CANDIDATES]]
    more = len(problem.candidates) - len(shown)
    return "; ".join(shown) + (f"; và {more} đơn vị khác" if more > 0 else "")


def _how(problem: read.Problem, names: UnitNames) -> str:
    """Rule, score and runner-up in one line, when there was an attempt."""
    if not problem.rule:
        return ""
    parts = [f"quy tắc {problem.rule}"]
    if problem.score:
        parts.append(f"điểm {problem.score:.0f}")
    if problem.runner_up:
        second = f" ({problem.runner_up_score:.0f})" if problem.runner_up_score else ""
        parts.append(f"kế tiếp {names.show_old(problem.runner_up)}{second}")
    return "; ".join(parts)
