"""Cleaning of one decoded value. Python, for the few values that `transforms.text.clean` finds in need of it."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from mappings.byte_tables import letters

SURE = " -~" + "".join(letters()) + "–—…“”°²³•"
NEEDS_WORK = rf"[a-z][À-Þ][a-z]|Ã[^ -~]|[&`]|  |\\u|=[\"0-9A-F]|^['’]|%[0-9A-F]|[^{SURE}]"
"""What calls for the slow way (for RE2 and for Python): anything else is clean already."""

_WORK = re.compile(NEEDS_WORK)
_UNSURE = re.compile(f"[^{SURE}]")
_LETTERS = frozenset(letters())
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_UNICODE_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_QUOTED_PRINTABLE = re.compile(r"(?:=[0-9A-F]{2})+")
_PATH = re.compile(r"://|^/|/\S*%|\.\w{2,4}$")
_EXCEL_FORMULA = re.compile(r'^="(.*)"$', re.DOTALL)
_EXCEL_APOSTROPHE = re.compile(r"^['’](?=[\d=+-])")
_TONE_FIRST = re.compile("([\u0300\u0301\u0303\u0309\u0323]+)([\u0302\u0306\u031b])")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x9f\ufffe\uffff]")
_SPACES = re.compile(r"[\s\u2028\u2029\x1c-\x1f]+")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])[’‘`´ʼ](?=[^\W\d_])|(?<=\b[A-Z])[’‘`´ʼ](?= [A-ZĐ])")
_LETTER = r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff"
_UNDECODED = re.compile(
    rf"[{_LETTER}][¨¶¸µ¹ª¬«»·®©§×÷¼¾\u00ad][{_LETTER}]|[a-z][À-Þ][a-z]|[{_LETTER}](?:[¨¶¸µ]|\u00ad\b)|\u00ad[{_LETTER}]|[{_LETTER}]\u00ad"
)
_IN_A_WORD = re.compile(rf"[{_LETTER}][¨¶¸µ¹ª¬§¼¾][{_LETTER}]")  # even where the rest of the cell is Unicode
_ABOVE_LATIN1 = re.compile(r"[\u0100-\u024f\u1e00-\u1eff\u0300-\u036f]")
_MISREAD = re.compile(
    r"[\u00a0-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2026\u2030\u2039\u203a\u20ac\u2122]{2,}"
)
_D_LOOK_ALIKES = str.maketrans("ÐƉðɖ", "ĐĐđđ")
_HYPHENS = str.maketrans({"\u2010": "-", "\u2011": "-"})
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PICTURE = re.compile("[\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]")
_EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_HOMOGLYPHS = str.maketrans(
    "аеорсухіјѕһАВЕКМНОРСТХУІЈЅοανικρυτΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshABEKMHOPCTXYIJSoavikputABEZHIKMNOPTYX",
)
_FOREIGN = re.compile("[\u0370-\u052f]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")


class Cleaned(NamedTuple):
    """`text` is None when `reject` is set."""

    text: str | None
    reject: str | None = None
    warn: str | None = None


def clean_value(value: str) -> Cleaned:
    """Clean one value until nothing changes any more; the first reject ends it, the first warning is kept.

    >>> clean_value("  Nguye\u0302\u0303n\u00a0\u200bV&#259;n ")
    Cleaned(text='Nguyễn Văn', reject=None, warn='text-html')
    """
    text, warned = value, None
    for _ in range(len(value) + 2):
        refused = _refusal(text)
        if refused:
            return Cleaned(None, refused)
        new, warn = _once(text)
        warned = warned or warn
        if new == text or not _WORK.search(new):
            return Cleaned(new, None, warned or _stray_mark(new))
        text = new
    return Cleaned(text, None, warned or _stray_mark(text))


def _once(text: str) -> tuple[str, str | None]:
    """One pass. Escapes first: what they hide must be cleaned too."""
    plain, warn = _unescape(text.rstrip("\x00"))
    plain = _SPACES.sub(" ", _UNSURE.sub(_plain_form, plain)).strip(" ")
    plain, excel = _without_excel(plain)
    plain, mixed = _without_homoglyphs(compose(plain))
    return _APOSTROPHE.sub("'", plain), warn or excel or mixed


def _plain_form(hit: re.Match[str]) -> str:
    """Emoji keep what joins them, Chinese and its neighbours keep their own wide punctuation."""
    if hit[0] == "\u200d" and hit.start() and _PICTURE.match(hit.string, hit.start() - 1) and _PICTURE.match(hit.string, hit.end()):
        return hit[0]
    if ord(hit[0]) in _FULL_WIDTH and not hit[0].isalnum() and _EAST_ASIAN.search(hit.string):
        return hit[0]
    return _plain_character(hit[0])


@lru_cache(maxsize=4096)
def _plain_character(char: str) -> str:
    """Nothing for invisible characters, a space for all spaces, the usual one for look-alikes of Đ, hyphen and width."""
    kind = unicodedata.category(char)
    if kind == "Cf" or char == "\u034f":
        return ""
    return " " if kind == "Zs" else char.translate(_D_LOOK_ALIKES).translate(_FULL_WIDTH).translate(_HYPHENS)


def compose(text: str) -> str:
    """NFC, also when a tone mark was typed before the circumflex, breve or horn (é + ̂ → ế)."""
    if unicodedata.is_normalized("NFC", text) and not re.search("[\u0300-\u036f]", text):
        return text
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", _TONE_FIRST.sub(r"\2\1", apart))


def _unescape(text: str) -> tuple[str, str | None]:
    plain = _ENTITY.sub(lambda hit: html.unescape(hit[0]), text) if "&" in text else text
    warn = "text-html" if plain != text else None
    before = plain
    if "\\u" in plain:
        plain = _UNICODE_ESCAPE.sub(_unicode_escape, plain)
    if "%" in plain and not _PATH.search(plain):
        plain = _PERCENT.sub(lambda hit: _utf8_or_same(hit[0], "%"), plain)
    if "=" in plain:
        plain = _QUOTED_PRINTABLE.sub(lambda hit: _utf8_or_same(hit[0], "="), plain)
    return plain, warn or ("text-escapes" if plain != before else None)


def _unicode_escape(hit: re.Match[str]) -> str:
    units = bytes.fromhex(hit[0].replace("\\u", ""))
    try:
        return units.decode("utf-16-be")
    except UnicodeDecodeError:
        return hit[0]


def _utf8_or_same(escaped: str, sign: str) -> str:
    """Only escapes of letters beyond ASCII are undone: `100%20` or `a=41` may be meant."""
    data = bytes.fromhex(escaped.replace(sign, ""))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return escaped
    return text if any(char.isalpha() and not char.isascii() for char in text) else escaped


def _without_excel(text: str) -> tuple[str, str | None]:
    formula = _EXCEL_FORMULA.match(text)
    plain = formula[1].strip() if formula else _EXCEL_APOSTROPHE.sub("", text)
    return plain, ("text-excel" if plain != text else None)


def _without_homoglyphs(text: str) -> tuple[str, str | None]:
    """Cyrillic and Greek letters inside a word that also has Latin ones; a whole foreign word stays."""
    if not _FOREIGN.search(text):
        return text, None
    apart = unicodedata.normalize("NFD", text)
    plain = re.sub(r"[^\W\d_][^\W\d_\u0300-\u036f]*(?:[\u0300-\u036f]|[^\W\d_])*", _latin_word, apart)
    plain = unicodedata.normalize("NFC", plain)
    return plain, ("text-homoglyph" if plain != text else None)


def _latin_word(hit: re.Match[str]) -> str:
    return hit[0].translate(_HOMOGLYPHS) if _LATIN.search(hit[0]) else hit[0]


def _refusal(text: str) -> str | None:
    """What must not be published: traces of bytes nobody decoded. Trailing NULs are padding, not a trace."""
    unsure = set(_UNSURE.findall(text))
    if unsure and _CONTROL.search(text.rstrip("\x00")):
        return "text-control"
    if "\ufffd" in unsure:
        return "text-lossy"
    if any(unicodedata.category(char) in ("Co", "Cn", "Cs") for char in unsure):
        return "text-control"
    if any(map(_is_mojibake, _MISREAD.findall(text))):  # the surer finding: these bytes spell something
        return "text-mojibake"
    return "text-undecoded" if _IN_A_WORD.search(text) or (not _ABOVE_LATIN1.search(text) and _UNDECODED.search(text)) else None


def _is_mojibake(run: str) -> bool:
    """A run of Windows-1252 characters whose bytes spell Vietnamese letters or punctuation in UTF-8."""
    data = bytearray()
    for char in run:
        try:
            data += char.encode("cp1252")
        except UnicodeEncodeError:
            return False
    try:
        text = bytes(data).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return any(char in _LETTERS or unicodedata.category(char).startswith("P") for char in text)


def _stray_mark(text: str) -> str | None:
    """A combining mark that composes with nothing: the word is misspelt in a way we do not guess at."""
    return "text-stray-mark" if re.search("[\u0300-\u036f]", text) else None
