"""Which columns tell the rows of a table apart, in fact and not by declaration: exact counts over hashes on disk."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.assess.masking import shown_key
from hopnhat.assess.model import KeyFacts, TablePlan
from hopnhat.assess.naming import folded
from hopnhat.assess.sample import Sample
from hopnhat.assess.spool import Spool
from hopnhat.extract.contract import ROW, KeyRange, Source, TableShape
from transforms.fingerprints import fingerprint, source_keys

_CANDIDATES = 4
_NEAR = 0.9
_SHOWN = 5
_LONGEST = 64
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d?[/.-]\d\d?[/.-]\d{4}")
_NO_KEYS = ("name", "person_id", "phone", "timestamp", "watermark", "amount", "unit", "code")
_COUNTERS = {"stt", "sothutu", "tt", "no"}
"""Columns that number the lines of a sheet: unique today, other numbers tomorrow."""
Hashes = npt.NDArray[np.uint64]


def key_candidates(shape: TableShape, sample: Sample, plan: TablePlan) -> dict[tuple[str, ...], str]:
    """Keys to be tested → their origin: declared, mapped, the dossier's number, and columns that (nearly) tell the
    sample's rows apart. Names, telephone numbers and dates are no keys, however different they are today."""
    mapped = plan.key if plan.declared else ()
    found: dict[tuple[str, ...], str] = {}
    if shape.primary_key:
        found[tuple(shape.primary_key)] = "declared"
    if mapped and set(mapped) <= set(sample.columns):
        found.setdefault(tuple(mapped), "mapped")
    near = [name for name, c in sample.columns.items() if c.rows and c.filled >= _NEAR * c.rows and c.spread >= _NEAR]
    near = [name for name in near if folded(name) not in _COUNTERS and (name not in plan.roles or plan.roles[name].kind not in _NO_KEYS)]
    near = [name for name in near if not all(_DATE.match(text) for text in sample.columns[name].texts[:20])]
    short = [name for name in near if max((len(text) for text in sample.columns[name].texts[:100]), default=0) <= _LONGEST]
    numbers = [name for name, role in plan.roles.items() if role.name == "dossier_no" and name in sample.columns]
    for name in dict.fromkeys([*numbers, *short[:_CANDIDATES]]):
        found.setdefault((name,), "candidate")
    return found


class KeyTally:
    """Counts missing and repeated values of one key. Blanks around a value are padding, as the migration has it."""

    def __init__(self, columns: tuple[str, ...], origin: str) -> None:
        self.columns, self.origin = columns, origin
        self.spool = Spool()
        self.rows = self.missing = 0

    def add(self, frame: pa.Table, part: int) -> None:
        hashes, filled = key_hashes(frame, self.columns)
        self.rows += len(hashes)
        self.missing += int((~filled).sum())
        self.spool.add(hashes[filled], part)

    def facts(self, source: Source, table: str, read_key: Sequence[str], ranges: Sequence[KeyRange]) -> KeyFacts:
        _, rows, shown = self.spool.repeated(_SHOWN)
        return KeyFacts(
            self.columns, self.origin, self.rows, self.missing, rows, keys_of(source, table, read_key, ranges, self.columns, shown)
        )


def key_hashes(frame: pa.Table, columns: Sequence[str]) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """(hash per row, whether every part of the key is there)."""
    trimmed = [_trimmed(frame[name]) for name in columns]
    filled = np.ones(frame.num_rows, bool)
    for values in trimmed:
        filled &= pc.fill_null(pc.not_equal(values, b""), False).to_numpy(zero_copy_only=False).astype(bool)
    names = [str(at) for at in range(len(columns))]
    hashes = fingerprint(pa.table(trimmed, names=names), names)
    return hashes.to_numpy().view(np.uint64), filled


def _trimmed(column: pa.ChunkedArray) -> pa.Array:
    values = column.combine_chunks()
    if pa.types.is_integer(values.type):
        return values.cast(pa.string()).cast(pa.binary())
    # Bytes seen as text for the trimming alone: nothing is decoded, so nothing need be valid.
    return pc.ascii_trim(values.view(pa.string()), " \t\r\n").view(pa.binary())


def keys_of(
    source: Source, table: str, read_key: Sequence[str], ranges: Sequence[KeyRange], columns: Sequence[str], wanted: Sequence[tuple[int, int]],
    shown: Sequence[str] = (),
) -> tuple[str, ...]:  # fmt: skip
    """Read the values behind some (hash, part) again, three parts at most; `shown`: columns to print instead."""
    found: list[str] = []
    for part in sorted({part for _, part in wanted})[:3]:
        hashes = np.array([value for value, at in wanted if at == part], np.uint64)
        names = [name for name in dict.fromkeys([*columns, *shown]) if name != ROW]
        frame = source.read(table, read_key, ranges[part], names)
        mine, _ = key_hashes(frame, columns)
        rows = np.flatnonzero(np.isin(mine, hashes))
        _, first = np.unique(mine[rows], return_index=True)
        texts = source_keys(frame.take(pa.array(rows[np.sort(first)])), list(shown or columns))
        found += [shown_key(text or "") for text in texts.to_pylist()]
    return tuple(found[:_SHOWN])
