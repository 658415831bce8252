"""Findings in the words of `findings.csv`; codes of the transforms in those of the mismatch report."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from hopnhat.assess.model import Finding, Severity
from hopnhat.report.reasons import reason, reasons

_FILE = Path(__file__).with_name("findings.csv")
_REPAIRED = ("date-sentinel", "id-sentinel", "phone-sentinel", "text-excel", "text-escapes", "text-stray-mark", "procedure-code-local",
             "dossier-number-date", "phone-unreadable", "text-perhaps-lossy", "id-prefix", "id-length")  # fmt: skip
"""Reasons that never hold a row back."""
ERAS = {"old": "danh mục cũ (đến 30/6/2025)", "new": "danh mục mới (từ 1/7/2025)", "mixed": "lẫn cũ và mới", "undecided": "chưa kết luận được", "historic": "danh mục trước nữa"}  # fmt: skip
ENCODINGS = {"utf-8": "UTF-8", "tcvn3": "TCVN3 (.VnTime)", "vni": "VNI", "viscii": "VISCII", "vps": "VPS", "cp1258": "Windows-1258", "mojibake": "UTF-8 bị đọc sai", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16 (byte cao trước)"}  # fmt: skip


@dataclass(frozen=True)
class Words:
    severity: Severity
    title: str
    advice: str


@cache
def _words() -> dict[str, Words]:
    with _FILE.open(encoding="utf-8", newline="") as lines:
        return {row["code"]: Words(cast(Severity, row["severity"]), row["title"], row["advice"]) for row in csv.DictReader(lines)}


def words_of(code: str) -> Words:
    if code in _words():
        return _words()[code]
    known = reason(code)
    return Words("note" if code in _REPAIRED or code not in reasons() else "fix", known.label_vi, known.advice_vi)


def made(
    code: str, table: str, column: str, rows: int, of: int, detail: str, *, keys: Sequence[str] = (), samples: Sequence[str] = (),
    severity: Severity | None = None,
) -> Finding:  # fmt: skip
    said = words_of(code)
    return Finding(severity or said.severity, code, table, column, rows, of, said.title, detail, said.advice, tuple(keys), tuple(samples))


def encoding_words(name: str) -> str:
    """
    >>> encoding_words("tcvn3-as-utf8")
    'TCVN3 (.VnTime), lưu lại thành UTF-8'
    """
    base = name.removesuffix("-as-utf8").removesuffix("-as-cp1258")
    again = ", lưu lại thành UTF-8" if name.endswith("-as-utf8") else ", đọc nhầm theo Windows-1258" if name.endswith("-as-cp1258") else ""
    return ENCODINGS.get(base, base) + again
