"""The assessment as a page, a workbook and JSON, with the draft mapping beside them."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hopnhat.assess.clock import clock_offset
from hopnhat.assess.model import Assessment, Finding, TableFacts
from hopnhat.assess.report_xlsx import write_xlsx
from hopnhat.assess.wording import ERAS, encoding_words
from hopnhat.model.errors import LandingError
from hopnhat.report.charts import bars, thousands
from hopnhat.report.reasons import reason

VERDICTS = {"GO": "GO – có thể di chuyển", "FIX FIRST": "FIX FIRST – sửa trước", "BLOCKED": "BLOCKED – chưa thể"}
SEVERITIES = {"stop": "chặn", "fix": "phải sửa", "note": "lưu ý"}
_SHOWN = 300
_TEMPLATES = (Path(__file__).with_name("templates"), Path(__file__).parent.parent / "report" / "templates")


def write_reports(made: Assessment, draft: str, out: Path) -> dict[str, str]:
    """Paths by kind. Raises LandingError when the folder cannot be written."""
    paths = {kind: out / f"assessment.{kind}" for kind in ("json", "html", "xlsx")}
    paths["draft"] = out / f"{made.system}.yml"
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write(paths["json"], json.dumps(made.to_json(), ensure_ascii=False, indent=1, default=str) + "\n")
        _write(paths["html"], page(made))
        write_xlsx(made, paths["xlsx"])
        _write(paths["draft"], draft)
    except OSError as error:
        raise LandingError(
            f"cannot write the assessment ({error.strerror or type(error).__name__})", hint="choose another --out folder"
        ) from None
    return {kind: str(path) for kind, path in paths.items()}


def page(made: Assessment) -> str:
    template = _environment().get_template("assess.html.j2")
    counts = {name: sum(f.severity == name for f in made.findings) for name in SEVERITIES}
    return template.render(
        a=made, counts=counts, verdict=VERDICTS[made.verdict], severities=SEVERITIES, findings=made.findings[:_SHOWN], eras=ERAS
    )


def duration(seconds: float) -> str:
    """
    >>> duration(0.2), duration(75), duration(7300)
    ('dưới 1 giây', '1 phút 15 giây', '2 giờ 2 phút')
    """
    whole = round(seconds)
    if whole < 1:
        return "dưới 1 giây"
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours} giờ {minutes} phút" if hours else f"{minutes} phút {rest} giây" if minutes else f"{rest} giây"


def share(part: int, whole: int) -> str:
    """
    >>> share(1, 3), share(1, 100000), share(0, 0)
    ('33,3 %', '< 0,1 %', '')
    """
    if not whole or not part:
        return ""
    percent = 100 * part / whole
    return "< 0,1 %" if percent < 0.1 else f"{percent:.1f} %".replace(".", ",").replace(",0 %", " %")


def moment(text: str) -> str:
    """
    >>> moment("2026-01-05 08:30"), moment("2025-06-30 23:59:59")
    ('05/01/2026 08:30', '30/06/2025 23:59')
    """
    return f"{datetime.fromisoformat(text):%d/%m/%Y %H:%M}"


def key_words(facts: TableFacts) -> str:
    """Declared and factual keys in one line."""
    declared = f"khai báo: {' + '.join(facts.declared_key)}" if facts.declared_key else "không khai báo"
    unique = [" + ".join(key.columns) for key in facts.keys if key.unique]
    return f"{declared}; thực tế không trùng: {', '.join(unique) if unique else 'không có'}"


def finding_place(finding: Finding) -> str:
    return f"{finding.table}.{finding.column}" if finding.column else finding.table


@cache
def _environment() -> Environment:
    environment = Environment(loader=ChoiceLoader([FileSystemLoader(folder) for folder in _TEMPLATES]), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    environment.filters |= {"n": thousands, "duration": duration, "encoding": encoding_words, "words": moment}
    environment.globals |= {
        "share": share,
        "key_words": key_words,
        "clock_offset": clock_offset,
        "reason": lambda code: reason(code).label_vi,
    }
    environment.globals["bars"] = lambda title, rows, **more: Markup(bars(title, rows, **more))  # noqa: S704  labels are escaped inside
    return environment


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    fresh = path.with_name(f".{path.name}.part")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
