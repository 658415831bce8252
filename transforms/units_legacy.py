"""The readings of one text that may have been written in a legacy encoding and read as Windows-1252 since.

The resolver tries them on the few values of a file that do not read as Vietnamese. Columns of a source are decoded by
`transforms.encodings_decode`, which says more and needs arrays; this is its reading of one value without them, because
they cost more memory than the registry. A test holds the two equal.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from mappings.byte_tables import ENCODINGS, letter_bytes
from transforms.syllables import invalid_accented, is_syllable, words
from transforms.text_clean import clean_value

READINGS = (*ENCODINGS, "mojibake", "")  # '' = entities, escapes and signs that no encoding explains
_UNDEFINED = "\uffff"
_DEEPEST = 3
_LOST = re.compile(r"[^\W\d_]\?+[^\W\d_]|(?:^|[ \t\n\f\r,.;:(/-])\?+[^\W\d_]")
_ADDRESS_OF_PAGE = re.compile(r"://|/[^ \t\n\f\r]*\?")
_CUT_LEAD = re.compile(r"[ÃÄÆ](?:\s|$)")
_ONE_CASE = {
    True: re.compile("(?=.*[À-ÖØ-Þ])[^a-zà-öø-þ]*", re.DOTALL),
    False: re.compile("(?=.*[à-öø-þ])[^A-ZÀ-ÖØ-Þ]*", re.DOTALL),
}
_SINGLE_BYTE = ("tcvn3", "viscii", "vps")


class _Misread(dict[int, str]):
    """Character → the byte (as a Latin-1 character) that was read as it; what no byte was read as is undefined."""

    def __missing__(self, point: int) -> str:
        return _UNDEFINED


@dataclass(frozen=True)
class _Table:
    """`letters`: what one or two bytes mean, undefined where nothing or where writing it gives other bytes."""

    letters: dict[str, str]
    special: re.Pattern[str]


def reading(text: str, encoding: str) -> str | None:
    """The text that `text` was before it was misread; itself when nothing shows that it was; None when it cannot have
    been written in the encoding or letters are lost. `encoding` is one of READINGS."""
    if not encoding:
        return clean_value(text).text
    found = _mojibake(text) if encoding == "mojibake" else _legacy(text, encoding)
    if found is None or "\ufffd" in found or ("?" in found and _LOST.search(found) and not _ADDRESS_OF_PAGE.search(found)):
        return None
    return found


def _legacy(text: str, encoding: str) -> str | None:
    raw = _bytes_of(text, encoding)
    found = _decoded(raw, encoding) if raw is not None else None
    inner = _as_utf8(raw) if raw is not None else None
    for other in (text if found is None else None, inner):
        if other is not None and _is_sound(other):
            return other
    return None if found is None or raw is None or _is_case_damaged(raw, found, encoding) else found


def _mojibake(text: str) -> str | None:
    before = text
    for _ in range(_DEEPEST):
        raw = None if text.isascii() else _bytes_of(text, "mojibake")
        inner = _as_utf8(raw) if raw is not None else None
        if inner is None:
            break
        text = inner
    unread = text == before and not text.isascii()
    return None if unread and (_CUT_LEAD.search(text) or not _is_sound(text)) else text


def _bytes_of(text: str, encoding: str) -> str | None:
    """The bytes, as Latin-1 characters. A text that shows readings of two code pages was misread by none."""
    raw = text.translate(_misread(encoding))
    if _UNDEFINED in raw:
        return None
    by_1252 = any(point > "\xff" and byte < "\xa0" for point, byte in zip(text, raw, strict=True))
    return None if by_1252 and any(char in _only_latin1() for char in text) else raw


def _decoded(raw: str, encoding: str) -> str | None:
    table = _table(encoding)

    def letter(unit: re.Match[str]) -> str:
        return table.letters.get(unit[0]) or "".join(table.letters.get(byte, byte) for byte in unit[0])

    found = table.special.sub(letter, raw)
    return None if _UNDEFINED in found else found


def _as_utf8(raw: str) -> str | None:
    try:
        return None if raw.isascii() else raw.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return None


def _is_sound(text: str) -> bool:
    """Every accented word is a Vietnamese syllable and no character is odd."""
    accented = [word for word in words(text) if not word.isascii()]
    odd = any(not char.isascii() and not char.isalpha() and unicodedata.category(char)[0] not in "MPZ" for char in text)
    odd = odd or any(unicodedata.category(char) == "Cc" and char not in "\t\r\n" for char in text)
    return bool(accented) and not odd and all(map(is_syllable, accented))


def _is_case_damaged(raw: str, text: str, encoding: str) -> bool:
    """UPPER or LOWER was run on the undecoded bytes, which merges letters: the other case of the bytes reads better."""
    if encoding not in _SINGLE_BYTE or text.isascii():
        return False
    for lower, pattern in _ONE_CASE.items():
        if pattern.fullmatch(raw):
            other = _decoded(_turned(raw, lower=lower), encoding)
            if other is not None and invalid_accented(text) > invalid_accented(other):
                return True
    return False


def _turned(raw: str, *, lower: bool) -> str:
    turned = raw.lower() if lower else "".join(up if len(up := char.upper()) == 1 else char for char in raw)
    return turned.encode("latin-1", errors="replace").decode("latin-1")


@cache
def _misread(encoding: str) -> _Misread:
    table = _Misread({point: chr(point) for point in range(0xA0)})
    for byte in range(0x80, 0x100):
        char = bytes([byte]).decode("cp1252", errors="replace")
        table[ord(char) if char != "\ufffd" else byte] = chr(byte)
    if encoding == "tcvn3":
        table[0x2212], table[0x2219] = "\xad", "\xb7"  # copied out of a PDF
    return table


@cache
def _only_latin1() -> frozenset[str]:
    return frozenset(chr(byte) for byte in range(0x80, 0xA0) if bytes([byte]).decode("cp1252", errors="replace") != "\ufffd")


@cache
def _table(encoding: str) -> _Table:
    """ASCII, the signs (never the letters) of the Windows code page, then the letters of the byte table."""
    page = "cp1258" if encoding == "cp1258" else "cp1252"
    letters = {chr(byte): chr(byte) for byte in range(128)}
    for byte in range(128, 256):
        char = bytes([byte]).decode(page, errors="replace")
        is_sign = char != "\ufffd" and (page == "cp1258" or unicodedata.category(char)[0] not in "LC")
        letters[chr(byte)] = char if is_sign else _UNDEFINED
    letters |= {data.decode("latin-1"): letter for letter, data in letter_bytes(encoding).items()}
    written = {letter: unit for unit, letter in sorted(letters.items(), key=lambda item: (-len(item[0]), item[0]))}
    letters = {unit: letter if written[letter] == unit else _UNDEFINED for unit, letter in letters.items()}
    pairs = [unit for unit in letters if len(unit) == 2]
    firsts, seconds = ("".join(sorted({unit[at] for unit in pairs})) for at in (0, 1))
    single = "".join(unit for unit, letter in letters.items() if len(unit) == 1 and unit != letter)
    either = f"[{re.escape(firsts)}][{re.escape(seconds)}]|[{re.escape(single)}]" if pairs else f"[{re.escape(single)}]"
    return _Table(letters, re.compile(either))
