"""Facts → findings → verdict. What a mapping or a person can repair is `fix`; what neither can is `stop`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hopnhat.assess.judge_columns import column_findings
from hopnhat.assess.model import Finding, KeyFacts, Orphans, TableFacts, Verdict
from hopnhat.assess.wording import made
from hopnhat.extract.contract import ROW
from hopnhat.report.reasons import reason
from mappings.spec import Domain, System

_MANY_DUPLICATES = 0.2
_MANY_HELD = 0.5
_ORDER = {"stop": 0, "fix": 1, "note": 2}


def verdict(findings: Iterable[Finding]) -> Verdict:
    worst = min((_ORDER[finding.severity] for finding in findings), default=2)
    return ("BLOCKED", "FIX FIRST", "GO")[worst]


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (_ORDER[f.severity], -f.rows, f.table, f.column, f.code)))


def table_findings(facts: TableFacts, domain: Domain, system: System | None, *, has_rows: bool = True) -> Iterator[Finding]:
    name, of = facts.name, facts.counted
    if facts.error:
        yield made(
            "table-gone" if facts.error == "gone" else "table-unreadable", name, "", 0, 0, facts.error if facts.error != "gone" else ""
        )
        return
    if facts.rows == 0:
        allowed = system is not None and any(t.name == name and t.expect.min_rows == 0 for t in system.tables)
        yield made("table-empty", name, "", 0, 0, "", severity="note" if allowed or (system is None and has_rows) else None)
        if not allowed:
            return
    yield from _shape(facts, system)
    yield from _keys(facts)
    for column in facts.columns:
        yield from column_findings(facts, column)
    yield from _units(facts, system)
    yield from _plan(facts, domain)
    if facts.activity and facts.activity.future:
        yield made("activity-future", name, facts.activity.column, facts.activity.future, of, "")
    if facts.rehearsal and facts.rehearsal.held:
        code = "rehearsal-held-many" if facts.rehearsal.held > _MANY_HELD * facts.rehearsal.rows else "rehearsal-held"
        why = "; ".join(f"{reason(code).label_vi} ở {field}: {rows} dòng" for field, code, rows in facts.rehearsal.reasons[:3])
        yield made(code, name, "", facts.rehearsal.held, facts.rehearsal.rows, why)


def orphan_findings(found: Iterable[Orphans]) -> Iterator[Finding]:
    for one in found:
        if one.orphans:
            yield made("orphans", one.table, one.column, one.orphans, one.rows, f"trỏ tới {one.parent}.{one.parent_key}", keys=one.keys)


def _shape(facts: TableFacts, system: System | None) -> Iterator[Finding]:
    if facts.gone_columns:
        yield made("columns-gone", facts.name, ", ".join(facts.gone_columns), 0, 0, "")
    if facts.new_columns:
        yield made("columns-new", facts.name, ", ".join(facts.new_columns), 0, 0, f"{len(facts.new_columns)} cột")
    table = next((t for t in system.tables if t.name == facts.name), None) if system else None
    if table and not table.expect.min_rows <= facts.rows <= table.expect.max_rows:
        yield made("expect-rows", facts.name, "", facts.rows, facts.rows, f"khai báo {table.expect.min_rows} đến {table.expect.max_rows}")
    if facts.same_rows:
        yield made("rows-same", facts.name, "", facts.same_rows, facts.counted, "")


def _keys(facts: TableFacts) -> Iterator[Finding]:
    by_origin = {key.origin: key for key in reversed(facts.keys)}
    leading = by_origin.get("mapped") or by_origin.get("declared")
    unique = [key for key in facts.keys if key.unique]
    is_file = facts.plan is not None and facts.plan.key == (ROW,)
    if not facts.declared_key and not (facts.plan and facts.plan.declared):
        told = f"ứng viên: {', '.join('+'.join(key.columns) for key in unique)}" if unique else ""
        yield made("key-undeclared" if unique else "key-none", facts.name, "", 0, 0, told, severity="note" if unique and is_file else None)
    for key in facts.keys:
        if key is leading or (key.origin == "candidate" and _is_number(facts, key)):
            yield from _key(facts, key, key is leading)
    if leading is None and not unique:  # the likeliest candidate tells how bad it is
        nearest = min(facts.keys, key=lambda key: key.duplicates + key.missing, default=None)
        if nearest is not None and not _is_number(facts, nearest):
            yield from _key(facts, nearest, True)


def _key(facts: TableFacts, key: KeyFacts, leading: bool) -> Iterator[Finding]:
    column = " + ".join(key.columns)
    if key.missing and leading:
        yield made("key-missing", facts.name, column, key.missing, key.rows, "")
    if key.duplicates:
        many = leading and key.origin != "candidate" and key.duplicates > _MANY_DUPLICATES * key.rows
        code = "key-duplicate-many" if many else "key-duplicate" if leading else "number-duplicate"
        yield made(code, facts.name, column, key.duplicates, key.rows, "", keys=key.samples)


def _is_number(facts: TableFacts, key: KeyFacts) -> bool:
    roles = facts.plan.roles if facts.plan else {}
    return len(key.columns) == 1 and key.columns[0] in roles and roles[key.columns[0]].name == "dossier_no"


def _units(facts: TableFacts, system: System | None) -> Iterator[Finding]:
    units = facts.units
    if units is None:
        return
    columns = ", ".join(facts.plan.unit.values()) if facts.plan else ""
    rows = sum(units.rows_by_era.values())
    old, new = units.rows_by_era.get("old", 0), units.rows_by_era.get("new", 0)
    said = f"{old:,} dòng theo danh mục cũ, {new:,} theo danh mục mới".replace(",", ".").replace("cũ.", "cũ,")
    if units.era == "mixed":
        yield made("era-mixed", facts.name, columns, min(old, new), rows, said, keys=units.lesser_keys)
    elif units.era == "undecided" and facts.plan and "commune_code" in facts.plan.unit:
        yield made("era-undecided", facts.name, columns, rows, rows, said)
    elif system is not None and units.era in ("old", "new") and (units.era == "old") != (system.units_as_of.isoformat() < "2025-07-01"):
        yield made("era-differs", facts.name, columns, rows, rows, said)
    unmatched = units.rows_by_status.get("unmatched", 0)
    if unmatched:
        yield made("unit-unmatched", facts.name, columns, unmatched, rows, "", severity="note" if unmatched < 0.02 * rows else None)
    if ambiguous := units.rows_by_status.get("ambiguous", 0):
        yield made("unit-ambiguous", facts.name, columns, ambiguous, rows, "")


def _plan(facts: TableFacts, domain: Domain) -> Iterator[Finding]:
    plan = facts.plan
    if plan is None or plan.declared:
        return
    if plan.entity is None:
        yield made("no-entity", facts.name, "", facts.rows, facts.rows, "")
        return
    entity = domain.entities[plan.entity]
    sure = {role.name: (name, role) for name, role in plan.roles.items() if role.sure}
    missing = [f"{name} ({column.label})" for name, column in entity.columns.items() if column.required and name not in sure]
    if missing:
        yield made("required-missing", facts.name, ", ".join(missing), 0, 0, entity.label)
    for name, role in sure.values():
        values = next((c.values for c in facts.columns if c.name == name), ())
        if role.kind == "code" and values and not role.codes:
            yield made(
                "codes-undecided",
                facts.name,
                name,
                sum(rows for _, rows in values),
                facts.counted,
                f"{len(values)} giá trị",
                samples=[value for value, _ in values[:6]],
            )
