"""Legacy columns to ours: decode, clean, type, recode, place. Pure: a landing frame in, typed columns and reasons out.

Nothing is dropped here. Every row comes out with its typed values, and beside them, per column, why a value could not
be taken (a problem: the row will be quarantined) or what was changed (a warning: it travels with the row).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from mappings.spec import ColumnMap, DomainColumn, Entity, System, Table
from transforms import codes, dates, identifiers, numbers, text
from transforms.columns import Converted
from transforms.distinct import code_where, combine, has_nul, repeats
from transforms.places import Placed, Placer, empty_to_null

_WORTH_CODING = 0.5
"""Share of distinct values up to which a column is worked on as a dictionary from end to end."""


@dataclass(frozen=True)
class Finding:
    """One column's reasons: `reasons[row]` is a code or null. `field` is our name, `column` the legacy one."""

    field: str
    column: str
    reasons: pa.Array


@dataclass(frozen=True)
class Conformed:
    """Typed columns by unified name (all rows), and what was found wrong or changed on the way."""

    columns: dict[str, pa.Array]
    problems: list[Finding]
    warnings: list[Finding]
    placed: Placed | None
    filters: dict[str, pa.Array]
    """Decoded, trimmed text of the columns that the table's filter rules look at."""


@dataclass(frozen=True)
class _Coded:
    """A converted column: each distinct value once and where it stands (`at`), or row by row when values hardly repeat."""

    found: Converted
    at: pa.Array | None

    def spread(self, values: pa.Array | None) -> pa.Array | None:
        return values if values is None or self.at is None else values.take(self.at)

    def then(self, convert: Callable[[pa.Array], Converted]) -> _Coded:
        return _Coded(convert(self.found.values), self.at)

    def coded(self) -> pa.Array:
        return self.found.values if self.at is None else pa.DictionaryArray.from_arrays(self.at, self.found.values)

    @property
    def values(self) -> pa.Array:
        return self.spread(self.found.values)

    @property
    def reject(self) -> pa.Array | None:
        return self.spread(self.found.reject)

    @property
    def warn(self) -> pa.Array | None:
        return self.spread(self.found.warn)


class _Reader:
    """Decodes each source column once, whatever number of uses it has, and each distinct value once where values repeat."""

    def __init__(self, part: pa.Table, table: Table, habits: dict[str, bool]) -> None:
        self.part, self.table, self.habits = part, table, habits
        self._decoded: dict[tuple[str, str], _Coded] = {}

    def decoded(self, column: str, encoding: str | None) -> _Coded:
        declared = encoding or self.table.encoding
        if (column, declared) not in self._decoded:
            self._decoded[column, declared] = self._decode(column, declared)
        return self._decoded[column, declared]

    def _decode(self, column: str, encoding: str) -> _Coded:
        values = combine(self.part[column])
        if pa.types.is_integer(values.type):  # `_row`, our own coordinate
            return _Coded(Converted(values.cast(pa.string())), None)
        metadata = self.part.schema.field(column).metadata or {}
        transport = metadata.get(b"transport", b"bytes").decode()
        at = None
        if column not in self.habits:
            self.habits[column] = repeats(values, share=_WORTH_CODING)
        if self.habits[column]:
            coded = values.dictionary_encode()
            values, at = coded.dictionary, coded.indices
        return _Coded(text.decode(values, transport=transport, encoding=encoding), at)


def conform(
    part: pa.Table, system: System, table: Table, entity: Entity, placer: Placer | None, habits: dict[str, bool] | None = None
) -> Conformed:
    """Turn one landing part into unified columns.

    Args:
        part: landing frame, binary columns named as in the source.
        placer: resolver of unit columns; None for entities that belong to no place.
        habits: which columns repeat their values, filled by the first part and kept by the caller; it saves time and
            changes no result.
    """
    reader = _Reader(part, table, {} if habits is None else habits)
    columns: dict[str, pa.Array] = {}
    problems: list[Finding] = []
    warnings: list[Finding] = []
    for name, column in entity.columns.items():
        mapped = table.columns.get(name)
        if mapped is None:
            columns |= _absent(name, column, part.num_rows)
            continue
        decoded = reader.decoded(mapped.source, mapped.encoding)
        converted = decoded.then(partial(_CONVERT[column.kind], mapped, system))
        columns[name] = converted.values
        if column.kind == "code":
            columns[f"{name}_raw"] = decoded.values
        for found in (decoded, converted):
            _note(problems, name, mapped.source, found.reject)
            _note(warnings, name, mapped.source, found.warn)
        if column.required:
            _note(problems, name, mapped.source, _missing(columns[name], (converted.reject, decoded.reject)))
    placed = _place(reader, table, placer, columns, problems, warnings) if table.unit and placer else None
    filters = {rule.column: pc.utf8_trim_whitespace(reader.decoded(rule.column, None).values) for rule in table.filters}
    return Conformed(columns, problems, warnings, placed, filters)


