"""The reconciliation report for vendors: every comparison with its numbers, a balance, a digest, and JSON beside it.

It prints what verify.result holds and computes nothing about the data itself; the digest is over the results alone, so a
vendor who runs the proof again on the same data gets the same digest.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2.extensions import connection

from hopnhat.report import problems as read
from hopnhat.report.html import render
from hopnhat.report.unitnames import unit_names
from hopnhat.report.workbook import Book, open_book
from validators.reconciliation import LANDING_EXPECTED, LEGS, Line, Verdict, as_table

LEG_NAMES = {
    LEGS[0]: "Chặng 1 · Nguồn và vùng tiếp nhận", LEGS[1]: "Chặng 2 · Vùng tiếp nhận và kết quả mong đợi",
    LEGS[2]: "Chặng 3 · Kết quả mong đợi và dữ liệu công bố", LEGS[3]: "Chặng 4 · Nguồn và dữ liệu công bố",
}  # fmt: skip
LEG_QUESTIONS = {
    LEGS[0]: "Đã đọc đủ và giữ nguyên vẹn?", LEGS[1]: "Mỗi dòng có đúng một kết cục?",
    LEGS[2]: "Đích có đúng các dòng mong đợi, mỗi dòng một lần, đúng giá trị?", LEGS[3]: "Tổng số nghiệp vụ hai bên bằng nhau?",
}  # fmt: skip
VERDICTS = {"pass": "Đạt", "fail": "Không đạt", "not applicable": "Không áp dụng", "error": "Không kiểm được"}
_WORDS = {
    "part-sha256": "Tệp tiếp nhận nguyên vẹn (SHA-256)", "ledger-extracted": "Số dòng đọc so với sổ cái", "ledger-published": "Công bố so với sổ cái",
    "ledger-quarantined": "Chờ xử lý so với sổ cái", "ledger-filtered": "Bỏ theo quy tắc so với sổ cái", "ledger-merged": "Gộp trùng so với sổ cái",
    "rows": "Số dòng", "keys-missing": "Khóa thiếu ở đích", "keys-unexpected": "Khóa thừa ở đích", "keys-twice": "Khóa lặp ở đích",
    "keys-published-and-held": "Khóa vừa công bố vừa chờ xử lý", "keys-filtered-but-published": "Khóa bị lọc nhưng vẫn công bố",
    "units-unexplained": "Dòng không có giải trình đơn vị", "units-contradicted": "Dòng trái với giải trình đơn vị",
    "split-without-evidence": "Đơn vị chia tách bị gán không có căn cứ",
}  # fmt: skip
_PARTS = {
    "row-by-row": "So từng dòng:", "by-raw-status": "theo trạng thái nguồn", "by-status": "theo trạng thái", "by-month": "theo tháng", "by-stratum": "theo mức biết chắc",
    "by-old-unit": "theo đơn vị cũ", "by-unit": "theo đơn vị cũ và mới", "by-component": "theo cụm đơn vị", "rows": "Số dòng", "fee_amount": "Phí, lệ phí (đồng)",
    "status": "trạng thái", "month": "tháng", "unit": "đơn vị", "known": "biết chắc", "split": "chia tách", "unknown": "chưa biết chắc",
}  # fmt: skip
_NOTES = {
    "the live source was not counted": "chưa đếm nguồn đang chạy",
    "a delta reads only the rows that changed": "lượt nạp phần thay đổi chỉ đọc các dòng đã đổi",
    "the source has no date that counts by month": "nguồn không có ngày để đếm theo tháng",
    "the source has no commune codes: its units are known by name only": "nguồn không có mã xã, chỉ có tên hoặc địa chỉ",
    "rows of this kind belong to no unit": "loại dữ liệu này không gắn với đơn vị hành chính",
    "no row has a value that SQL can read": "không dòng nào có giá trị đọc được bằng SQL",
    "the prover cannot know the value of": "bộ đối soát không biết chắc giá trị của",
    "rows; they are not compared": "dòng; các dòng này không được so",
    "altered or gone: part": "bị sửa hoặc mất: phần",
    "landing parts altered or gone: nothing can be recomputed from them": "tệp tiếp nhận bị sửa hoặc mất, không tính lại được",
    "the landing zone is not what was landed; nothing can be proved from it": "vùng tiếp nhận không còn như lúc đọc, không chứng minh được",
    "the run has no part of this source": "lượt chạy không có phần nào của nguồn này",
}
_VALUES = ("source_value", "landing_value", "published_value", "quarantined_value", "other_value", "difference")
_HEADS = ("Nguồn", "Tiếp nhận", "Công bố", "Chờ xử lý", "Khác", "Chênh lệch")


@dataclass(frozen=True)
class Group:
    """All lines of one measure of one source: one row of the overview."""

    source: str
    leg: str
    measure: str
    lines: int
    passed: int
    failed: int
    skipped: int
    live: int | None
    landing: int | None
    published: int | None
    quarantined: int | None
    other: int | None
    difference: int
    note: str


def write_reconciliation(conn: connection, run_id: str, system: str, out_dir: str | Path) -> dict[str, str]:
    """Write JSON, HTML and XLSX of one system's latest check. Returns their paths and, under `reconciliation_digest`, the digest."""
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    verdict = Verdict(system, run_id, as_table(_lines(conn, run_id, system)))
    facts = read.run_facts(conn, run_id, [system])
    counts = read.counts(conn, run_id, [system])
    groups = grouped(verdict.lines)
    page = {"verdict": verdict, "facts": facts, "counts": counts, "groups": groups}
    return {
        "reconciliation_json": str(_write_json(verdict, facts, counts, folder / "reconciliation.json")),
        "reconciliation_html": str(_write_html(page, folder / "reconciliation.html")),
        "reconciliation_xlsx": str(_write_xlsx(verdict, counts, groups, folder / "reconciliation.xlsx")),
        "reconciliation_digest": verdict.digest,
    }


