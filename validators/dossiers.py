"""What ought to hold between the dates and the status of a dossier. Breaches are warnings: the paper may say so.

Rules: QCVN 120:2019/BTTTT field descriptions and DOMAIN rules for Cổng Dịch vụ công quốc gia states.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

_ORDERED = (
    ("submitted_at", "received_at", "submitted-after-received"),
    ("received_at", "due_at", "received-after-due"),
    ("received_at", "finished_at", "received-after-finished"),
    ("finished_at", "returned_at", "finished-after-returned"),
)
_RECEIVED = ["2", "4", "5", "6", "8", "9", "10"]


def dossier_warnings(columns: Mapping[str, pa.Array]) -> list[tuple[str, pa.Array]]:
    """(field, warning code or null per row) of every rule that some row breaks."""
    found = [(later, _flag(_after(columns[earlier], columns[later]), code)) for earlier, later, code in _ORDERED]
    status = columns["status"]
    returned = pc.equal(status, "10")
    found.append(("returned_at", _flag(pc.and_(returned, pc.is_null(columns["returned_at"])), "returned-without-date")))
    received = pc.is_in(status, value_set=pa.array(_RECEIVED))
    found.append(("received_at", _flag(pc.and_(received, pc.is_null(columns["received_at"])), "received-without-date")))
    return [(field, reasons) for field, reasons in found if reasons.null_count < len(reasons)]


def _after(earlier: pa.Array, later: pa.Array) -> pa.Array:
    return pc.greater(earlier, later)


def _flag(broken: pa.Array, code: str) -> pa.Array:
    return pc.if_else(pc.fill_null(broken, False), code, pa.scalar(None, pa.string()))
