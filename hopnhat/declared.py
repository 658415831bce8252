"""What a mapping declares of the values, held against the values themselves."""

from __future__ import annotations

import pyarrow as pa

from hopnhat.extract.contract import ROW
from hopnhat.model.errors import MappingError
from mappings.spec import Entity, System, Table
from transforms.encodings_detect import detect, reads_well, spread

_SAMPLE = 200
"""Rows looked at, spread evenly over the part."""


def check_encodings(system: System, table: Table, entity: Entity, frame: pa.Table) -> None:
    """Compare the declared encoding of the text columns with what their bytes say (DOMAIN §4.3).

    Bytes of one legacy encoding are often legal in another: read wrongly they give other letters and no error.

    Raises:
        MappingError: a column is clearly in another encoding than declared.
    """
    declared = {c.source: c.encoding for name, c in table.columns.items() if entity.columns[name].kind in ("text", "name")}
    if table.unit:
        declared |= {column: table.unit.encoding for name, column in table.unit.inputs().items() if not name.endswith("_code")}
    for column, encoding in declared.items():
        if column == ROW:
            continue
        metadata = frame.schema.field(column).metadata or {}
        sample, transport, wanted = spread(frame[column], _SAMPLE), metadata.get(b"transport", b"bytes").decode(), encoding or table.encoding
        if reads_well(sample, wanted, transport=transport):
            continue
        found = detect(sample, transport=transport)
        if found.encoding and found.encoding != wanted and "ascii-only" not in found.evidence:
            problem = f"{table.name}.{column} is declared {wanted} but its bytes are {found.encoding} (confidence {found.confidence:.2f}, {found.n} values)"
            raise MappingError(problem, file=f"{system.id}.yml", hint=f"declare `encoding: {found.encoding}`, for the table or the column")
