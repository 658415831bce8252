"""From the mapping to the SQL that reads landing parts: narrow, decoded in DuckDB, without the transforms (law 9).

The prover knows less than the loader on purpose. A value that it cannot read for certain (another encoding, a date of an
unknown shape) is marked and counted as a stratum of its own; it is never guessed and never dropped silently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mappings.spec import Entity, Table

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


def cells_read(table: Table, shape: Shape) -> dict[str, str]:
    """Name of each compared cell → its landing column: s raw status · d raw date · c, u raw commune code and name ·
    mN raw measures · fN the columns of the filter rules."""
    named = {"s": shape.status, "d": shape.month, **{f"m{n}": m for n, m in enumerate(shape.measures, 1)}}
    found = {name: table.columns[ours].source for name, ours in named.items() if ours}
    found |= {name: column for name, column in (("c", shape.unit_code), ("u", shape.unit_name)) if column}
    return found | {f"f{n}": column for n, column in enumerate(dict.fromkeys(rule.column for rule in table.filters))}


def cell_texts(table: Table, shape: Shape, transports: Mapping[str, str]) -> dict[str, str]:
    """SQL that reads the distinct `raw` values of each cell. NULL comes as '', text that is not certain as `hex:…`."""
    unit = table.unit.encoding if table.unit else None
    encodings = {"c": unit, "u": unit}
    for name, ours in (("s", shape.status), ("d", shape.month), *((f"m{n}", m) for n, m in enumerate(shape.measures, 1))):
        encodings[name] = table.columns[ours].encoding if ours else None
    texts = {}
    for name, column in cells_read(table, shape).items():
        transport = transports.get(column, "bytes")
        read = "raw::varchar" if column == ROW else readable("raw", encodings.get(name) or table.encoding, transport)
        texts[name] = day_expression(read) if name == "d" else read
    return texts


def filter_rule(table: Table, shape: Shape) -> str:
    """SQL over the texts f0, f1 …: the number of the rule that leaves the row out, 0 if none."""
    columns = {column: name for name, column in cells_read(table, shape).items() if name.startswith("f")}
    cases = [
        f"when trim({columns[rule.column]}.v) in ({', '.join(literal(v) for v in rule.values)}) then {number}"
        for number, rule in enumerate(table.filters, 1)
        if rule.values
    ]
    return f"(case {' '.join(cases)} else 0 end)::tinyint" if cases else "0::tinyint"


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


def key_expression(key: Sequence[str], rows: str = ROW) -> str:
    """SQL for the key as the unified tables spell it: parts joined by `|`, padding off, bytes that are no UTF-8, and NUL, as `\\xnn`."""

    def one(column: str) -> str:
        name = quoted(column)
        return f"{name}::varchar" if column == rows else f"rtrim(replace(coalesce(try(decode({name})), backslashed({name})), chr(0), '\\x00'), ' ')"

    if len(key) == 1:
        return one(key[0])
    return " || '|' || ".join(f"coalesce({one(column)}, '')" for column in key)


def backslashed(value: bytes | None) -> str | None:
    """Spelling of key bytes that are no UTF-8. Called by DuckDB for those few values only."""
    return None if value is None else value.decode("utf-8", "backslashreplace")


def quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


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
