"""The mismatch report as one page."""

from __future__ import annotations

from pathlib import Path

from hopnhat.report.html import render
from hopnhat.report.mismatch_lines import Report
from hopnhat.report.problems import OUTCOMES

SHOWN = 500


def write_html(report: Report, path: Path) -> Path:
    totals = {name: sum(c.outcomes[name] for c in report.counts) for name in OUTCOMES}
    return render("mismatch.html.j2", path, report=report, totals=totals, items=report.items[:SHOWN], shown=SHOWN, outcomes=OUTCOMES)
