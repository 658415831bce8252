"""Law 1: every row gets exactly one outcome.

Order of the questions: left out by a named rule → an exact copy of a row just seen → unchanged since the last run →
held back for a reason → published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mappings.spec import Filter

PUBLISHED, UNCHANGED, MERGED, QUARANTINED, FILTERED = range(5)
OUTCOMES = ("published", "unchanged", "merged", "quarantined", "filtered")
NO_UNIT = "-"
UNKNOWN_UNIT = "?"

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Known:
    """What the last run of the same version left of these rows: nothing about them need be done again."""

    keys: pa.Array
    hashes: pa.Array
    held: pa.Array
    """Keys that wait in quarantine."""


@dataclass(frozen=True)
class Outcomes:
    code: npt.NDArray[np.int8]
    """Index into OUTCOMES per row."""
    held_again: Mask
    """Quarantined rows that already wait there, unchanged."""
    duplicate_key: Mask
    """Rows that share their key with a different row: no one can say which is right."""
    rule: npt.NDArray[np.object_]
    """Name of the filter rule of a filtered row, else ''."""

    def counts(self) -> dict[str, int]:
        found = np.bincount(self.code, minlength=len(OUTCOMES))
        return {name: int(n) for name, n in zip(OUTCOMES, found, strict=True)}

    def rows(self, outcome: int) -> npt.NDArray[np.int64]:
        return np.flatnonzero(self.code == outcome)


def decide(
    keys: pa.Array, hashes: pa.Array, *, rules: npt.NDArray[np.object_], rejected: Mask, known: Known | None = None
) -> Outcomes:
    """One outcome per row of a part.

    Args:
        keys, hashes: source key and fingerprint per row.
        rules: name of the filter rule that leaves the row out, or ''.
        rejected: rows with at least one problem.
    """
    copies, clashing = _duplicates(keys, hashes)
    seen, held = _known_masks(keys, hashes, known)
    filtered = rules != ""
    code = np.where(rejected | clashing, QUARANTINED, PUBLISHED)
    code = np.where(seen & ~clashing, np.where(held, QUARANTINED, UNCHANGED), code)
    code = np.where(copies, MERGED, code)
    code = np.where(filtered, FILTERED, code).astype(np.int8)
    return Outcomes(code, (code == QUARANTINED) & seen & held & ~clashing, clashing & (code == QUARANTINED), rules)


def filter_rules(texts: Mapping[str, pa.Array], filters: Sequence[Filter], rows: int) -> npt.NDArray[np.object_]:
    """Name of the first rule that leaves each row out, '' where none does. `texts` = decoded filter columns."""
    rules = np.full(rows, "", object)
    for rule in reversed(filters):
        hit = pc.is_in(texts[rule.column], value_set=pa.array(rule.values, pa.string()))
        rules[hit.to_numpy(zero_copy_only=False)] = rule.rule
    return rules


def unit_counts(outcomes: Outcomes, units: pa.Array | None) -> list[tuple[str, str, list[str], list[int]]]:
    """(outcome, rule, old units, rows of each) for the ledger; units unknown or not applicable have their own marks."""
    rows = len(outcomes.code)
    places = pa.repeat(NO_UNIT, rows) if units is None else pc.fill_null(units, UNKNOWN_UNIT)
    unit, rule = places.dictionary_encode(), pa.array(outcomes.rule, pa.string()).dictionary_encode()
    unit_no, rule_no = (a.indices.to_numpy(zero_copy_only=False).astype(np.int64) for a in (unit, rule))
    kinds = len(rule.dictionary) * len(OUTCOMES)
    counted = np.bincount((rule_no * len(OUTCOMES) + outcomes.code) * len(unit.dictionary) + unit_no, minlength=kinds * len(unit.dictionary))
    names, rules, found = unit.dictionary, rule.dictionary.to_pylist(), []
    for kind, tally in enumerate(counted.reshape(kinds, -1) if rows else ()):
        there = np.flatnonzero(tally)
        if len(there):
            found.append((OUTCOMES[kind % len(OUTCOMES)], rules[kind // len(OUTCOMES)], names.take(pa.array(there)).to_pylist(), tally[there].tolist()))
    return found


def _duplicates(keys: pa.Array, hashes: pa.Array) -> tuple[Mask, Mask]:
    """(exact later copies, rows whose key also carries other content). Almost always nothing: keys come in ascending order."""
    rows = len(keys)
    ascending = pc.all(pc.less(keys.slice(0, max(rows - 1, 0)), keys.slice(1)), skip_nulls=False).as_py()
    if ascending or rows == pc.count_distinct(keys, mode="all").as_py():
        return np.zeros(rows, bool), np.zeros(rows, bool)
    key = keys.dictionary_encode(null_encoding="encode").indices.to_numpy(zero_copy_only=False)
    content = hashes.to_numpy(zero_copy_only=False)
    pairs = np.rec.fromarrays([key, content])
    _, first = np.unique(pairs, return_index=True)
    copies = np.ones(rows, bool)
    copies[first] = False
    versions = np.bincount(key[first], minlength=int(key.max()) + 1)
    return copies, versions[key] > 1


def _known_masks(keys: pa.Array, hashes: pa.Array, known: Known | None) -> tuple[Mask, Mask]:
    rows = len(keys)
    if known is None or len(known.keys) == 0:
        return np.zeros(rows, bool), np.zeros(rows, bool)
    position = pc.index_in(keys, value_set=known.keys)
    before = pc.take(known.hashes, position)
    seen = pc.fill_null(pc.equal(before, hashes), False).to_numpy(zero_copy_only=False)
    _, rivals = _duplicates(known.keys, known.hashes)
    if rivals.any():  # a key that had several versions: when one is gone, the other is no longer in doubt
        seen = seen & ~pc.is_in(keys, value_set=known.keys.filter(pa.array(rivals))).to_numpy(zero_copy_only=False)
    held = pc.is_in(keys, value_set=known.held).to_numpy(zero_copy_only=False)
    return seen, held
