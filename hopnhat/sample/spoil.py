"""How legacy text goes wrong, one pure function per pathology. What a function leaves alone has not the defect."""

from __future__ import annotations

import re
import unicodedata

_TONE = {
    "òa": "oà", "óa": "oá", "ỏa": "oả", "õa": "oã", "ọa": "oạ", "òe": "oè", "óe": "oé", "ỏe": "oẻ", "õe": "oẽ", "ọe": "oẹ",
    "ùy": "uỳ", "úy": "uý", "ủy": "uỷ", "ũy": "uỹ", "ụy": "uỵ",
}  # fmt: skip
_TONE |= {new: old for old, new in _TONE.items()}
_TONED = re.compile("(" + "|".join(_TONE) + r")(?!\w)")
_I_FOR_Y = str.maketrans("ýỳỷỹỵ", "íìỉĩị")
_Y_WORD = re.compile(r"\b([LMKHQT]|Qu|Th|S|V)([ýỳỷỹỵ])\b")


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def upper(text: str) -> str:
    return text.upper()


def other_tone_place(text: str) -> str:
    return _TONED.sub(lambda m: _TONE[m.group(1)], text)


def i_for_y(text: str) -> str:
    return _Y_WORD.sub(lambda m: m.group(1) + m.group(2).translate(_I_FOR_Y), text)


def spaced(text: str) -> str:
    """Non-breaking and doubled spaces, and one at the end."""
    first, _, rest = text.partition(" ")
    return f"{first}\u00a0{rest.replace(' ', '  ')} " if rest else text + " "


def d_look_alike(text: str) -> str:
    return text.replace("Đ", "\u00d0").replace("đ", "\u00f0")


def lossy(text: str) -> str:
    """What a cp1252 VARCHAR kept: every letter it has not became a question mark, for good (only where it shows inside a word)."""
    kept = text.encode("cp1252", "replace").decode("cp1252")
    return kept if re.search(r"\w\?\w", kept) else text


def mojibake(text: str) -> str:
    """UTF-8 that was read as Windows-1252 and stored so. Only where no byte was lost on the way, and where a letter such
    as ƒ or Š tells it from text of another old encoding."""
    try:
        misread = text.encode("utf-8").decode("cp1252")
    except UnicodeDecodeError:
        return text
    return misread if re.search("[\u0100-\u024f]", misread) else text


def html_escaped(text: str) -> str:
    """What a web form left: numeric references for the letters beyond Latin-1."""
    return "".join(char if ord(char) < 256 else f"&#{ord(char)};" for char in text)


def cyrillic(text: str) -> str:
    """Two letters typed on the wrong keyboard: they look the same."""
    return text.replace("o", "\u043e").replace("c", "\u0441")


def no_type_word(text: str) -> str:
    return re.sub(r"^(Xã|Phường|Thị trấn|Quận|Huyện|Thị xã|Thành phố) ", "", text)


def lost_zero(text: str) -> str:
    """A code that went through a spreadsheet as a number."""
    return text.lstrip("0")


def lost_one_zero(text: str) -> str:
    """A 12-digit number that is 11 digits long afterwards."""
    return text[1:] if len(text) == 12 and text[0] == "0" != text[1] else text


def lost_two_zeros(text: str) -> str:
    """The same for a number from Hà Nội (001…): ten digits are left, as many as a tax number has."""
    return text[2:] if len(text) == 12 and text[:2] == "00" else text


def typo(text: str) -> str:
    """Two letters of the last word changed places: what a hand in a hurry types."""
    head, _, word = text.rpartition(" ")
    if len(word) < 4:
        return text
    return f"{head} {word[:-2]}{word[-1]}{word[-2]}"
