"""Which encoding a column is in, judged over the column: single values are often readable in several.

Every candidate decodes the same sample; its score is the share of accented words that come out as Vietnamese syllables
in consistent case. Scores are only compared with each other, because names of minority peoples are no syllables.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mappings.byte_tables import ENCODINGS
from transforms.distinct import combine
from transforms.encodings_case import restore_capitals
from transforms.encodings_codec import decode_bytes, undo_misreading
from transforms.encodings_decode import AS_CP1258, AS_UTF8, LOST_LETTER, UTF8, undo_mojibake
from transforms.encodings_tables import Mask
from transforms.syllables import WORD, is_syllable

SAMPLE = 600
MARGIN = 0.15
ENOUGH = 10
_SURE, _GAP = 0.75, 0.45
_SHARE_OF_SECOND = 0.01
_CONTROL_LETTERS = r"[\x02\x05\x06\x04\x03\x10-\x15\x19\x1c-\x1e]"
_BEYOND_1252 = re.compile("[ăđơưĂĐƠƯ\u1e00-\u1eff\u0300-\u036f]")
_ODD = ("S", "C", "N")

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
    """Judge a sample of one landed column (binary, any size; at most SAMPLE distinct values are read)."""
    whole = combine(sample)
    distinct = pc.unique(whole.drop_null())
    distinct = distinct.cast(pa.binary()) if not pa.types.is_binary(distinct.type) else distinct
    telling = distinct.filter(pc.match_substring_regex(distinct, rf"[\x80-\xff]|{_CONTROL_LETTERS}"))
    if not len(telling):
        return Detection("utf-8", 1.0, {"utf-8": 1.0}, None, 0, False, ("ascii-only", *_losses(distinct)))
    chosen = telling.take(pa.array(np.unique(np.linspace(0, len(telling) - 1, SAMPLE).astype(np.int64))))
    names, scores = _score(chosen, transport)
    return _verdict(names, scores, _losses(distinct) if transport == "text" or _all_utf8(distinct) else ())


def _verdict(names: list[str], scores: Scores, losses: tuple[str, ...]) -> Detection:
    means, n = scores.mean(axis=1), scores.shape[1]
    order = np.argsort(-means, kind="stable")
    best = int(order[0])
    second = next(int(i) for i in order if _table(names[i]) != _table(names[best]))
    lead = float(means[best] - means[second])
    by_name = {names[i]: round(float(means[i]), 4) for i in order}
    others = _second_encodings(names, scores, best) if n >= ENOUGH else ()
    evidence = [*losses, *(f"mixed:{name}={count}" for name, count in others)]
    evidence += ["too-few"] * (n < ENOUGH) + ["too-close"] * (lead < MARGIN)
    evidence += ["unexplained"] * bool((scores.max(axis=0) < 0.5).mean() > 0.1)
    decided = n >= ENOUGH and lead >= MARGIN and not others
    return Detection(
        names[best] if decided else None, lead, by_name, names[second], n, bool(others), tuple(evidence)
    )


def _table(name: str) -> str:
    """Ways in which one encoding was misread agree on most values: they are no rivals, the better one is taken."""
    return name.removesuffix(AS_UTF8).removesuffix(AS_CP1258)


def _second_encodings(names: list[str], scores: Scores, best: int) -> tuple[tuple[str, int], ...]:
    """Encodings that read well several values that the best one reads far worse."""
    better = (scores >= _SURE) & (scores - scores[best] >= _GAP)
    need = max(2, int(np.ceil(_SHARE_OF_SECOND * scores.shape[1])))
    readers = [(names[i], int(better[i].sum())) for i in range(len(names))]
    found = sorted((pair for pair in readers if pair[1] >= need), key=lambda pair: -pair[1])
    return ((names[best], int((~better.any(axis=0)).sum())), *found) if found else ()


def _score(values: pa.Array, transport: str) -> tuple[list[str], Scores]:
    """Candidates, those that win ties first, and a row of scores per candidate."""
    utf8 = np.asarray(pc.match_substring_regex(values, UTF8).to_numpy(zero_copy_only=False), dtype=bool)
    text = pc.if_else(pa.array(utf8), values, pa.scalar(b"", values.type)).cast(pa.string())
    table = {"utf-8": np.where(utf8, _shares(text), 0.0)}
    repaired, done = undo_mojibake(text)
    table["mojibake"] = np.where(done, _shares(repaired), 0.0)
    for name in ENCODINGS:
        table[name + AS_UTF8 if transport == "bytes" else name] = _misread_as(text, utf8, name, "cp1252")
        if name != "cp1258":
            table[name + AS_CP1258] = _misread_as(text, utf8, name, "cp1258")
        if transport == "bytes":
            table[name] = _read_as(values, name)
    return list(table), np.stack(list(table.values()))


def _misread_as(text: pa.Array, utf8: Mask, encoding: str, page: str) -> Scores:
    raw = undo_misreading(text, encoding, page=page)
    return np.where(raw.impossible | ~utf8, 0.0, _read_as(raw.data, encoding))


def _read_as(raw: pa.Array, encoding: str) -> Scores:
    decoded = decode_bytes(raw, encoding)
    text = restore_capitals(decoded.text) if encoding == "tcvn3" else decoded.text
    return np.where(decoded.undefined, 0.0, _shares(text))


def _shares(texts: pa.Array) -> Scores:
    return np.array([_share(unicodedata.normalize("NFC", text)) for text in texts.to_pylist()], dtype=np.float64)


def _share(text: str) -> float:
    """Share of accented words that are syllables; signs inside the text count as words that are not."""
    accented = [word for word in WORD.findall(text) if not word.isascii()]
    odd = sum(not char.isascii() and not char.isalpha() and unicodedata.category(char)[0] in _ODD for char in text)
    odd += sum(unicodedata.category(char) == "Cc" for char in text if char not in "\t\r\n")
    good = sum(is_syllable(word.lower()) and (word.islower() or word.isupper() or word.istitle()) for word in accented)
    return good / (len(accented) + odd) if accented or odd else 0.0


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