def _lines(conn: connection, run_id: str, system: str) -> list[Line]:
    names = list(Line._fields)
    with conn.cursor() as cursor:
        cursor.execute(f"select {', '.join(names)} from verify.result where run_id = %s and system = %s", (run_id, system))
        rows: list[Any] = cursor.fetchall()
    numbers = {n for n in names if n.endswith("_value") or n == "difference"}
    values: list[dict[str, Any]] = [{n: int(v) if n in numbers and v is not None else v for n, v in zip(names, row, strict=True)} for row in rows]
    read_lines = [Line(**one) for one in values]
    return sorted(read_lines, key=lambda line: (line.source, line.leg, line.measure, line.old_unit, line.new_unit, line.month, line.status))


def grouped(lines: Sequence[Line]) -> list[Group]:
    """One line per source, leg and measure; sums over its cells."""
    cells: dict[tuple[str, str, str], list[Line]] = defaultdict(list)
    for line in lines:
        cells[line.source, line.leg, line.measure].append(line)
    return [_group(*key, found) for key, found in cells.items()]


def _group(source: str, leg: str, measure: str, lines: Sequence[Line]) -> Group:
    def total(name: str) -> int | None:
        values = [v for line in lines if (v := getattr(line, name)) is not None]
        return sum(values) if values else None

    found = Counter(line.verdict for line in lines)
    notes = list(dict.fromkeys(line.note for line in lines if line.note))
    return Group(
        source, leg, measure, len(lines), found["pass"], found["fail"] + found["error"], found["not applicable"], total("source_value"),
        total("landing_value"), total("published_value"), total("quarantined_value"), total("other_value"), sum(abs(line.difference) for line in lines), "; ".join(notes[:3]),
    )  # fmt: skip


def in_vietnamese(measure: str) -> str:
    """
    >>> in_vietnamese("rows by-month"), in_vietnamese("row-by-row status")
    ('Số dòng theo tháng', 'So từng dòng: trạng thái')
    """
    return _WORDS.get(measure) or " ".join(_PARTS.get(part, part) for part in measure.split(" "))


def note_in_vietnamese(note: str) -> str:
    """Notes are stored in English; a phrase without a translation stays as it is.

    >>> note_in_vietnamese("the prover cannot know the value of 3 rows; they are not compared")
    'bộ đối soát không biết chắc giá trị của 3 dòng; các dòng này không được so'
    """
    for english in sorted(_NOTES, key=len, reverse=True):
        note = note.replace(english, _NOTES[english])
    return note


