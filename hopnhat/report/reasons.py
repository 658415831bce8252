"""Reason codes in words: what is wrong and what a steward should do. The list is data, `reasons.csv`."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("reasons.csv")


@dataclass(frozen=True)
class Reason:
    """One line of reasons.csv. A code that has no line is shown as it is."""

    code: str
    label_vi: str
    advice_vi: str
    label_en: str


@cache
def reasons() -> dict[str, Reason]:
    with FILE.open(encoding="utf-8", newline="") as lines:
        return {row["code"]: Reason(**row) for row in csv.DictReader(lines)}


def reason(code: str) -> Reason:
    return reasons().get(code, Reason(code, code, "Báo quản trị hệ thống: mã lý do này chưa có diễn giải.", code))
