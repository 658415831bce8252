"""What the mismatch report says, ready to print: both writers print the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hopnhat.report import problems as read


@dataclass(frozen=True)
class Item:
    """One line of the report, ready to print."""

    source: str
    label: str
    column: str
    reason: str
    reason_code: str
    context: str
    rows: int
    example: str
    candidates: str
    how: str
    keys: str
    advice: str


@dataclass(frozen=True)
class Report:
    """Everything that both writers print."""

    run_id: str
    systems: tuple[str, ...]
    facts: Mapping[str, Any]
    counts: Sequence[read.Counts]
    items: Sequence[Item]
    problems: int
    rows_by_reason: Sequence[tuple[str, int]]
    held_by_unit: Sequence[tuple[str, int]]
    warnings: Sequence[tuple[str, str, str, int]]
