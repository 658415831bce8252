"""Comparison keys for Vietnamese names. Keys decide whether two spellings are one name; stored text is never altered.

A key is a string of syllables. A canonical syllable is its letters with their quality marks (ă â ê ô ơ ư đ), then its
tone as one combining character at the end: where the writer put the tone (`hoà`, `hòa`), composed or decomposed, upper
case, look-alikes of đ, `y` for final `i` and `k` for final `c` make no difference. What is left are differences in
what was written.

>>> canonical("XÃ HOÀ  MỸ") == canonical("xã hòa mĩ")
True
>>> unaccented("Phường Đắk R'Lấp")
'phuong dac rlap'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

TONES = "\u0300\u0301\u0303\u0309\u0323"
_TONE = re.compile(f"[{TONES}]")
_QUALITY = {"\u0302", "\u0306", "\u031b"}
_LOOKALIKE = str.maketrans({
    "ð": "đ", "ɖ": "đ", "Ð": "đ", "Đ": "đ", "Ɖ": "đ",
    "\u00ad": "", "\u200b": "", "\u200c": "", "\u200d": "", "\ufeff": "",
    "'": "", "’": "", "‘": "", "ʼ": "", "`": "", "´": "", "′": "",
})  # fmt: skip
_ODD = frozenset(map(chr, _LOOKALIKE))
_WORD = re.compile(f"[^\\W_](?:[^\\W_]|[{TONES}])*")
_FINAL_I = re.compile(r"^([bcdđfghjklmnpqrstvwxz]*|qu)y$")
_FINAL_K = re.compile(r"(?<=[aăâeêioôơuư])k$")
_BARE = str.maketrans("ăâđêôơư", "aadeoou", TONES)


class _Syllables(dict[str, str]):
    """Another form of each syllable, computed once: a column holds few different syllables."""

    LIMIT = 200_000

    def __init__(self, form: Callable[[str], str]) -> None:
        self._form = form

    def __missing__(self, syllable: str) -> str:
        if len(self) > self.LIMIT:
            self.clear()
        self[syllable] = found = self._form(syllable)
        return found


def _canonical_syllable(syllable: str) -> str:
    letters: list[str] = []
    tone = ""
    for char in unicodedata.normalize("NFD", syllable):
        if char in TONES:
            tone = char
        elif char in _QUALITY and letters:
            letters[-1] = unicodedata.normalize("NFC", letters[-1] + char)
        elif not unicodedata.combining(char):
            letters.append(char)
    base = "".join(letters)
    if base.isdigit():
        return base.lstrip("0") or "0"
    base = _FINAL_I.sub(r"\1i", base)
    if _FINAL_K.search(base):  # Đăk, Đắk, Đắc: a stopped syllable that carries marks has a tone, written or not
        tone = tone or ("\u0301" if not base.isascii() else "")
        base = base[:-1] + "c"
    return base + tone


SYLLABLE = _Syllables(_canonical_syllable)
_PLAIN = _Syllables(lambda syllable: syllable.translate(_BARE))


def clean(text: str) -> str:
    """Lower case, one spelling of đ, no apostrophes, composed. The form that words are cut from."""
    composed = unicodedata.normalize("NFC", text).lower()
    return composed if _ODD.isdisjoint(composed) else composed.translate(_LOOKALIKE)  # few texts have any of them


def words(text: str) -> list[str]:
    """The syllables of a text as canonical syllables."""
    return [SYLLABLE[word] for word in _WORD.findall(clean(text))]


def canonical(text: str) -> str:
    """The key under which two spellings of one name are equal. Idempotent."""
    return " ".join(words(text))


_SPACED = _LOOKALIKE | {ord(sign): " " for sign in ",.;:-–—/|()\n\t"}


@lru_cache(maxsize=8192)
def quick_key(text: str) -> str:
    """`canonical` for text with usual punctuation only, a third quicker. Other signs stay in it: it then equals no key."""
    plain = unicodedata.normalize("NFC", text).lower().translate(_SPACED)
    return " ".join([SYLLABLE[word] for word in plain.split()])


def address_key(text: str) -> str:
    """`quick_key` by the parts between commas: the districts and provinces of a column are few and seen before."""
    return " ".join([key for part in text.split(",") if (key := quick_key(part))])


def bare(key: str) -> str:
    """A canonical key without any marks."""
    return " ".join([_PLAIN[syllable] for syllable in key.split(" ")])


def unaccented(text: str) -> str:
    """The key without diacritics. It may propose a unit, never decide against marks that were written."""
    return bare(canonical(text))


def squeezed(key: str) -> str:
    """Without spaces: minority names are cut into words in many ways (Ea H'leo, Ea Hleo, EaH'Leo)."""
    return key.replace(" ", "")


_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "x": "10",
          "xi": "11", "xii": "12", "xiii": "13", "xiv": "14", "xv": "15"}  # fmt: skip
_NO_SYLLABLE = frozenset({"ii", "iii", "iv", "vii", "viii"})


def numbered(name: str) -> str:
    """A canonical name with its roman number in digits: `v` alone, `hoà tú ii`; never a syllable such as `vi` in a name."""
    if name in _ROMAN:
        return _ROMAN[name]
    head, _, last = name.rpartition(" ")
    return f"{head} {_ROMAN[last]}" if head and last in _NO_SYLLABLE else name


def omits_marks_only(written: str, name: str) -> bool:
    """Does `written` (a canonical key) equal `name` but for marks that the writer left out?

    A mark that contradicts the name is evidence against it: `vũ lãng` is not a bare spelling of `vũ lăng`.
    """
    at = 0
    written, name = squeezed(written), squeezed(name)
    for char in name:
        seen = written[at] if at < len(written) else ""
        if char in TONES:
            at += seen == char
        elif seen == char or (seen and seen == char.translate(_BARE)):
            at += 1
        else:
            return False
    return at == len(written)
