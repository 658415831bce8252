"""Resolve distinct unit values to new communes, each with its explanation, or keep the candidates. Never guess.

The data frame around `units_answers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import pandas as pd
import pyarrow as pa

from mappings.units.registry import Registry
from transforms.units_answer import Answer, Carries
from transforms.units_answers import ANYWHERE, Scope, answers
from transforms.units_query import Query

__all__ = ["ANYWHERE", "Scope", "resolve"]


_NUMBERS = frozenset({"score", "runner_up_score", "margin"})
_KINDS = [pa.float64() if name in _NUMBERS else pa.string() for name in Answer._fields]


def resolve(queries: pd.DataFrame, registry: Registry, *, scope: Scope = ANYWHERE, carries: Carries = "people") -> pd.DataFrame:
    """One explained row per query, same index. `queries` are distinct values in any of COLUMNS, absent = NA or ''."""
    found = answers(_queries(queries), registry, scope=scope, carries=carries)
    columns = zip(*found, strict=True) if found else ((),) * len(Answer._fields)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, _KINDS, strict=True)]
    return pa.table(arrays, names=list(Answer._fields)).to_pandas().set_axis(queries.index)


def _queries(frame: pd.DataFrame) -> Iterator[Query]:
    present = [name for name in Query._fields if name in frame]
    values = [frame[name].fillna("").tolist() if name in present else repeat("") for name in Query._fields]
    rows = zip(*values, strict=False) if present else ()  # absent columns repeat without end
    return map(Query._make, rows)
