"""Jinja with our filters; every report is one file that needs nothing from the network."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hopnhat.report.charts import bars, thousands

_MODES = {"bulk": "nạp toàn bộ", "delta": "nạp phần thay đổi", "rehearsal": "diễn tập"}
_STATES = {"published": "đã công bố", "rehearsed": "đã diễn tập", "open": "đang chạy", "failed": "thất bại", "abandoned": "đã bỏ"}


def in_words(value: object) -> str:
    """Modes and states in Vietnamese, dates as they are written here, anything else as it is."""
    if isinstance(value, datetime):
        return f"{value:%d/%m/%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if value is None:
        return "–"
    text = str(value)
    return _MODES.get(text) or ", ".join(_STATES.get(part, part) for part in text.split(", "))


@cache
def _environment() -> Environment:
    folder = Path(__file__).with_name("templates")
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["n"] = thousands
    environment.filters["words"] = in_words
    environment.globals["bars"] = lambda title, rows, **more: Markup(bars(title, rows, **more))  # noqa: S704  labels are escaped inside
    return environment


def render(template: str, path: Path, **values: Any) -> Path:
    """Write one page, streaming: a long table is never held in memory as text."""
    with path.open("w", encoding="utf-8") as out:
        for piece in _environment().get_template(template).generate(**values):
            out.write(piece)
    return path
