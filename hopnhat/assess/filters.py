"""Rows that the mapping leaves out on purpose (drafts, headings, trials): their faults are nobody's work."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mappings.spec import Table
from transforms.outcomes import filter_rules
from transforms.text import decode


def kept_rows(frame: pa.Table, table: Table | None, transports: Mapping[str, str]) -> npt.NDArray[np.bool_]:
    """True for every row that no filter of the mapping takes."""
    gone = table is not None and any(rule.column not in frame.column_names for rule in table.filters)  # told elsewhere
    if table is None or not table.filters or gone or not frame.num_rows:
        return np.ones(frame.num_rows, bool)
    texts = {}
    for rule in table.filters:
        values = frame[rule.column].combine_chunks()
        decoded = decode(values, transport=transports[rule.column], encoding=table.encoding).values
        texts[rule.column] = pc.utf8_trim_whitespace(decoded)
    return np.asarray(filter_rules(texts, table.filters, frame.num_rows) == "", dtype=np.bool_)
