"""Do the work once per distinct value where values repeat, and only on the values that need it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columns import Converted

SAMPLE = 16_384
BLOCK = 16_384
REPEATING = 0.9


def combine(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One plain array: chunks joined, dictionaries resolved."""
    if isinstance(values, pa.ChunkedArray) and values.num_chunks == 1:
        values = values.chunk(0)  # joining one chunk would copy it
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
        if isinstance(values, pa.ChunkedArray):
            values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def repeats(values: pa.Array, share: float = REPEATING) -> bool:
    """Whether a dictionary pays: judged on one slice of the column (1 ms), all of it when it is short."""
    part = values.slice(max(0, (len(values) - SAMPLE) // 2), SAMPLE)
    return len(part) < SAMPLE or pc.count_distinct(part).as_py() < share * SAMPLE


def on_distinct(values: pa.Array | pa.ChunkedArray, work: Callable[[pa.Array], Converted]) -> Converted:
    """`work` sees an array without nulls (distinct values when they repeat); nulls stay null, without a code."""
    whole = combine(values)
    if repeats(whole):
        coded = whole.dictionary_encode()
        done = work(coded.dictionary)
        return Converted(*(None if column is None else column.take(coded.indices) for column in _columns(done)))
    if not whole.null_count:
        return work(whole)
    done, present = work(whole.drop_null()), whole.is_valid()
    return Converted(*(None if column is None else _spread(column, present) for column in _columns(done)))


def in_blocks(values: pa.Array, work: Callable[[pa.Array], Converted]) -> Converted:
    """The same result from cache-sized slices: work that spreads text over arrays of numbers is 2-3 times cheaper so."""
    if len(values) <= BLOCK:
        return work(values)
    done = [work(values.slice(start, BLOCK)) for start in range(0, len(values), BLOCK)]
    return Converted(
        pa.concat_arrays([part.values for part in done]),
        _joined([part.reject for part in done], done), _joined([part.warn for part in done], done),
    )


def _joined(reasons: list[pa.Array | None], done: list[Converted]) -> pa.Array | None:
    if all(part is None for part in reasons):
        return None
    blank = [pa.nulls(len(part.values), pa.string()) for part in done]
    return pa.concat_arrays([none if part is None else part for part, none in zip(reasons, blank, strict=True)])


def _columns(done: Converted) -> tuple[pa.Array, pa.Array | None, pa.Array | None]:
    return done.values, done.reject, done.warn


def _spread(dense: pa.Array, present: pa.Array) -> pa.Array:
    return pc.replace_with_mask(pa.nulls(len(present), dense.type), present, dense)


def code_where(mask: pa.Array | np.ndarray[tuple[int], np.dtype[np.bool_]], code: str) -> pa.Array | None:
    """A reason column: `code` where the mask is true, null elsewhere; None when it is true nowhere."""
    found = pa.array(mask) if isinstance(mask, np.ndarray) else mask
    if not pc.any(found).as_py():
        return None
    return pc.if_else(pc.fill_null(found, False), pa.scalar(code), pa.scalar(None, pa.string()))


def has_nul(text: pa.Array) -> pa.Array:
    """Which values hold a NUL, null for null. Almost always none does: one look at all bytes tells."""
    content = text.buffers()[2]
    if content is None or np.frombuffer(content, np.uint8).all():
        return pc.if_else(text.is_valid(), False, pa.scalar(None, pa.bool_()))
    return pc.match_substring(text, "\x00")


def first_of(*reasons: pa.Array | None) -> pa.Array | None:
    """The first reason of each row over several reason columns; None when there is none at all."""
    known = [column for column in reasons if column is not None and column.null_count < len(column)]
    if not known:
        return None
    return known[0] if len(known) == 1 else pc.coalesce(*known)


def replace_at(values: pa.Array, positions: list[int], new: list[str | None]) -> pa.Array:
    """A copy of a string array with the values at ascending `positions` replaced."""
    if not positions:
        return values
    mask = np.zeros(len(values), dtype=bool)
    mask[positions] = True
    return pc.replace_with_mask(values, pa.array(mask), pa.array(new, values.type))
