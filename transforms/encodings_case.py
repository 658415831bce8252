"""Two harms of letter case in legacy text: fonts that draw capitals, and UPPER/LOWER run on undecoded bytes."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mappings.byte_tables import letter_bytes
from transforms.distinct import replace_at
from transforms.encodings_codec import decode_bytes
from transforms.encodings_tables import Mask
from transforms.syllables import invalid_accented, is_syllable

_CAPITAL = "A-ZĂÂÊÔƠƯĐ"
_TONED = "àáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ"
_SMALL = _TONED + "ăâêôơưđ"
_SMALL_INITIAL = rf"(?:^| )[{_TONED}]"
_NO_TITLE = r"[0-9,;:.()/_+-]|(?:^| )[a-zăâêôơưđ]"
_H_FONT = rf"[{_CAPITAL}]{{2}}[{_SMALL}]|[{_SMALL}][{_CAPITAL}]|[{_CAPITAL}]{{2}}.* [{_CAPITAL}]?[{_TONED}]"
_TOKEN = re.compile(r"[^\W\d_]+")
_BETWEEN = r"\xe0-\xf6\xf8-\xfe", r"\xc0-\xd6\xd8-\xde"
_UPPERED = rf"^[^a-z{_BETWEEN[0]}]*[{_BETWEEN[1]}][^a-z{_BETWEEN[0]}]*$"
_LOWERED = rf"^[^A-Z{_BETWEEN[1]}]*[{_BETWEEN[0]}][^A-Z{_BETWEEN[1]}]*$"
_SINGLE_BYTE = ("tcvn3", "viscii", "vps")


def restore_capitals(text: pa.Array, raw: pa.Array) -> pa.Array:
    """Give back the capitals that TCVN3 has no bytes for: "NGUYễN THị Hà" (drawn by an H font), "Nguyễn Thị ánh".

    A value is touched only when its other words show that capitals were meant. Re-encoding gives the same bytes, but
    for the seven letters ă â đ ê ô ơ ư, which have both cases and which an H font draws alike. `raw`: the bytes of `text`.
    """
    suspects = np.flatnonzero(pc.match_substring_regex(raw, _suspect_bytes()).to_numpy(zero_copy_only=False))
    if not len(suspects):
        return text
    part = text.take(pa.array(suspects))
    title = pc.and_not(pc.match_substring_regex(part, _SMALL_INITIAL), pc.match_substring_regex(part, _NO_TITLE))
    touched = pc.or_(pc.match_substring_regex(part, _H_FONT), title)
    places = [int(i) for i in suspects[touched.to_numpy(zero_copy_only=False)]]
    return replace_at(text, places, [_capitals(text[place].as_py()) for place in places])


@cache
def _suspect_bytes() -> str:
    """`_H_FONT` and `_SMALL_INITIAL` for undecoded TCVN3: several times faster than on the text."""
    hexed = {letter: f"\\x{data.hex()}" for letter, data in letter_bytes("tcvn3").items()}
    return "".join(hexed.get(char, char) for char in f"{_H_FONT}|{_SMALL_INITIAL}")


def _capitals(value: str) -> str:
    """All of the value when it is in capitals; first letters when every other word has one; else single words.

    >>> _capitals("NGUYễN THị Hà"), _capitals("Lê Hà - NGUYễN Văn"), _capitals("Nguyễn Thị ánh")
    ('NGUYỄN THỊ HÀ', 'Lê Hà - NGUYỄN Văn', 'Nguyễn Thị Ánh')
    """
    tokens = _TOKEN.findall(value)
    if not any(re.search("[a-z]", token) for token in tokens) and any(map(_in_capitals, tokens)):
        return value.upper()
    done = _TOKEN.sub(lambda hit: hit[0].upper() if _drawn_capital(hit[0]) else hit[0], value)
    if len(tokens) > 1 and not re.search(_NO_TITLE, done):
        return _TOKEN.sub(lambda hit: hit[0][0].upper() + hit[0][1:] if hit[0][0] in _TONED and hit[0] != "ấp" else hit[0], done)
    return done


def _drawn_capital(token: str) -> bool:
    """A word mixing capitals and small accented letters as nobody writes them; "Hà" and "Đỗ" do not."""
    if re.search("[a-z]", token) or not re.search(f"[{_SMALL}]", token):
        return False
    return len(re.findall(f"[{_CAPITAL}]", token)) > 1 or bool(re.search(f"[{_SMALL}][{_CAPITAL}]", token))


def _in_capitals(token: str) -> bool:
    return _drawn_capital(token) or (len(token) > 1 and token.isupper() and is_syllable(token.lower()))


def case_damaged(raw: pa.Array, text: pa.Array, encoding: str) -> Mask:
    """Which values had UPPER or LOWER applied before decoding (TCVN3 Hường → Hưấng).

    Such a value is all in one case, and the other case of its *bytes* reads as better Vietnamese. The change merges
    letters, so it is only recognised here, never undone.
    """
    damaged = np.zeros(len(raw), dtype=bool)
    if encoding not in _SINGLE_BYTE:
        return damaged
    suspects = np.flatnonzero(pc.match_substring_regex(raw, f"{_UPPERED}|{_LOWERED}").to_numpy(zero_copy_only=False))
    if not len(suspects):
        return damaged
    part, shown = raw.take(pa.array(suspects)), text.take(pa.array(suspects))
    for pattern, lower in ((_UPPERED, True), (_LOWERED, False)):
        such = pc.and_not(pc.match_substring_regex(part, pattern), pc.fill_null(pc.string_is_ascii(shown), True))
        places = np.flatnonzero(such.to_numpy(zero_copy_only=False))
        damaged[suspects[places]] = _better_in_other_case(part.take(pa.array(places)), shown.take(pa.array(places)), encoding, lower)
    return damaged


def _better_in_other_case(raw: pa.Array, text: pa.Array, encoding: str, lower: bool) -> Mask:
    wrong = np.array([invalid_accented(value) for value in text.to_pylist()], dtype=np.int64)
    turned = [_turn(value, lower) for value in raw.to_pylist()]
    other = decode_bytes(pa.array(turned, pa.binary()), encoding)
    less = np.array([invalid_accented(value) for value in other.text.to_pylist()], dtype=np.int64)
    return (wrong > less) & ~other.undefined


def _turn(data: bytes, lower: bool) -> bytes:
    text = data.decode("latin-1")
    changed = text.lower() if lower else "".join(char.upper() if len(char.upper()) == 1 else char for char in text)
    return changed.encode("latin-1", errors="replace")
