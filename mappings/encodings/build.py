"""Write `syllables.csv`: how often an accented syllable occurs in unit names and in `words.txt`.

`python -m mappings.encodings.build`. Run it again when the registry or `words.txt` changes; a test compares.
"""

from __future__ import annotations

import csv
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import TextIO

from mappings.byte_tables import SYLLABLES_FILE
from mappings.units.registry import load_registry

WORDS_FILE = Path(__file__).parent / "words.txt"
VERSION = "2025-07-01"
_WORD = re.compile(r"[^\W\d_]+")


def counted() -> list[tuple[str, int]]:
    """Accented syllables and their weight, the most frequent first. Each unit name counts once, however many bear it."""
    found: Counter[str] = Counter()
    for name in {instance.name for instance in load_registry(VERSION).instances}:
        found.update(_words(name))
    for line in WORDS_FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            weight, group = line.split(":")
            found.update({word: 10 * int(weight) for word in _words(group)})
    told = [(word, count) for word, count in found.items() if not word.isascii()]
    return sorted(told, key=lambda pair: (-pair[1], pair[0]))


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFC", text).lower())


def write(out: TextIO) -> None:
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(("syllable", "count"))
    lines.writerows(counted())


if __name__ == "__main__":
    with SYLLABLES_FILE.open("w", encoding="utf-8", newline="") as out:
        write(out)
    sys.exit(0)
