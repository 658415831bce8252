"""The code maps of a draft: every value found, with its rows; only what its own words settle is mapped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from hopnhat.assess.masking import printed
from hopnhat.assess.model import Role, TableFacts
from hopnhat.report.mask import scrubbed
from mappings.spec import Domain


def code_maps(tables: Sequence[TableFacts], domain: Domain) -> Iterator[str]:
    from hopnhat.assess.draft import code_map_name

    lines: list[str] = []
    for facts in tables:
        for column, role in facts.plan.roles.items() if facts.plan else ():
            if role.kind == "code" and role.sure:
                lines += _map(facts, column, role, domain, code_map_name(facts.name, role.name))
    if lines:
        yield "codes:"
        yield from lines


def _map(facts: TableFacts, column: str, role: Role, domain: Domain, name: str) -> Iterator[str]:
    assert facts.plan is not None
    codelist = domain.entities[facts.plan.entity or ""].columns[role.name].codelist or {}
    values = next((one.values for one in facts.columns if one.name == column), ())
    total = max(1, sum(rows for _, rows in values))
    known = role.codes or {}
    yield f"  # {printed(column)} → " + "; ".join(f"{code} {label}" for code, label in codelist.items())
    yield f"  {name}:" if any(value in known for value, _ in values) else f"  {name}: {{}}"
    for value, rows in values:
        told = f"{rows} dòng, {rows / total:.0%}"
        if value in known:
            code = known[value]
            yield f"    {json.dumps(value, ensure_ascii=False)}: {json.dumps(code)}  # {told}; (?) xác nhận: {codelist[code]}"
        else:
            yield f'    # {json.dumps(scrubbed(printed(value)), ensure_ascii=False)}: ""  # {told}; (?) người phụ trách điền nghĩa'
    if not values:
        yield "    # (?) quá nhiều giá trị khác nhau: kiểm tra đây có phải cột mã"
