"""Text columns: `decode` the bytes, then `clean` the text. Decoding always comes first: NFC, trimming, case folding or
removing soft hyphens destroys legacy text (in TCVN3 the byte of the soft hyphen *is* the letter ư)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mappings.byte_tables import letters
from mappings.codelists import sentinels
from transforms.columns import Converted
from transforms.distinct import code_where, combine, first_of, on_distinct, replace_at
from transforms.encodings_decode import decode
from transforms.text_clean import clean_value

__all__ = ["clean", "decode", "placeholders"]

_SURE = "".join(letters()) + "–—…“”°²³•"
_AT_WORK = r"[a-z][À-Þ][a-z]|Ã[^ -~]|[&`]|  |\\u|=[\"0-9A-F]|^['’]|%[0-9A-F]|[^ -~" + _SURE + "]"


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
    places = [int(i) for i in np.flatnonzero(_needs_work(trimmed).to_numpy(zero_copy_only=False))]
    if not places:
        return Converted(trimmed)
    done = [clean_value(value) for value in trimmed.take(pa.array(places)).to_pylist()]
    text = replace_at(trimmed, places, [one.text for one in done])
    reasons = []
    for column in ([one.reject for one in done], [one.warn for one in done]):
        reasons.append(first_of(replace_at(pa.nulls(len(values), pa.string()), places, column)))
    return Converted(text, *reasons)


def _needs_work(values: pa.Array) -> pa.Array:
    return pc.match_substring_regex(values, _AT_WORK)


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
