"""Keys for comparing names of people and free text: stored text keeps its spelling, keys are derived from it.

Place names have keys of their own (`transforms.match_keys`), which join more: a commune list settles what is meant,
while Ly and Li may be two people.
"""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa

from transforms.columns import Converted
from transforms.distinct import on_distinct
from transforms.syllables import old_tone_placement

_I_FOR_Y = re.compile(r"(?<=[bcdđghklmnpqrstvx])([yỳýỷỹỵ])\b")
_Y_TO_I = str.maketrans("yỳýỷỹỵ", "iìíỉĩị")


def match_keys(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """First rung: composed, lower case, single spaces, old tone placement. hoà = Hòa, but Hùng ≠ Hưng."""
    return on_distinct(values, lambda distinct: Converted(pa.array([match_key(v) for v in distinct.to_pylist()], distinct.type))).values


def plain_keys(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Lowest rung, without any diacritics; it may propose, never decide (Sa Pa and Sa Pả are two communes)."""
    return on_distinct(values, lambda distinct: Converted(pa.array([plain_key(v) for v in distinct.to_pylist()], distinct.type))).values


def match_key(text: str) -> str:
    """
    >>> match_key("Xã  Thuỷ Hoà"), match_key("XÃ THỦY HÒA")
    ('xã thủy hòa', 'xã thủy hòa')
    """
    return old_tone_placement(" ".join(unicodedata.normalize("NFC", text).lower().replace("’", "'").split()))


def i_y_key(text: str) -> str:
    """The match key with i for a lone final y (Lý = Lí, kỹ = kĩ). Low weight: Ly and Li may be two people.

    >>> i_y_key("Quý Mỹ Lý Thúy"), i_y_key("Quí Mĩ Lí Thúy")
    ('quí mĩ lí thúy', 'quí mĩ lí thúy')
    """
    key = re.sub(r"\bqu([yỳýỷỹỵ])\b", lambda hit: "qu" + hit[1].translate(_Y_TO_I), match_key(text))
    return _I_FOR_Y.sub(lambda hit: hit[1].translate(_Y_TO_I), key)


def plain_key(text: str) -> str:
    """
    >>> plain_key("Đường  Hưởng")
    'duong huong'
    """
    apart = unicodedata.normalize("NFD", match_key(text).replace("đ", "d"))
    return "".join(char for char in apart if not unicodedata.combining(char))
