"""What a sample of a landed column reads as under every candidate encoding, and how Vietnamese a reading is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mappings.byte_tables import ENCODINGS
from transforms.encodings_case import restore_capitals
from transforms.encodings_codec import decode_bytes, undo_misreading
from transforms.encodings_decode import AS_CP1258, AS_UTF8, UTF8, undo_mojibake
from transforms.encodings_tables import Mask
from transforms.syllables import WORD, is_syllable

Texts = list[str | None]
_ODD = ("S", "C", "N")


def candidates(transport: str) -> list[str]:
    """Names of all encodings a column can be in, those that win ties first."""
    names = ["utf-8", "mojibake"]
    for name in ENCODINGS:
        names.append(name + AS_UTF8 if transport == "bytes" else name)
        names += [name + AS_CP1258] if name != "cp1258" else []
        names += [name] if transport == "bytes" else []
    return names


def read_as(values: pa.Array, name: str, transport: str) -> Texts:
    """NFC text of every value under one candidate; None = it cannot be that."""
    if name not in ("utf-8", "mojibake") and transport == "bytes" and not name.endswith((AS_UTF8, AS_CP1258)):
        return _table_text(values, name, np.zeros(len(values), dtype=bool))
    utf8 = np.asarray(pc.match_substring_regex(values, UTF8).to_numpy(zero_copy_only=False), dtype=bool)
    text = pc.if_else(pa.array(utf8), values, pa.scalar(b"", values.type)).cast(pa.string())
    if name == "utf-8":
        return _composed(text, ~utf8)
    if name == "mojibake":
        repaired, done = undo_mojibake(text)
        return _composed(repaired, ~done)
    encoding = name.removesuffix(AS_UTF8).removesuffix(AS_CP1258)
    raw = undo_misreading(text, encoding, page="cp1258" if name.endswith(AS_CP1258) else "cp1252")
    return _table_text(raw.data, encoding, raw.impossible | ~utf8)


def _table_text(raw: pa.Array, encoding: str, impossible: Mask) -> Texts:
    decoded = decode_bytes(raw, encoding)
    text = restore_capitals(decoded.text, raw) if encoding == "tcvn3" else decoded.text
    return _composed(text, decoded.undefined | impossible)


def _composed(texts: pa.Array, impossible: Mask) -> Texts:
    return [None if bad else unicodedata.normalize("NFC", text) for text, bad in zip(texts.to_pylist(), impossible, strict=True)]


def shares(texts: Sequence[str | None]) -> list[float]:
    """Share of accented words that are syllables; signs inside the text count as words that are not."""
    return [0.0 if text is None else _share(text) for text in texts]


def _share(text: str) -> float:
    accented = [word for word in WORD.findall(text) if not word.isascii()]
    odd = sum(not char.isascii() and not char.isalpha() and unicodedata.category(char)[0] in _ODD for char in text)
    odd += sum(unicodedata.category(char) == "Cc" for char in text if char not in "\t\r\n")
    good = sum(map(is_sound, accented))
    return good / (len(accented) + odd) if accented or odd else 0.0


def is_sound(word: str) -> bool:
    """A syllable written in one case, or with a capital first."""
    return is_syllable(word.lower()) and (word.islower() or word.isupper() or word.istitle())


_TOKEN = re.compile(r"(?:[^\W\d_]|[^\x00-\x7f]|[\x00-\x08\x0e-\x1f\x7f])+")
_OPENING, _CLOSING = "“‘–—\u00a0\u200b\ufeff", "”’…–—\u00a0"  # beside a word these are plain punctuation, inside it they are not


def tokens(text: str) -> list[str]:
    """Runs of letters, signs and control characters with anything but ASCII in them: where two readings can differ."""
    found = []
    for token in _TOKEN.findall(text):
        if not (token.isascii() and token.isalpha()):
            bare = token.lstrip(_OPENING).rstrip(_CLOSING)
            if bare and not (bare.isascii() and bare.isalpha()):
                found.append(bare)
    return found
