"""The whole run on one page: summary.json for scripts, a few sentences and a table for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg2.extensions import connection

from hopnhat.report import problems as read
from hopnhat.report.charts import thousands
from hopnhat.report.html import in_words
from hopnhat.report.problems import OUTCOMES

_FILES = ("mismatch.html", "mismatch.xlsx", "reconciliation.html", "reconciliation.xlsx", "reconciliation.json")
_HEADS = {
    "vi": ("Bảng nguồn", "Đọc", "Công bố", "Không đổi", "Gộp trùng", "Chờ xử lý", "Bỏ theo quy tắc", "Chênh lệch"),
    "en": ("Source table", "Read", "Published", "Unchanged", "Merged", "Quarantined", "Filtered", "Balance"),
}
_VERDICTS = {
    "vi": {"pass": "đối soát đạt", "fail": "đối soát KHÔNG ĐẠT", "error": "KHÔNG đối soát được", "": "chưa đối soát"},
    "en": {"pass": "reconciled", "fail": "reconciliation FAILED", "error": "could NOT be reconciled", "": "not reconciled"},
}


def write_summary(conn: connection, run_id: str, out_dir: str | Path) -> dict[str, Any]:
    """Sum up every system of a run; writes summary.json and summary.txt into `out_dir` and returns what it wrote.

    {"run_id", "totals": {extracted, published, unchanged, merged, quarantined, filtered, balance},
     "systems": {id: {…same…, "state", "reconciliation", "tables": {source: {…same…}}}}, "links": {…}, "reports": {id: {file: path}}}
    """
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    systems: dict[str, dict[str, Any]] = {
        name: {**dict.fromkeys(OUTCOMES, 0), "state": state, "reconciliation": outcome, "tables": {}}
        for name, state, outcome in _systems(conn, run_id)
    }
    for counts in read.counts(conn, run_id):
        systems[counts.system]["tables"][counts.source] = counts.outcomes
        for name, value in counts.outcomes.items():
            systems[counts.system][name] += value
    summary = {
        "run_id": run_id,
        "totals": {name: sum(s[name] for s in systems.values()) for name in OUTCOMES},
        "systems": systems,
        "links": read.link_counts(conn),
        "reports": {name: _reports(folder / name) for name in systems},
    }
    (folder / "summary.json").write_text(json.dumps(summary, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / "summary.txt").write_text(render_text(summary) + "\n", encoding="utf-8")
    return summary


def _systems(conn: connection, run_id: str) -> list[tuple[str, str, str]]:
    """(system, state of the run, verdict of its reconciliation or '')."""
    with conn.cursor() as cursor:
        cursor.execute(
            "select r.system, r.state, coalesce((select case when bool_or(v.verdict = 'error') then 'error' when bool_or(v.verdict = 'fail') then 'fail'"
            " else 'pass' end from verify.result v where v.run_id = r.run_id and v.system = r.system having count(*) > 0), '')"
            " from ledger.run r where r.run_id = %s order by r.system",
            (run_id,),
        )
        return cursor.fetchall()


def _reports(folder: Path) -> dict[str, str]:
    return {name: str(folder / name) for name in _FILES if (folder / name).is_file()}


def render_text(summary: Mapping[str, Any], language: str = "vi") -> str:
    """The summary as text for a terminal; `language` is vi or en."""
    totals, systems = summary["totals"], summary["systems"]
    lines = [_sentence(totals, len(systems), language), "", *_table(summary, language), ""]
    for name, system in systems.items():
        state = in_words(system["state"]) if language == "vi" else system["state"]
        lines.append(f"{name}: {state}, {_VERDICTS[language][system['reconciliation']]}")
    links = summary["links"]
    if links["links"]:
        lines.append(
            f"Hồ sơ có ở hai hệ thống: {thousands(links['links'])}, trong đó {thousands(links['differ'])} có nội dung khác nhau; được liên kết, không ghi đè."
            if language == "vi"
            else f"Dossiers in two systems: {links['links']:,}, {links['differ']:,} of them differ; linked, not overwritten."
        )
    paths = [path for files in summary["reports"].values() for path in files.values()]
    if paths:
        lines += ["", "Báo cáo:" if language == "vi" else "Reports:", *(f"  {path}" for path in paths)]
    return "\n".join(lines)


def _sentence(totals: Mapping[str, int], systems: int, language: str) -> str:
    loaded = totals["published"] + totals["unchanged"]
    aside = totals["merged"] + totals["filtered"]
    if language == "en":
        noun = "system" if systems == 1 else "systems"
        balance = "the balance is 0: no row is lost" if totals["balance"] == 0 else f"the balance is {totals['balance']:,} and must be 0"
        return (
            f"{totals['extracted']:,} rows read from {systems} {noun}: {loaded:,} are in the unified database ({totals['unchanged']:,} unchanged), "
            f"{totals['quarantined']:,} wait for a steward, {aside:,} were set aside by rule or as copies; {balance}."
        )
    balance = "chênh lệch bằng 0, không mất dòng nào" if totals["balance"] == 0 else f"CHÊNH LỆCH {thousands(totals['balance'])}, phải bằng 0"
    return (
        f"Đọc {thousands(totals['extracted'])} dòng từ {systems} hệ thống: {thousands(loaded)} dòng đã ở cơ sở dữ liệu dùng chung"
        f" ({thousands(totals['unchanged'])} không đổi), {thousands(totals['quarantined'])} dòng chờ xử lý, {thousands(aside)} dòng gộp trùng"
        f" hoặc bỏ theo quy tắc; {balance}."
    )


def _table(summary: Mapping[str, Any], language: str) -> list[str]:
    rows = [[source, *(t[n] for n in OUTCOMES)] for s in summary["systems"].values() for source, t in s["tables"].items()]
    if len(rows) > 1:
        rows.append(["Cộng" if language == "vi" else "Total", *(summary["totals"][n] for n in OUTCOMES)])
    number = thousands if language == "vi" else (lambda n: f"{n:,}")
    cells = [list(_HEADS[language]), *([row[0], *(number(v) for v in row[1:])] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return ["  ".join(cell.ljust(w) if c == 0 else cell.rjust(w) for c, (cell, w) in enumerate(zip(row, widths, strict=True))) for row in cells]
