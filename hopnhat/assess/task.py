"""The assessment as a task of an orchestrator: reports by run, a short result without a value of any row, failure by class."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hopnhat.assess.command import VIET_NAM
from hopnhat.assess.run import assess_system
from hopnhat.assess.unreadable import UnreadableError
from hopnhat.model.errors import SourceDriftError
from hopnhat.settings import settings


def assess_for_run(system: str, run_id: str, url: str, max_rows: int | None = None) -> dict[str, Any]:
    """Write the reports under `<reports>/<run_id>/assess-<system>`.

    Raises:
        SourceDriftError: the verdict is BLOCKED.
        HopNhatError: the source cannot be read; the reader's own class, so that only unavailable servers are retried.
    """
    out = settings().reports_dir() / run_id / f"assess-{system}"
    try:
        made, paths = assess_system(
            system, lambda _: url, out, now=datetime.now(VIET_NAM), mappings=settings().mappings, max_rows=max_rows, say=lambda _: None
        )
    except UnreadableError as error:
        raise (error.reader or error) from None
    counts = {severity: sum(f.severity == severity for f in made.findings) for severity in ("stop", "fix", "note")}
    if made.verdict == "BLOCKED":
        first = made.findings[0]
        raise SourceDriftError(
            f"BLOCKED: {counts['stop']} findings, first {first.code}", system=system, table=first.table, hint=f"read {paths['html']}"
        )
    return {"verdict": made.verdict, "rows": made.rows, **counts, "report": paths["html"]}
