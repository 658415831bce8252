"""What every column function returns: the values, and why a value could not be taken or was changed."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Converted:
    """`reject` and `warn` are string arrays as long as `values`, holding a reason code or null; None = no row has one.

    A reject sends the row to quarantine; a warn travels with the published row. A value is never silently null.
    """

    values: pa.Array
    reject: pa.Array | None = None
    warn: pa.Array | None = None