def _note(found: list[Finding], field: str, column: str, reasons: pa.Array | None) -> None:
    if reasons is not None and reasons.null_count < len(reasons):
        found.append(Finding(field, column, reasons))


def _absent(name: str, column: DomainColumn, rows: int) -> dict[str, pa.Array]:
    kind = {"timestamp": pa.timestamp("us"), "amount": pa.int64(), "integer": pa.int64()}.get(column.kind, pa.string())
    empty = {name: pa.nulls(rows, kind)}
    return empty | ({f"{name}_raw": pa.nulls(rows, pa.string())} if column.kind == "code" else {})


def _missing(values: pa.Array, rejects: Iterable[pa.Array | None]) -> pa.Array:
    """A required value that is not there, unless its reading already has a reason of its own."""
    gone = pc.is_null(values)
    for reject in rejects:
        if reject is not None:
            gone = pc.and_(gone, pc.is_null(reject))
    return pc.if_else(gone, "required-missing", pa.scalar(None, pa.string()))


def _place(
    reader: _Reader, table: Table, placer: Placer, columns: dict[str, pa.Array], problems: list[Finding], warnings: list[Finding]
) -> Placed:
    unit = table.unit
    assert unit is not None
    inputs: dict[str, pa.Array] = {}
    for name, column in unit.inputs().items():
        decoded = reader.decoded(column, unit.encoding)
        cleaned = decoded.then(_cleaned)
        inputs[name] = cleaned.coded()
        _note(problems, "unit", column, decoded.reject)
        _note(problems, "unit", column, cleaned.reject)
        _note(warnings, "unit", column, cleaned.warn)
    placed = placer.place(inputs)
    _note(problems, "unit", "|".join(unit.inputs().values()), placed.reasons())
    verbatim = unit.address or unit.text
    columns["address_old"] = reader.decoded(verbatim, unit.encoding).values if verbatim else pa.nulls(len(placed.codes), pa.string())
    if verbatim:  # kept as it is, uncleaned, but PostgreSQL cannot hold a NUL
        _note(problems, "address_old", verbatim, code_where(has_nul(columns["address_old"]), "text-not-storable"))
    columns["old_commune_code"] = placed.column("old_code")
    columns["old_unit_name"] = placed.column("old_name")
    columns["new_commune_code"] = placed.column("new_code")
    columns["new_province_code"] = placed.column("new_province_code")
    columns["resolution_id"] = placed.column("resolution_id")
    return placed


def _cleaned(values: pa.Array) -> Converted:
    found = text.clean(values)
    return Converted(empty_to_null(found.values), found.reject, found.warn)


def _text(mapped: ColumnMap, system: System, values: pa.Array) -> Converted:
    return _cleaned(values)


def _code(mapped: ColumnMap, system: System, values: pa.Array) -> Converted:
    return codes.recode(values, system.codes[mapped.codes or ""])


def _timestamp(mapped: ColumnMap, system: System, values: pa.Array) -> Converted:
    parsed = dates.parse_timestamps(values, formats=mapped.formats)
    return Converted(parsed.values.cast(pa.timestamp("us")), parsed.reject, parsed.warn)


def _amount(mapped: ColumnMap, system: System, values: pa.Array) -> Converted:
    """Money in whole đồng: the currency has no smaller unit, so a fraction is a mistake of the source."""
    read = numbers.amounts(values)
    whole = pc.round(read.values, ndigits=0)
    broken = pc.if_else(pc.not_equal(whole, read.values), "amount-fraction", pa.scalar(None, pa.string()))
    reject = broken if read.reject is None else pc.coalesce(read.reject, broken)
    return Converted(whole.cast(pa.int64()), reject, read.warn)


def _person_id(mapped: ColumnMap, system: System, values: pa.Array) -> Converted:
    """A number that fits no grammar is kept as written, with its warning: R2, a dossier needs no valid number to load."""
    read = identifiers.personal_ids(values)
    return Converted(pc.coalesce(read.values, read.unread), read.reject, read.warn)


def _integer(mapped: ColumnMap, system: System, values: pa.Array) -> Converted:
    return numbers.integers(values)


def _key(mapped: ColumnMap, system: System, values: pa.Array) -> Converted:
    return Converted(values)


def _alone(convert: Callable[[pa.Array], Converted]) -> Callable[[ColumnMap, System, pa.Array], Converted]:
    return lambda mapped, system, values: convert(values)


_CONVERT: Mapping[str, Callable[[ColumnMap, System, pa.Array], Converted]] = {
    "text": _text,
    "name": _text,
    "code": _code,
    "timestamp": _timestamp,
    "amount": _amount,
    "integer": _integer,
    "dossier_no": _alone(identifiers.dossier_numbers),
    "procedure_code": _alone(identifiers.procedure_codes),
    "person_id": _person_id,
    "phone": _alone(identifiers.phones),
    "parent_key": _key,
}
