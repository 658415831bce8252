"""Codes of one legacy system → ours, through the map its mapping file declares."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from transforms.columns import Converted
from transforms.distinct import code_where, combine, first_of, on_distinct
from transforms.text import clean


def recode(values: pa.Array | pa.ChunkedArray, mapping: Mapping[str, str]) -> Converted:
    """Look codes up, exactly after `clean`: "05" is not "5", "a" is not "A".

    Reject codes: `code-unknown`, the map does not have it; those of `clean`. Null and empty (or blank) stay null without a code, unless
    the map has a line for the empty code.

    >>> recode(pa.array(["5 ", "11", ""]), {"5": "done"}).values.to_pylist()
    ['done', None, None]
    """
    known = pa.array(list(mapping), pa.string())
    ours = pa.array(list(mapping.values()), pa.string())

    def work(distinct: pa.Array) -> Converted:
        cleaned = clean(distinct)
        places = pc.index_in(cleaned.values, value_set=known.cast(distinct.type))
        unknown = pc.and_(places.is_null(), pc.not_equal(cleaned.values, ""))
        return Converted(ours.take(places), first_of(cleaned.reject, code_where(unknown, "code-unknown")), cleaned.warn)

    whole = combine(values)
    if pa.types.is_null(whole.type):
        whole = whole.cast(pa.string())
    return on_distinct(whole, work)
