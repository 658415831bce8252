"""What the values of a column look like: shares of distinct values that follow each grammar of DOMAIN §2.a and §3.3."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd
import pyarrow as pa

from mappings.units.registry import Registry
from transforms.dates import FORMATS, parse_timestamps
from transforms.match_keys import unaccented
from transforms.syllables import syllable_share
from transforms.units import resolve

_LOOKED_AT = 400
_ASKED = 40
_GRAMMARS: Mapping[str, re.Pattern[str]] = {
    "dossier_no": re.compile(r"(?:\d{3}\.[0-9A-Z]{2}\.\d{2}\.)?[A-Z]\d{2}(?:\.\d{1,3}){0,4}-\d{6}-\d{1,6}"),
    "procedure_code": re.compile(r"[1-3]\.\d{6}(?:\.000\.00\.00\.[A-Z]\d{2}(?:\.\d{1,3})*)?"),
    "person_id": re.compile(r"\d{12}|\d{9}|\d{11}|\d{8}|[A-Z]\d{7,8}"),
    "phone": re.compile(r"(?:\+84|84|0)?(?:[35789]\d{8}|1[2689]\d{8}|2\d{8,9})"),
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}"),
    "number": re.compile(r"-?\d{1,3}(?:[.,]\d{3})*(?:[.,]\d+)?|-?\d+(?:\.\d+)?"),
    "place_code": re.compile(r"\d{1,5}"),
    "path": re.compile(r"https?://\S+|.*[/\\]\S+\.\w{2,5}"),
}
_NAME = re.compile(r"[^\W\d_]+(?: [^\W\d_]+){1,6}")
_PLACE_WORD = re.compile(r"\b(?:xã|phường|thị trấn|quận|huyện|tỉnh|thành phố|tp|thôn|tổ|số|ngõ|đường|xa|phuong)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Evidence:
    """`shares` by grammar; `formats`: the date formats that together read `dates` of the values, most useful first."""

    n: int
    shares: Mapping[str, float]
    formats: tuple[str, ...]
    dates: float


def evidence(texts: Sequence[str]) -> Evidence:
    """Judge distinct values that are not blank."""
    some = [text for text in texts[:_LOOKED_AT]]
    n = len(some)
    if not n:
        return Evidence(0, {}, (), 0.0)
    compact = [re.sub(r"[ .\-]", "", text) for text in some]
    shares = {name: sum(bool(grammar.fullmatch(text)) for text in (compact if name in ("person_id", "phone") else some)) / n
              for name, grammar in _GRAMMARS.items()}  # fmt: skip
    shares["name"] = _name_share(some)
    shares["address"] = sum(bool(_PLACE_WORD.search(text)) or text.count(",") > 1 for text in some) / n
    formats, dates = _formats(some, shares["number"])
    return Evidence(n, shares, formats, dates)


def _name_share(texts: Sequence[str]) -> float:
    """Two to seven words, each with a capital or all of them, made of Vietnamese syllables."""
    good = [text for text in texts if _NAME.fullmatch(text) and all(word[0].isupper() for word in text.split())]
    return len(good) / len(texts) * min(1.0, syllable_share(good) + 0.2) if good else 0.0


def _formats(texts: Sequence[str], numeric: float) -> tuple[tuple[str, ...], float]:
    left, found = list(texts), list[str]()
    offered = [name for name in FORMATS if name != "excel-serial" or numeric > 0.02]
    while left and len(found) < 3:
        scored = [(len(left) - len(rest), name, rest) for name in offered if (rest := _unread(left, name)) is not None]
        gain, name, rest = max(scored, key=lambda one: (one[0], -offered.index(one[1])))
        if gain < max(1, 0.02 * len(texts)):
            break
        found.append(name)
        left = rest
    return tuple(found), 1 - len(left) / len(texts)


def _unread(texts: Sequence[str], format_name: str) -> list[str]:
    read = parse_timestamps(pa.array(texts, pa.string()), formats=[format_name])
    warned = read.warn.is_valid().to_pylist() if read.warn is not None else [False] * len(texts)
    years = [value is not None and (format_name != "excel-serial" or 1990 <= value.year <= 2035) for value in read.values.to_pylist()]
    return [text for text, good, warn in zip(texts, years, warned, strict=True) if not (good or warn)]


def place_share(texts: Sequence[str], kind: str, registry: Registry) -> float:
    """Share of values that are a commune for the unit resolver, or a district or province of the registry (name or code)."""
    asked = list(texts[:_ASKED])
    if not asked:
        return 0.0
    level = kind.removesuffix("_code")
    if level != "commune":
        known = _known(registry, level)
        width = 3 if level == "district" else 2
        return sum((text.zfill(width) if kind.endswith("_code") else unaccented(text)) in known for text in asked) / len(asked)
    queries = pd.DataFrame({kind: asked}, dtype="str").assign(as_of="2025-06-30" if kind.endswith("_code") else "")
    answers = resolve(queries, registry)
    found = (answers["status"] != "unmatched") | (answers["old_code"].fillna("") != "") | (answers["candidates"].fillna("") != "")
    return float(found.mean())


@cache
def _known(registry: Registry, level: str) -> frozenset[str]:
    """Codes, and names without marks, with and without the word for their type."""
    units = [unit for unit in registry.instances if unit.level == level]
    bare = {unit.name.removeprefix(f"{unit.type} ") for unit in units}
    names = {unaccented(form) for name in bare for form in (name, f"tp {name}")} | {unaccented(unit.name) for unit in units}
    return frozenset(names | {unit.code for unit in units})
