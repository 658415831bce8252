"""What `python -m hopnhat assess` does: choose what to assess, say the verdict in a few lines, give the exit code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from hopnhat.assess.model import UNREADABLE, Assessment
from hopnhat.assess.report import SEVERITIES, VERDICTS, duration, finding_place
from hopnhat.assess.run import Say, assess_file, assess_system
from hopnhat.assess.unreadable import UnreadableError, unreadable
from hopnhat.model.errors import HopNhatError, LandingError
from hopnhat.settings import legacy_url, settings

VIET_NAM = timezone(timedelta(hours=7))
_TOLD = 12


def run_command(
    system: str | None, file: Path | None, out: Path | None, url: str | None, technology: str | None, max_rows: int | None, show: Say, say: Say
) -> int:  # fmt: skip
    """Exit code: 0 GO · 1 FIX FIRST · 2 BLOCKED · 3 cannot be read. Raises LandingError when `out` cannot be written."""
    now = datetime.now(VIET_NAM)
    try:
        if (system is None) == (file is None):
            raise UnreadableError("cần đúng một trong hai: mã hệ thống, hoặc --file ĐƯỜNG_DẪN")
        name = file.stem if file is not None else str(system)
        folder = out or settings().reports_dir() / f"assess-{name}-{now:%Y%m%dT%H%M%S}"
        if file is not None:
            made, paths = assess_file(file, folder, now=now, max_rows=max_rows, say=say)
        else:
            made, paths = assess_system(
                str(system),
                _url(str(system), url),
                folder,
                now=now,
                mappings=settings().mappings,
                technology=technology,
                max_rows=max_rows,
                say=say,
            )
    except LandingError:
        raise
    except HopNhatError as error:
        told = unreadable(error, str(file.name if file else system or ""))
        show(f"KHÔNG ĐỌC ĐƯỢC  {told}")
        return UNREADABLE
    for line in summary(made, paths):
        show(line)
    return made.exit_code


def summary(made: Assessment, paths: dict[str, str]) -> list[str]:
    lines = [f"{VERDICTS[made.verdict]}: {made.title}, {made.rows} dòng trong {len(made.tables)} bảng"]
    serious = [finding for finding in made.findings if finding.severity != "note"]
    for one in serious[:_TOLD]:
        lines.append(f"  [{SEVERITIES[one.severity]}] {one.title}: {finding_place(one)}" + (f" ({one.rows} dòng)" if one.rows else ""))
    if len(serious) > _TOLD:
        lines.append(f"  … và {len(serious) - _TOLD} vấn đề nữa trong báo cáo")
    load = f", nạp khoảng {duration(made.load_seconds)} trên một lõi" if made.load_seconds else ""
    lines.append(f"  ước tính đọc {duration(made.extract_seconds)}{load}")
    return [*lines, *(f"  {kind:6} {path}" for kind, path in paths.items())]


def _url(system: str, given: str | None) -> Callable[[str], str]:
    return lambda connection: given or legacy_url(system, connection)
