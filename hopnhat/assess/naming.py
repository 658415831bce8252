"""What the name of a legacy column suggests. The words are data (`synonyms.csv`), written without marks and spaces."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("synonyms.csv")
_NOISE = re.compile(r"^(?:t_|tbl_|f_|c_|col_)|(?:_id|_text|_txt)$")
UNIT_INPUTS = ("commune_code", "commune", "district_code", "district", "province_code", "province", "text")
WATERMARK = "watermark"


def folded(name: str) -> str:
    """Letters and digits only, lower case, without marks.

    >>> folded("Số hồ_sơ (mới)"), folded("dossierNo"), folded("Đơn vị")
    ('sohosomoi', 'dossierno', 'donvi')
    """
    plain = unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D"))
    return "".join(char for char in plain.lower() if char.isascii() and char.isalnum())


@cache
def synonyms() -> Mapping[str, tuple[str, ...]]:
    with _FILE.open(encoding="utf-8", newline="") as lines:
        return {row["field"]: tuple(row["words"].split()) for row in csv.DictReader(lines)}


@cache
def name_scores(name: str) -> Mapping[str, float]:
    """Field → how well the column's name says it: 1 the very word, 0.5–0.8 a word within a longer name or the reverse.

    >>> name_scores("MAHS")["dossier_no"], name_scores("ngay_tiep_nhan")["received_at"]
    (1.0, 1.0)
    """
    fold = folded(_NOISE.sub("", name)) or folded(name)
    scores = {}
    for field, words in synonyms().items():
        best = max((_likeness(fold, word) for word in words), default=0.0)
        if best > 0:
            scores[field] = best
    return scores


def _likeness(fold: str, word: str) -> float:
    if fold == word:
        return 1.0
    if len(fold) < 3 or len(word) < 4:
        return 0.0
    if fold.startswith(word) or fold.endswith(word):
        return round(0.5 + 0.35 * len(word) / len(fold), 2)
    if len(fold) >= 5 and (word.startswith(fold) or word.endswith(fold)):
        return round(0.35 + 0.35 * len(fold) / len(word), 2)
    return 0.0


def best_field(name: str) -> str | None:
    scores = name_scores(name)
    best = max(scores, key=lambda field: scores[field], default=None)
    return best if best is not None and scores[best] >= 0.7 else None