def _write_json(verdict: Verdict, facts: Mapping[str, Any], counts: Sequence[read.Counts], path: Path) -> Path:
    content = {
        "system": verdict.system, "run_id": verdict.run_id, "outcome": verdict.outcome, "digest": verdict.digest, "verdicts": verdict.counts(),
        "run": {name: None if value is None else str(value) for name, value in facts.items()},
        "sources": {c.source: c.outcomes for c in counts}, "results": [line._asdict() for line in verdict.lines],
    }  # fmt: skip
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def _write_html(page: Mapping[str, Any], path: Path) -> Path:
    verdict: Verdict = page["verdict"]
    return render(
        "reconciliation.html.j2", path, **page, legs=LEGS, leg_names=LEG_NAMES, questions=LEG_QUESTIONS, verdicts=VERDICTS, words=in_vietnamese, note=note_in_vietnamese,
        failures=verdict.failures()[:300], outcomes=read.OUTCOMES, unit=unit_names(), month_bars=_cells(verdict, "by-month", "month")[-24:],
        status_bars=sorted(_cells(verdict, "by-raw-status", "status"), key=lambda cell: -cell[1])[:24],
    )  # fmt: skip


def _cells(verdict: Verdict, name: str, field: str) -> list[tuple[str, int]]:
    """Landed rows per month or raw status over all sources, in order."""
    found: Counter[str] = Counter()
    for line in verdict.lines:
        if line.leg == LANDING_EXPECTED and line.measure == f"rows {name}":
            found[getattr(line, field) or "(trống)"] += line.landing_value or 0
    return sorted(found.items())


def _write_xlsx(verdict: Verdict, counts: Sequence[read.Counts], groups: Sequence[Group], path: Path) -> Path:
    with open_book(path) as book:
        _overview(book, verdict, counts, groups)
        for leg in LEGS:
            _leg_sheet(book, leg, [line for line in verdict.lines if line.leg == leg])
    return path


def _overview(book: Book, verdict: Verdict, counts: Sequence[read.Counts], groups: Sequence[Group]) -> None:
    sheet = book.sheet("Tổng hợp", [40, 44, 12, 12, 14, 14, 14, 14, 14, 60])
    row = book.title(sheet, "Báo cáo đối soát", f"Hệ thống {verdict.system}")
    balance = sum(c.outcomes["balance"] for c in counts)
    for label, value in (
        ("Kết luận", VERDICTS[verdict.outcome]), ("Lượt chạy", verdict.run_id), ("Dấu vân tay (SHA-256)", verdict.digest), ("Chênh lệch cân đối", balance),
    ):  # fmt: skip
        row = book.pair(sheet, row, label, value)
    row = book.head(
        sheet, row + 1, ("Bảng nguồn", "Phép so", "Chặng", "Số ô so", "Không đạt", "Tiếp nhận", "Công bố", "Chờ xử lý", "Chênh lệch", "Ghi chú")
    )
    for g in groups:
        values = [g.source, in_vietnamese(g.measure), g.leg[:1], g.lines, g.failed, g.landing, g.published, g.quarantined, g.difference, note_in_vietnamese(g.note)]
        row = book.line(sheet, row, values, bad=g.failed > 0)


def _leg_sheet(book: Book, leg: str, lines: Sequence[Line]) -> None:
    sheet = book.sheet(f"Chặng {leg[:1]}", [28, 38, 26, 26, 11, 14, 14, 14, 14, 14, 14, 14, 16, 50])
    heads = ("Bảng nguồn", "Phép so", "Đơn vị cũ", "Đơn vị mới", "Tháng", "Trạng thái", *_HEADS, "Kết quả", "Ghi chú")
    row = book.head(sheet, 0, heads, filtered=len(lines))
    names = unit_names()
    for line in lines:
        place = [names.show_old(line.old_unit), names.show_new(line.new_unit), line.month, line.status]
        numbers = [getattr(line, name) for name in _VALUES]
        values = [line.source, in_vietnamese(line.measure), *place, *numbers, VERDICTS[line.verdict], note_in_vietnamese(line.note)]
        row = book.line(sheet, row, values, bad=line.verdict in ("fail", "error"))
