"""Text columns: `decode` the bytes, then `clean` the text. Decoding always comes first: NFC, trimming, case folding or
removing soft hyphens destroys legacy text (in TCVN3 the byte of the soft hyphen *is* the letter ư)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mappings.byte_tables import ENCODINGS
from mappings.codelists import sentinels
from transforms.columns import Converted
from transforms.distinct import code_where, combine, first_of, on_distinct
from transforms.encodings_decode import decode as decode_column
from transforms.encodings_strangers import strangers
from transforms.text_clean import NEEDS_WORK, clean_value

__all__ = ["clean", "decode", "placeholders"]


def decode(values: pa.Array | pa.ChunkedArray, *, transport: str, encoding: str) -> Converted:
    """Text of a landed binary column; see `transforms.encodings_decode.decode` for encodings, transports and reasons.

    Also refuses (text-mixed-encoding) values of a legacy column that decode to letters but not to words, when another
    encoding makes common words of the same bytes: which one it was is for a person to say.
    """
    whole = combine(values)
    done = decode_column(whole, transport=transport, encoding=encoding)
    if encoding.partition("-as-")[0] not in ENCODINGS:
        return done
    found = strangers(whole, done.values, encoding, transport)
    if found is None:
        return done
    text = pc.if_else(pa.array(found), pa.scalar(None, done.values.type), done.values)
    return Converted(text, first_of(done.reject, code_where(found, "text-mixed-encoding")), done.warn)


def clean(values: pa.Array | pa.ChunkedArray) -> Converted:
    """NFC text without invisible characters, single spaces, trimmed; spelling, tone placement and i/y as written.

    Reject codes: text-control (control or unassigned characters, perhaps undecoded bytes), text-lossy, text-undecoded
    and text-mojibake (signs of bytes that nobody decoded). Warn codes, where more than form changed: text-html,
    text-escapes, text-homoglyph, text-excel, text-stray-mark. Clean values cost one regular expression, and that once
    per distinct value where values repeat. Idempotent.
    """
    whole = combine(values)
    if pa.types.is_binary(whole.type) or pa.types.is_large_binary(whole.type):
        raise ValueError("clean() wants text: decode() the column first")
    return on_distinct(whole, _clean)


def _clean(values: pa.Array) -> Converted:
    trimmed = pc.ascii_trim_whitespace(values)
    places = _needing_work(trimmed)
    if not len(places):
        return Converted(trimmed)
    single = pc.replace_substring_regex(trimmed.take(pa.array(places)), " {2,}", " ")  # the most frequent fault by far
    hard = _needing_work(single)
    done = [clean_value(value) for value in single.take(pa.array(hard)).to_pylist()]
    text = _put(trimmed, places, _put(single, hard, pa.array([one.text for one in done], values.type)))
    where, blank = places[hard], pa.nulls(len(values), pa.string())
    reasons = [[one.reject for one in done], [one.warn for one in done]]
    return Converted(text, *(first_of(_put(blank, where, pa.array(codes, pa.string()))) for codes in reasons))


def _needing_work(values: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.flatnonzero(pc.match_substring_regex(values, NEEDS_WORK).to_numpy(zero_copy_only=False))


def _put(values: pa.Array, places: np.ndarray[tuple[int], np.dtype[np.intp]], new: pa.Array) -> pa.Array:
    mask = np.zeros(len(values), dtype=bool)
    mask[places] = True
    return pc.replace_with_mask(values, pa.array(mask), new)


def placeholders(values: pa.Array | pa.ChunkedArray, *, kind: str = "name") -> Converted:
    """Take out words that mean "nothing was entered" (cleaned text in; `kind` of mappings/codelists/sentinel_values.csv).

    Warn codes: text-placeholder (value now null), text-specimen (kept, but it is a known default or a specimen person).
    """
    gone, kept = sentinels(kind), sentinels(kind, "keep")
    if kind == "name":
        kept |= sentinels("test-name", "keep")

    def work(distinct: pa.Array) -> Converted:
        folded = pc.utf8_lower(distinct)
        empty = pc.is_in(folded, value_set=pa.array(sorted(gone), folded.type))
        specimen = pc.is_in(folded, value_set=pa.array(sorted(kept), folded.type))
        text = pc.if_else(empty, pa.scalar(None, distinct.type), distinct)
        return Converted(text, None, first_of(code_where(empty, "text-placeholder"), code_where(specimen, "text-specimen")))

    return on_distinct(values, work)
