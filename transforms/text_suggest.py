"""Suggestions for stewards: readings that are likely but not provable. Nothing here changes a value on its own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import pyarrow as pa

from transforms.columns import Converted
from transforms.distinct import first_of, on_distinct
from transforms.encodings_codec import decode_bytes
from transforms.syllables import is_syllable

_TELEX_TONES = {"f": "\u0300", "s": "\u0301", "x": "\u0303", "r": "\u0309", "j": "\u0323"}
_VNI_TONES = {"2": "\u0300", "1": "\u0301", "4": "\u0303", "3": "\u0309", "5": "\u0323"}
_TELEX_LETTERS = (("aa", "â"), ("ee", "ê"), ("oo", "ô"), ("aw", "ă"), ("uow", "ươ"), ("ow", "ơ"), ("uw", "ư"), ("dd", "đ"))
_VNI_LETTERS = (("uo7", "ươ"), ("a6", "â"), ("e6", "ê"), ("o6", "ô"), ("a8", "ă"), ("o7", "ơ"), ("u7", "ư"), ("d9", "đ"))
_WORD = re.compile(r"[A-Za-z]+[0-9A-Za-z]*")
_VOWELS = "aăâeêioôơuưy"


def typed_keys(values: pa.Array | pa.ChunkedArray) -> Converted:
    """Undo keystrokes left by a broken keyboard driver ("Nguyeenx", "Tra62n").

    `values` are *suggestions*, null where there is none; warn code text-keystrokes marks the rows. Only words that are
    no syllable as they stand and become one are touched.
    """

    def work(distinct: pa.Array) -> Converted:
        found = [_untyped(text) for text in distinct.to_pylist()]
        warn = pa.array([None if text is None else "text-keystrokes" for text in found], pa.string())
        return Converted(pa.array(found, distinct.type), None, first_of(warn))

    return on_distinct(values, work)


def _untyped(text: str) -> str | None:
    new = _WORD.sub(lambda hit: untyped_word(hit[0]) or hit[0], text)
    return new if new != text else None


def untyped_word(word: str) -> str | None:
    """
    >>> untyped_word("Nguyeenx"), untyped_word("Tra62n"), untyped_word("Nam"), untyped_word("D9u7o7ng2")
    ('Nguyễn', 'Trần', None, 'Đường')
    """
    small = word.lower()
    if is_syllable(small):
        return None
    digits = any(char.isdigit() for char in small)
    tones, letters = (_VNI_TONES, _VNI_LETTERS) if digits else (_TELEX_TONES, _TELEX_LETTERS)
    for keys, letter in letters:
        small = _replace_spread(small, keys, letter)
    marks = [char for char in small[1:] if char in tones]
    places = [i for i, char in enumerate(small) if i and char in tones]
    candidates = [small] if not marks else [small[:i] + small[i + 1 :] for i in places]
    tone = [""] if not marks else [tones[small[i]] for i in places]
    found = [sound for base, mark in zip(candidates, tone, strict=True) for sound in _with_tone(base, mark) if is_syllable(sound)]
    if not found or found[0].isascii():
        return None
    return found[0].upper() if word.isupper() and len(word) > 2 else found[0].capitalize() if word[0].isupper() else found[0]


def _replace_spread(word: str, keys: str, letter: str) -> str:
    """`o7` is also typed later in the word (tuong7), and so is the second d of dd; adjacent first."""
    if keys in word:
        return word.replace(keys, letter, 1)
    if keys == "uow" and re.search("u[o]", word) and word.count("w") == 1:
        return word.replace("w", "").replace("uo", letter)
    if keys == "uo7" and re.search("u7?o7?", word) and "7" in word and "uo" in word.replace("7", ""):
        return word.replace("7", "").replace("uo", letter)
    if len(keys) == 2 and keys[1].isdigit() and keys[1] in word[1:] and keys[0] in word:
        return word.replace(keys[1], "", 1).replace(keys[0], letter, 1)
    return word


def _with_tone(base: str, mark: str) -> Iterable[str]:
    """The syllable with its tone on each vowel that can carry it, the usual place first."""
    if not mark:
        return [base]
    vowels = [i for i, char in enumerate(base) if char in _VOWELS]
    marked = [i for i in vowels if base[i] in "ăâêôơư"]
    ordered = marked[-1:] or sorted(vowels, key=lambda i: abs(i - vowels[len(vowels) // 2]))
    return [unicodedata.normalize("NFC", base[: i + 1] + mark + base[i + 1 :]) for i in ordered]


def lossy_matches(lossy: str, known: Iterable[str]) -> list[str]:
    """Known values that a text with lost letters can stand for: each ? is one letter that is not ASCII.

    >>> lossy_matches("Nguy?n V?n Nam", ["Nguyễn Văn Nam", "Nguyên Vân Nam", "Nguyen Van Nam"])
    ['Nguyễn Văn Nam', 'Nguyên Vân Nam']
    """
    mask = re.compile("".join("[^\x00-\x7f]" if char in "?\ufffd" else re.escape(char) for char in lossy))
    return [value for value in known if mask.fullmatch(unicodedata.normalize("NFC", value))]


def undo_case(raw: bytes, encoding: str, *, limit: int = 64) -> list[str]:
    """Readings of one word whose undecoded bytes went through UPPER (TCVN3 "Hường" stored as "HưấNG").

    UPPER merged letters, so every letter it may have changed is tried both ways and only syllables are kept.
    """
    ways = [b""]
    for byte in raw:
        options = (byte, byte + 0x20) if 0xC0 <= byte <= 0xDE and byte != 0xD7 else (byte,)
        ways = [way + bytes([option]) for way in ways for option in options][:limit]
    decoded = decode_bytes(pa.array(ways, pa.binary()), encoding)
    words = [text.lower() for text, bad in zip(decoded.text.to_pylist(), decoded.undefined, strict=True) if not bad]
    return sorted({word.upper() for word in words if is_syllable(word)})
