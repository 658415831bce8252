"""What every unified row must satisfy, built from the domain file. pandera for rows; sets are checked in SQL.

Never `drop_invalid_rows`: it loses valid rows when an index repeats. A failing row is named, with the check as reason.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa_pandas
import pyarrow as pa
import pyarrow.compute as pc
from pandera.errors import SchemaErrors

from mappings.spec import DomainColumn, Entity

_EARLIEST, _LATEST = datetime(1945, 9, 2), datetime(2100, 1, 1)  # noqa: DTZ001  local wall time, as the papers have it
_TEXT_LIMIT = 20_000


def _arrow(series: pd.Series[Any]) -> pa.Array:
    values = pa.array(series)
    if isinstance(values, pa.ChunkedArray):
        values = values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
    return values.cast(pa.large_string())


def _text_is_storable(series: pd.Series[Any]) -> Any:
    """No NUL (PostgreSQL cannot hold it) and not endless. Whole column at once: almost always a plain True."""
    values = _arrow(series)
    buffers = values.buffers()
    content = np.frombuffer(buffers[2] or b"", np.uint8)
    clean = not len(content) or content.min() > 0
    if clean and (pc.max(pc.binary_length(values)).as_py() or 0) <= _TEXT_LIMIT:
        return True
    bad = pc.or_(pc.match_substring(values, "\x00"), pc.greater(pc.binary_length(values), _TEXT_LIMIT))
    return pd.Series(pc.invert(pc.fill_null(bad, False)).to_numpy(zero_copy_only=False), series.index)


def _five_digits(series: pd.Series[Any]) -> Any:
    values = _arrow(series).dictionary_encode()
    fits = pc.match_substring_regex(values.dictionary, r"^\d{5}$")
    if pc.all(fits).as_py() is not False:
        return True
    return pd.Series(pc.fill_null(fits.take(values.indices), True).to_numpy(zero_copy_only=False), series.index)


# pandera would copy every column to leave its nulls out; these two see past nulls by themselves.
_STORABLE = pa_pandas.Check(_text_is_storable, name="text-not-storable", ignore_na=False)
_UNIT_CODE = pa_pandas.Check(_five_digits, name="unit-code-malformed", ignore_na=False)


def _checks(column: DomainColumn) -> list[pa_pandas.Check]:
    if column.kind == "code":
        return [pa_pandas.Check.isin(list(column.codelist or ()), error="code-outside-list")]
    if column.kind == "timestamp":
        return [pa_pandas.Check.in_range(_EARLIEST, _LATEST, error="date-out-of-range")]
    if column.kind == "amount":
        return [pa_pandas.Check.ge(0, error="amount-negative")]
    if column.kind == "integer":
        return []
    return [_STORABLE]


def row_schema(entity: Entity) -> pa_pandas.DataFrameSchema:
    """The pandera schema of one entity's accepted rows."""
    columns: dict[str, pa_pandas.Column] = {"source_key": pa_pandas.Column(nullable=False, checks=_STORABLE)}
    for name, column in entity.columns.items():
        columns[name] = pa_pandas.Column(nullable=not column.required, checks=_checks(column))
    if entity.has_unit:
        columns["old_commune_code"] = pa_pandas.Column(nullable=True, checks=_UNIT_CODE)
        columns["new_commune_code"] = pa_pandas.Column(nullable=False, checks=_UNIT_CODE)
    return pa_pandas.DataFrameSchema(columns)


def warm_up() -> None:
    """Have pandera load what it loads at its first validation, before workers are forked that would each load it."""
    pa_pandas.DataFrameSchema({"any": pa_pandas.Column(checks=pa_pandas.Check.ge(0))}).validate(pd.DataFrame({"any": [0]}))


def failures(frame: pd.DataFrame, schema: pa_pandas.DataFrameSchema) -> list[tuple[str, str, int]]:
    """Rows that break the schema as (field, reason, row). `frame` must have the index 0..n-1.

    Raises:
        ValueError: a whole-table failure (missing column): a fault of the program, not of a row.
    """
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as exc:
        cases = exc.failure_cases
    else:
        return []
    if cases["index"].isna().any():
        table_level = cases[cases["index"].isna()][["column", "check"]].drop_duplicates()
        raise ValueError(f"unified columns are not as declared: {table_level.to_dict('records')}")
    found = {(str(c), _reason(str(k)), int(i)) for c, k, i in zip(cases["column"], cases["check"], cases["index"], strict=True)}
    return sorted(found)


def _reason(check: str) -> str:
    return "required-missing" if check == "not_nullable" else check
