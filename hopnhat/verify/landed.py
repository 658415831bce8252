"""From the mapping to the SQL that reads landing parts: narrow, decoded in DuckDB, without the transforms (law 9).

The prover knows less than the loader on purpose. A value that it cannot read for certain (another encoding, a date of an
unknown shape) is marked and counted as a stratum of its own; it is never guessed and never dropped silently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mappings.spec import Entity, System, Table

SEPARATOR = "\x1f"
ROW = "_row"


@dataclass(frozen=True)
class Shape:
    """What of a source the prover looks at."""

    status: str | None
    month: str | None
    measures: tuple[str, ...]
    unit_code: str | None
    unit_name: str | None
    has_unit: bool


def shape_of(table: Table, entity: Entity) -> Shape:
    codes = [n for n, c in entity.columns.items() if c.kind == "code" and n in table.columns]
    status = "status" if "status" in codes else next(iter(codes), None)
    month = entity.month if entity.month in table.columns else None
    unit = table.unit
    return Shape(
        status=status,
        month=month,
        measures=tuple(m for m in entity.measures if m in table.columns),
        unit_code=unit.commune_code if unit else None,
        unit_name=unit.commune if unit else None,
        has_unit=entity.has_unit and unit is not None,
    )


def columns_read(table: Table, shape: Shape) -> list[str]:
    """The landing columns that the proof needs, once."""
    mapped = [n for n in (shape.status, shape.month, *shape.measures) if n]
    wanted = [*table.key, *(table.columns[n].source for n in mapped), shape.unit_code, shape.unit_name]
    return list(dict.fromkeys([*(w for w in wanted if w), *(f.column for f in table.filters)]))


def landed_select(system: System, table: Table, shape: Shape, transports: Mapping[str, str]) -> str:
    """`select k, s, d, cu, f, m1, …` over the view `landing`, one row per landed row.

    k key · s raw status · d first ten characters of the raw date · cu raw commune code and name, joined by SEPARATOR ·
    f name of the filter rule that leaves the row out, '' if none · mN raw measures. NULL comes as '', text that DuckDB
    cannot read in the declared encoding as `hex:…`.
    """

    def text(column: str | None, encoding: str | None = None) -> str:
        if column is None:
            return "''"
        return readable(column, encoding or table.encoding, transports.get(column, "bytes"))

    def mapped(name: str | None) -> str:
        return text(table.columns[name].source, table.columns[name].encoding) if name else text(None)

    unit_encoding = table.unit.encoding if table.unit else None
    parts = [
        f"{key_expression(table.key)} as k",
        f"{mapped(shape.status)} as s",
        f"{day_expression(mapped(shape.month))} as d",
        f"{_joined([text(c, unit_encoding) for c in (shape.unit_code, shape.unit_name) if c])} as cu",
        f"{_filter_rule(table, text)} as f",
        *(f"{mapped(name)} as m{n}" for n, name in enumerate(shape.measures, 1)),
    ]
    return f"select {', '.join(parts)} from landing"


def readable(column: str, encoding: str, transport: str) -> str:
    """SQL for a landed value as text; what is not certain text in this encoding becomes `hex:…`."""
    name = quoted(column)
    if column == ROW:
        return f"{name}::varchar"
    if transport == "text" or encoding.lower() in ("utf-8", "utf8"):
        return f"coalesce(try(decode({name})), 'hex:' || hex({name}), '')"
    # Every supported encoding agrees with ASCII; DuckDB writes any other byte of a blob as \xNN.
    shown = f"{name}::varchar"
    return f"case when contains({shown}, '\\x') then 'hex:' || hex({name}) else coalesce({shown}, '') end"


def key_expression(key: Sequence[str]) -> str:
    """SQL for the key as the unified tables spell it: parts joined by `|`, padding off, bytes that are no UTF-8, and NUL, as `\\xnn`."""

    def one(column: str) -> str:
        name = quoted(column)
        return f"{name}::varchar" if column == ROW else f"rtrim(replace(coalesce(try(decode({name})), backslashed({name})), chr(0), '\\x00'), ' ')"

    if len(key) == 1:
        return one(key[0])
    return " || '|' || ".join(f"coalesce({one(column)}, '')" for column in key)


def backslashed(value: bytes | None) -> str | None:
    """Spelling of key bytes that are no UTF-8. Called by DuckDB for those few values only."""
    return None if value is None else value.decode("utf-8", "backslashreplace")


def _joined(texts: Sequence[str]) -> str:
    return " || chr(31) || ".join(texts) or "''"


def quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _filter_rule(table: Table, text: object) -> str:
    cases = [
        f"when trim({text(rule.column)}) in ({', '.join(literal(v) for v in rule.values)}) then {literal(rule.rule)}"  # type: ignore[operator]
        for rule in table.filters
        if rule.values
    ]
    return f"case {' '.join(cases)} else '' end" if cases else "''"


_DAY_FORMATS = {
    "iso": ("%Y-%m-%d",),
    "dd/mm/yyyy": ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"),
    "yyyymmdd": ("%Y%m%d", "%Y%m%d%H"),
}


def strptime_formats(formats: Sequence[str]) -> list[str]:
    """DuckDB's spelling of the mapping's formats, as far as the first ten characters go. Serial numbers are not read.

    >>> strptime_formats(["iso", "dd/mm/yyyy hh:mm", "excel-serial"])
    ['%Y-%m-%d', '%d/%m/%Y', '%d-%m-%Y', '%d.%m.%Y']
    """
    found = [day for name in formats for head, days in _DAY_FORMATS.items() if name.startswith(head) for day in days]
    return list(dict.fromkeys(found))


def day_expression(text: str) -> str:
    """SQL for the date part of a raw timestamp. One with a zone may fall on another day here: it is marked, not read."""
    zoned = f"strlen({text}) > 19 and (right({text}, 1) = 'Z' or contains({text}, '+'))"
    return f"case when {zoned} then 'zone' else left({text}, 10) end"
