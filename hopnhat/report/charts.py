"""Bar charts as inline SVG: no script, no network, readable in print."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH, _LABEL, _BAR, _GAP = 760, 290, 18, 9


def bars(title: str, rows: Sequence[tuple[str, int]], *, colour: str = "#2b6cb0") -> str:
    """Horizontal bars, longest label cut; '' when there is nothing to draw."""
    if not rows:
        return ""
    top = max(value for _, value in rows) or 1
    height = len(rows) * (_BAR + _GAP) + 8
    room = _WIDTH - _LABEL - 84
    parts = [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title, quote=True)}" class="chart">']
    for n, (label, value) in enumerate(rows):
        y = n * (_BAR + _GAP) + 4
        width = max(2.0, room * value / top)
        parts.append(
            f'<title>{escape(title)}</title>' if n == 0 else ""
        )
        parts.append(
            f'<text x="{_LABEL - 10}" y="{y + 13}" text-anchor="end">{escape(shortened(label))}</text>'
            f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>'
            f'<text x="{_LABEL + width + 8:.1f}" y="{y + 13}" class="value">{thousands(value)}</text>'
        )
    return "".join(parts) + "</svg>"


def thousands(value: int | None) -> str:
    """Vietnamese grouping.

    >>> thousands(1234567), thousands(None)
    ('1.234.567', '')
    """
    return "" if value is None else f"{value:,}".replace(",", ".")


def shortened(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
