"""Which encoding a column is in, judged over the column: single values are often readable in several.

Every candidate decodes the same sample; its score is the share of accented words that come out as Vietnamese syllables
in consistent case. Scores are only compared with each other, because names of minority peoples are no syllables.
Whether some values are in a second encoding is judged value by value, in `transforms.encodings_mixed`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.distinct import combine
from transforms.encodings_decode import AS_CP1258, AS_UTF8, LOST_LETTER, UTF8
from transforms.encodings_mixed import has_doubtful_word, second_encodings
from transforms.encodings_readings import Texts, candidates, read_as, shares
from transforms.encodings_wide import wide_values
from transforms.syllables import WORD, is_syllable

SAMPLE = 600
LOOKED_AT = 4_000
LONGEST = 8_192
MARGIN = 0.15
ENOUGH = 10
_WIDE_AT_LEAST, _WIDE_WHOLE = 0.01, 0.98
_CONTROL_LETTERS = r"[\x02\x05\x06\x04\x03\x10-\x15\x19\x1c-\x1e]"
_TELLING = rf"[\x80-\xff]|{_CONTROL_LETTERS}"
_BEYOND_1252 = re.compile("[ăđơưĂĐƠƯ\u1e00-\u1eff\u0300-\u036f]")

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Detection:
    """Verdict on one column.

    `encoding` is None when undecided (too few values, too close) or mixed: then a person decides. `confidence` is the
    lead over the runner-up, 0 to 1. `n`: distinct values with anything but ASCII that were judged. `evidence`: codes —
    ascii-only, no-accents (Vietnamese without diacritics), best-fit-loss (only letters of Windows-1252 survive), lossy
    (letters became ?), too-few, too-close, unexplained, and for mixed columns `mixed:<encoding>=<values>`.
    """

    encoding: str | None
    confidence: float
    scores: Mapping[str, float]
    runner_up: str | None
    n: int
    mixed: bool
    evidence: tuple[str, ...]


def detect(sample: pa.Array | pa.ChunkedArray, *, transport: str) -> Detection:
    """Judge a sample of one landed column (binary, any size).

    SAMPLE distinct values are read in every encoding; of LOOKED_AT those too that the winner does not read well.
    """
    distinct = _distinct(sample)
    if transport == "bytes" and (wide := _wide(distinct)):
        return wide
    telling = distinct.filter(pc.match_substring_regex(distinct, _TELLING))
    if not len(telling):
        return Detection("utf-8", 1.0, {"utf-8": 1.0}, None, 0, False, ("ascii-only", *_losses(distinct)))
    looked_at = spread(telling, LOOKED_AT)
    chosen = spread(looked_at, SAMPLE)
    readings = {name: read_as(chosen, name, transport) for name in candidates(transport)}
    losses = _losses(distinct) if transport == "text" or _all_utf8(distinct) else ()
    return _verdict(readings, looked_at, transport, losses)


def reads_well(sample: pa.Array | pa.ChunkedArray, encoding: str, *, transport: str) -> bool:
    """Whether one encoding reads the sample so well that `detect` could name no other, found at a tenth of its price.

    Never for the byte tables, which are told from their misreadings too.
    """
    if [_table(name) for name in candidates(transport)].count(_table(encoding)) != 1:
        return False
    distinct = _distinct(sample)
    telling = distinct.filter(pc.match_substring_regex(distinct, _TELLING))
    texts = read_as(spread(spread(telling, LOOKED_AT), SAMPLE), encoding, transport)
    return bool(texts) and sum(shares(texts)) / len(texts) > 1 - MARGIN


def _distinct(sample: pa.Array | pa.ChunkedArray) -> pa.Array:
    return _cut(pc.unique(combine(sample).drop_null()).cast(pa.binary()))


def _wide(distinct: pa.Array) -> Detection | None:
    """The verdict when values are UTF-16; mixed when only some are."""
    part = spread(distinct.filter(pc.greater(pc.binary_length(distinct), 0)), LOOKED_AT)
    found = {name: int(mask.sum()) for name, mask in wide_values(part).items()}
    if not found:
        return None
    n, name = len(part), max(found, key=lambda name: found[name])
    if found[name] < max(2, _WIDE_AT_LEAST * n):
        return None
    share, whole = round(found[name] / n, 4), found[name] >= _WIDE_WHOLE * n
    evidence = () if whole else (f"mixed:{name}={found[name]}", f"mixed:other={n - found[name]}")
    decided = whole and n >= ENOUGH
    return Detection(name if decided else None, share, {name: share}, None, n, not whole, evidence + ("too-few",) * (n < ENOUGH))


def _cut(values: pa.Array) -> pa.Array:
    """Values beyond LONGEST bytes are judged by their beginning, cut at a space so that no letter is broken."""
    long = pc.greater(pc.binary_length(values), LONGEST)
    if not pc.any(long).as_py():
        return values
    short = [data[:LONGEST].rpartition(b" ")[0] for data in values.filter(long).to_pylist()]
    return pc.replace_with_mask(values, long, pa.array(short, values.type))


def spread(values: pa.Array, most: int) -> pa.Array:
    """Up to `most` of the values, evenly spread."""
    return values.take(pa.array(_places(len(values), most)))


def _places(n: int, most: int) -> npt.NDArray[np.int64]:
    """Up to `most` places of `n`, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(most, n)).astype(np.int64))


