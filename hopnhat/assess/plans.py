"""The plan of a table that has a mapping: what the mapping declares is what is checked."""

from __future__ import annotations

from hopnhat.assess.model import Role, TablePlan
from hopnhat.assess.sample import Sample
from hopnhat.assess.values import evidence
from mappings.spec import Domain, System, Table

_DECLARED = "theo tệp ánh xạ"


def declared_plan(system: System, table: Table, domain: Domain, sample: Sample) -> TablePlan:
    """Roles as the mapping gives them; the watermark's date formats from its values, as mappings need not say them."""
    entity = domain.entities[table.entity]
    roles: dict[str, Role] = {}
    for name, mapped in table.columns.items():
        column = entity.columns[name]
        codes = system.codes[mapped.codes] if mapped.codes else None
        role = Role(name, column.kind, 1.0, _DECLARED, mapped.encoding or table.encoding, tuple(mapped.formats), codes)
        if mapped.source not in roles or column.kind == "code":
            roles[mapped.source] = role
    unit = table.unit.inputs() if table.unit else {}
    encoding = (table.unit.encoding if table.unit else None) or table.encoding
    for name, place in unit.items():
        roles.setdefault(place, Role(name, "unit", 1.0, _DECLARED, encoding))
    if table.unit and table.unit.address:
        roles.setdefault(table.unit.address, Role("text", "unit", 1.0, _DECLARED, encoding))
    if table.watermark and table.watermark in sample.columns:
        formats = evidence(sample.columns[table.watermark].texts).formats
        roles.setdefault(table.watermark, Role("watermark", "watermark", 1.0, _DECLARED, table.encoding, formats))
    carries = table.unit.carries if table.unit else "people"
    return TablePlan(table.name, table.entity, tuple(table.key), roles, unit, table.watermark, declared=True, carries=carries)
