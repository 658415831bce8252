"""Which letter sequences are Vietnamese syllables, and where the tone mark sits on them.

A syllable is onset + rime + tone. The lists below are the orthography taught in school; names of minority peoples and
foreign words are not syllables, so a share of valid syllables is only ever compared with another share, never with
an absolute bar.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

TONES = "\u0300\u0301\u0303\u0309\u0323"
STOPS = ("c", "ch", "p", "t")
_PLAIN_ONSETS = "b c d đ g h l m n ng nh p ph r s t th tr v x ch kh"
_FRONT_ONSETS = ("k", "gh", "ngh")
_NOT_BEFORE_FRONT = {"c", "g", "ng"}
_FRONT = "eêiy"
_RIMES = """
a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây
e ec em en eng eo ep et ê êch êm ên ênh êp êt êu
i ia ich im in inh ip it iu iêc iêm iên iêng iêp iêt iêu
o oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oc oe oem oen oeo oet oi om on ong ooc oong op ot
ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt
u ua uân uâng uât uây uc uê uêch uênh ui um un ung uôc uôi uôm uôn uông uôt uơ up ut uy uya uych uyên uyêt uynh uyp uyt uyu
ư ưa ưc ưi ưm ưn ưng ươc ươi ươm ươn ương ươp ươt ươu ưt ưu y yêm yên yêng yêt yêu
"""
_AFTER_QU = """
a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc ân âng ât âu ây
e en eng eo et ê ên êt êch ênh i in inh it iu ơ ơi ôc ôn ông y ych yên yêt ynh yt yu yêu
"""
_PLACE_NAMES = ("ka", "ea", "kon", "đăk", "lăk", "kan", "krông", "păk", "yang")  # syllables of minority names that fill whole provinces
WORD = re.compile(r"[^\W\d_]+")


@cache
def _tone_table() -> dict[int, str]:
    """Every toned letter → the letter without its tone (ế → ê), both cases."""
    table = {}
    for code in range(0xC0, 0x1EFA):
        marks = unicodedata.normalize("NFD", chr(code))
        if len(marks) > 1 and marks[0].isascii() and any(mark in TONES for mark in marks):
            table[code] = unicodedata.normalize("NFC", "".join(mark for mark in marks if mark not in TONES))
    return table


@cache
def _toneless_syllables() -> frozenset[str]:
    rimes = _RIMES.split()
    whole = set(rimes)
    for onset in _PLAIN_ONSETS.split():
        whole |= {onset + rime for rime in rimes if not (onset in _NOT_BEFORE_FRONT and rime[0] in _FRONT)}
    whole |= {onset + rime for onset in _FRONT_ONSETS for rime in rimes if rime[0] in _FRONT}
    whole |= {"gi" + rime for rime in rimes if rime[0] != "i"} | {"g" + rime for rime in rimes if rime[0] == "i"}
    whole |= {"qu" + rime for rime in _AFTER_QU.split()}
    return frozenset(whole | set(_PLACE_NAMES))


def toneless(text: str) -> str:
    """Take the five tone marks off, keep ă â ê ô ơ ư đ. Wants NFC."""
    return text if text.isascii() else text.translate(_tone_table())


@lru_cache(maxsize=1 << 17)
def is_syllable(word: str) -> bool:
    """Whether a lower-case NFC word is a Vietnamese syllable.

    >>> is_syllable("nguyễn"), is_syllable("hưấng"), is_syllable("bát"), is_syllable("bàt")
    (True, False, True, False)
    """
    if len(word) > 7:
        return False
    base = toneless(word)
    if base not in _toneless_syllables():
        return False
    changed = [letter for letter, plain in zip(word, base, strict=True) if letter != plain]
    if len(changed) > 1:
        return False
    if base.endswith(STOPS) and changed:
        return any(mark in "\u0301\u0323" for mark in unicodedata.normalize("NFD", changed[0]))
    return True


def words(text: str) -> list[str]:
    """Runs of letters, lower case, composed."""
    return WORD.findall(unicodedata.normalize("NFC", text).lower())


def invalid_accented(text: str) -> int:
    """How many words with a non-ASCII letter are no Vietnamese syllables."""
    return sum(not word.isascii() and not is_syllable(word) for word in words(text))


def syllable_share(texts: Iterable[str]) -> float:
    """Share of words that are Vietnamese syllables, 0 when there is no word."""
    found = [word for text in texts for word in words(text)]
    return sum(map(is_syllable, found)) / len(found) if found else 0.0


@cache
def _placements() -> dict[str, str]:
    pairs = {}
    for first, second in ("oa", "oe", "uy"):
        for tone in TONES:
            compose = unicodedata.normalize
            pairs[first + compose("NFC", second + tone)] = compose("NFC", first + tone) + second
    return pairs


def old_tone_placement(text: str) -> str:
    """Spell open oa, oe, uy the old way (hoà → hòa, thuỷ → thủy). For match keys: stored text keeps its spelling.

    >>> old_tone_placement("hoà thuỷ khoẻ quý hoàn")
    'hòa thủy khỏe quý hoàn'
    """
    return re.sub(r"(?<![qQ])([ou][^\W\d_])\b", lambda hit: _placements().get(hit[1], hit[1]), text)
