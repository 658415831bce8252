"""Which of our columns each legacy column is, from its name and its values; never more certain than the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hopnhat.assess.labels import proposed_codes
from hopnhat.assess.model import Role, TablePlan
from hopnhat.assess.naming import UNIT_INPUTS, WATERMARK, name_scores
from hopnhat.assess.sample import Sample, SampleColumn
from hopnhat.assess.values import Evidence, evidence, place_share
from hopnhat.extract.contract import ROW, TableShape
from mappings.spec import Domain, Entity
from mappings.units.registry import Registry

SURE, SUGGESTED = 0.5, 0.3
_MOST_CODES = 60
_BY_GRAMMAR = {
    "dossier_no": "dossier_no",
    "procedure_code": "procedure_code",
    "applicant_id_no": "person_id",
    "phone": "phone",
    "email": "email",
}
_BY_SHAPE = {"name": "name", "amount": "number"}
_ALONE = {"dossier_no", "procedure_code", "email"}
"""Grammars so particular that the values alone name the field, whatever the column is called."""


@dataclass(frozen=True)
class _Seen:
    column: SampleColumn
    evidence: Evidence
    places: Mapping[str, float]


def guess_table(table: str, shape: TableShape, sample: Sample, domain: Domain, registry: Registry) -> TablePlan:
    """The entity whose columns are best found, and the role of every column that can be told."""
    seen = {name: _look(column, registry) for name, column in sample.columns.items()}
    fitted = {name: _assign(entity, seen) for name, entity in domain.entities.items()}
    fits = {name: _fit(domain.entities[name], roles, len(seen)) for name, roles in fitted.items()}
    best = max(fits, key=lambda name: fits[name])
    known = fits[best] > 0
    roles = fitted[best] if known else {}
    unit = {role.name: column for column, role in roles.items() if role.kind == "unit" and role.sure}
    mark = next((column for column, role in roles.items() if role.kind == WATERMARK and role.sure), None)
    return TablePlan(table, best if known else None, _shown_key(shape, sample, roles), roles, unit, mark, declared=False)


def _look(column: SampleColumn, registry: Registry) -> _Seen:
    found = evidence(column.texts)
    places = {}
    for kind in UNIT_INPUTS[:-1]:
        wants_code = kind.endswith("_code")
        named = name_scores(column.name).get(kind, 0.0) > 0
        fits = found.shares.get("place_code", 0) > 0.8 if wants_code else found.shares.get("number", 1) < 0.5
        if fits and column.texts and (named or (not wants_code and column.spread < 0.6)):
            places[kind] = place_share(column.texts, kind, registry)
    return _Seen(column, found, places)


def _fit(entity: Entity, roles: Mapping[str, Role], columns: int) -> float:
    """How much of what the entity requires, and of what the table has, is told; 0 when that is too little to say so.
    A lone key column is in every child table: it tells none from another."""
    sure = {role.name: role.confidence for role in roles.values() if role.sure}
    required = [name for name, column in entity.columns.items() if column.required]
    met = sum(name in sure for name in required) / max(1, len(required))
    enough = len(sure) >= (2 if met else 3)
    return met * 0.5 + sum(sure.values()) / max(1, columns) if enough else 0.0


def _assign(entity: Entity, seen: Mapping[str, _Seen]) -> dict[str, Role]:
    """Best pairs first, each column and each field once."""
    fields = [*entity.columns, *(UNIT_INPUTS if entity.has_unit else ()), WATERMARK]
    scored = []
    for name, one in seen.items():
        for field in fields:
            score, why = _score(field, entity, one)
            if score >= SUGGESTED:
                scored.append((score, field, name, why))
    roles: dict[str, Role] = {}
    taken: set[str] = set()
    for score, field, name, why in sorted(scored, key=lambda item: (-item[0], fields.index(item[1]))):
        if name not in roles and field not in taken:
            taken.add(field)
            roles[name] = _role(field, entity, seen[name], score, why)
    return roles


def _role(field: str, entity: Entity, one: _Seen, score: float, why: str) -> Role:
    kind = "unit" if field in UNIT_INPUTS else WATERMARK if field == WATERMARK else entity.columns[field].kind
    formats = one.evidence.formats if kind in ("timestamp", WATERMARK) else ()
    codelist = entity.columns[field].codelist if kind == "code" else None
    codes = proposed_codes(field, codelist, one.column.texts) if codelist else None
    sure = score >= SURE and not (kind == "timestamp" and not formats)
    return Role(field, kind, round(score, 2), why, one.column.encoding, formats, codes, sure)


def _score(field: str, entity: Entity, one: _Seen) -> tuple[float, str]:
    named = name_scores(one.column.name).get(field, 0.0)
    value, said = _value_score(field, entity, one)
    if one.evidence.n == 0:
        return named * 0.6, "chỉ theo tên cột: cột trống"
    if value is None:
        return named * 0.75, "theo tên cột"
    if value < 0.2:
        return named * 0.3, f"tên cột gợi ý nhưng giá trị không khớp ({said})"
    if named == 0:
        return (value * 0.75 if field in _ALONE else value * 0.25), f"theo giá trị: {said}"
    return named * 0.6 + value * 0.4, f"tên cột và {said}"


def _value_score(field: str, entity: Entity, one: _Seen) -> tuple[float | None, str]:
    """(how well the values fit, in words); None = the field has no grammar of its own."""
    shares = one.evidence.shares
    kind = entity.columns[field].kind if field in entity.columns else ""
    if field in one.places or field in UNIT_INPUTS[:-1]:
        share = one.places.get(field, 0.0)
        return share, f"{share:.0%} giá trị có trong danh mục đơn vị"
    if field == "text":
        return shares.get("address", 0.0), f"{shares.get('address', 0.0):.0%} giá trị giống địa chỉ"
    if kind == "timestamp" or field == WATERMARK:
        return one.evidence.dates, f"{one.evidence.dates:.0%} giá trị là ngày {', '.join(one.evidence.formats)}".rstrip()
    if grammar := _BY_GRAMMAR.get(field) or _BY_SHAPE.get(kind):
        share = shares.get(grammar, 0.0)
        strict = field in _BY_GRAMMAR and field not in ("dossier_no", "procedure_code")
        # Local numbers exist everywhere: a number of no national form may still be the dossier's number.
        return (share if strict or share > 0.2 or kind in _BY_SHAPE else None), f"{share:.0%} giá trị đúng dạng"
    if kind == "code":
        few = len(one.column.texts) <= _MOST_CODES and (one.column.spread < 0.5 or len(one.column.texts) <= 12)
        return (0.8 if few else 0.0), f"{len(one.column.texts)} giá trị khác nhau"
    return None, ""


def _shown_key(shape: TableShape, sample: Sample, roles: Mapping[str, Role]) -> tuple[str, ...]:
    """What names a row in the report: the declared key, else the file's row number, else the likeliest column."""
    if shape.primary_key:
        return shape.primary_key
    if ROW in sample.frame.column_names:
        return (ROW,)
    numbers = [column for column, role in roles.items() if role.name == "dossier_no"]
    others = [name for name, column in sample.columns.items() if column.spread > 0.95 and column.filled == column.rows]
    return tuple([*numbers, *others][:1])
