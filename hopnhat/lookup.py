"""Behind `hopnhat lookup`: what a code or an address is and was, for people to read, over the registry on disk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

from hopnhat.resolve import registry, resolve_file
from mappings.units.registry import Registry
from transforms.units_answer import RESOLVED, UNMATCHED
from transforms.units_answers import answers
from transforms.units_lookup import Relation, full_name, new_to_old, old_to_new, units_of_code
from transforms.units_outcome import REFORM
from transforms.units_query import Query

__all__ = ["lookup", "registry", "resolve_file"]
_CODE = re.compile(r"\d{2}|\d{3}|\d{5}")


def lookup(text: str, *, as_of: str | None = None, version: str | None = None) -> str:
    """What a code or an address is, what became of it and what it was made of; Vietnamese first, for a person to read."""
    units = registry(version)
    asked = text.strip()
    if _CODE.fullmatch(asked):
        return "\n".join(_code_lines(units, asked, as_of or ""))
    row = answers([Query(text=asked, as_of=as_of or "")], units, carries="both")[0]
    lines = [f"{asked}", f"  {_STATUS[row.status]} (quy tắc {row.rule}, điểm {row.score:.0f})"]
    if row.old_code:
        lines.append(f"  đơn vị cũ: {row.old_code} {_as_it_was(units, row.old_code, row.old_valid_from)}")
    codes = [row.new_code] if row.new_code else [code for code in row.candidates.split("|") if code]
    today = units.version
    lines += [f"  {'đơn vị mới' if row.new_code else 'có thể là'}: {code} {full_name(units, code, today)}" for code in codes]
    lines += [f"  đường đi: {step}" for step in row.path.split(" > ") if step]
    if row.evidence:
        lines.append(f"  căn cứ: {row.evidence}")
    return "\n".join(lines)


_STATUS = {RESOLVED: "xác định", "ambiguous": "chưa xác định, còn các khả năng", UNMATCHED: "không tìm thấy"}
_CARRIES = {"both": "đất và dân", "area": "chỉ diện tích", "people": "chỉ dân số"}


def _as_it_was(units: Registry, code: str, valid_from: str) -> str:
    """The full name on the last day of an instance: its parents may have changed since it began."""
    ends = [span.valid_to for span in units_of_code(units, code) if span.valid_from == valid_from]
    last_day = date.fromisoformat(ends[0]) - timedelta(days=1) if ends and ends[0] else None
    return full_name(units, code, last_day.isoformat() if last_day else valid_from)


def _code_lines(units: Registry, code: str, as_of: str) -> Iterable[str]:
    spans = units_of_code(units, code, as_of)
    yield f"{code}: {len(spans)} đơn vị" if spans else f"{code}: không có đơn vị nào mang mã này"
    for span in spans:
        until = f"trước {span.valid_to}" if span.valid_to else "nay"
        yield f"  {span.valid_from} → {until}: {full_name(units, code, span.valid_from)}"
    if any(span.valid_from < REFORM for span in spans) and len(code) == 5:
        yield from (f"  thành {_line(one)}" for one in old_to_new(units, code))
    if any(span.valid_from >= REFORM for span in spans):
        yield from (f"  từ {_line(one)}" for one in new_to_old(units, code))


def _line(one: Relation) -> str:
    return f"{one.code} {one.name} ({_CARRIES[one.carries]}; {one.effective_date}; {one.legal_ref or one.kind})"