def _verdict(readings: Mapping[str, Texts], looked_at: pa.Array, transport: str, losses: tuple[str, ...]) -> Detection:
    names = list(readings)
    scores = np.array([shares(texts) for texts in readings.values()], dtype=np.float64)
    means, n = scores.mean(axis=1), scores.shape[1]
    order = np.argsort(-means, kind="stable")
    best = int(order[0])
    second = next(int(i) for i in order if _table(names[i]) != _table(names[best]))
    lead = float(means[best] - means[second])
    by_name = {names[i]: round(float(means[i]), 4) for i in order}
    others = _others(names[best], readings, looked_at, transport) if n >= ENOUGH else ()
    evidence = [*losses, *(f"mixed:{name}={count}" for name, count in others)]
    evidence += ["too-few"] * (n < ENOUGH) + ["too-close"] * (lead < MARGIN)
    evidence += ["unexplained"] * bool((scores.max(axis=0) < 0.5).mean() > 0.1)
    decided = n >= ENOUGH and lead >= MARGIN and not others
    return Detection(names[best] if decided else None, lead, by_name, names[second], n, bool(others), tuple(evidence))


def _table(name: str) -> str:
    """Ways in which one encoding was misread agree on most values: they are no rivals, the better one is taken."""
    return name.removesuffix(AS_UTF8).removesuffix(AS_CP1258)


def _others(main: str, readings: Mapping[str, Texts], looked_at: pa.Array, transport: str) -> tuple[tuple[str, int], ...]:
    """The main encoding and the second ones, with their numbers of values; nothing when there is no second one."""
    n, everything = len(looked_at), dict(readings)
    if n > len(readings[main]):
        judged = set(_places(n, SAMPLE).tolist())
        texts = read_as(looked_at, main, transport)
        doubtful = [place for place, text in enumerate(texts) if place not in judged and has_doubtful_word(text)]
        if doubtful:
            more = spread(looked_at.take(pa.array(doubtful)), SAMPLE)
            everything = {name: [*read, *read_as(more, name, transport)] for name, read in readings.items()}
    both_misread = {name for name in readings if _table(name) == _table(main) and (transport == "text" or _table(main) not in (main, name))}
    rivals = [name for name in readings if name != main and name not in both_misread]
    found = second_encodings(main, everything, rivals, n)
    return ((main, n - sum(count for _, count in found)), *found) if found else ()


def _all_utf8(values: pa.Array) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, UTF8)).as_py())


def _losses(distinct: pa.Array) -> tuple[str, ...]:
    """Traces of a conversion that threw letters away; `distinct` is valid UTF-8."""
    part = distinct.slice(0, 4 * SAMPLE)
    texts = [data.decode("utf-8", errors="replace") for data in part.to_pylist()]
    found = []
    if sum(pc.match_substring_regex(pa.array(texts, pa.string()), LOST_LETTER).to_pylist()) > 0.02 * len(texts):
        found.append("lossy")
    words = [word for text in texts for word in WORD.findall(text)]
    accented = [word for word in words if not word.isascii()]
    plain = sum(is_syllable(word.lower()) for word in words)
    if len(words) >= 20 and not accented and plain > 0.6 * len(words):
        found.append("no-accents")
    if len(accented) >= 20 and not any(map(_BEYOND_1252.search, accented)) and plain > 0.6 * len(words):
        found.append("best-fit-loss")
    return tuple(found)
