"""The mismatch report as a workbook: to filter, sort and pass on. Rows are written as they come, in constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hopnhat.report.html import in_words
from hopnhat.report.mismatch_lines import Report
from hopnhat.report.problems import OUTCOMES
from hopnhat.report.workbook import Book, open_book

_COLUMNS = (
    ("STT", 6), ("Số dòng", 10), ("Lý do", 30), ("Mã lý do", 20), ("Trường", 18), ("Cột nguồn", 18), ("Giá trị trong nguồn", 42),
    ("Ví dụ (đã che)", 24), ("Đơn vị đề xuất", 46), ("Cách đối chiếu", 30), ("Bảng nguồn", 24), ("Khóa trong nguồn", 24), ("Việc cần làm", 52),
    ("Quyết định", 22), ("Người quyết định", 20),
)  # fmt: skip
_HEADS = ("Bảng nguồn", "Đọc từ nguồn", "Công bố", "Không đổi", "Gộp trùng", "Chờ xử lý", "Bỏ theo quy tắc", "Chênh lệch")


def write_xlsx(report: Report, path: Path) -> Path:
    with open_book(path) as book:
        _summary(book, report)
        _problems(book, report)
        _warnings(book, report)
    return path


def _summary(book: Book, report: Report) -> None:
    sheet = book.sheet("Tổng hợp", [30, 15, 13, 13, 13, 13, 16, 13])
    row = book.title(sheet, "Báo cáo sai lệch", f"Hệ thống {', '.join(report.systems)}")
    facts = report.facts
    for label, value in (
        ("Lượt chạy", report.run_id), ("Chế độ", in_words(facts["mode"])), ("Trạng thái", in_words(facts["state"])),
        ("Danh mục đơn vị", f"{facts['registry_version']}, tính đến {in_words(facts['as_of'])}"), ("Số vấn đề khác nhau", report.problems),
    ):  # fmt: skip
        row = book.pair(sheet, row, label, value)
    if report.problems > len(report.items):
        row = book.pair(sheet, row, "Lưu ý", f"tờ Vấn đề liệt kê {len(report.items)} vấn đề lớn nhất")
    row = book.head(sheet, row + 1, _HEADS)
    for counts in report.counts:
        row = book.line(sheet, row, [counts.source, *(counts.outcomes[n] for n in OUTCOMES)], bad=counts.outcomes["balance"] != 0)
    totals = [sum(c.outcomes[n] for c in report.counts) for n in OUTCOMES]
    row = book.line(sheet, row, ["Cộng", *totals], bold=True)
    row = _chart(book, sheet, row + 1, "Số dòng theo lý do", report.rows_by_reason)
    _chart(book, sheet, row + 1, "Dòng đang chờ theo đơn vị cũ", report.held_by_unit)


def _chart(book: Book, sheet: Any, row: int, title: str, data: Sequence[tuple[str, int]]) -> int:
    if not data:
        return row
    first = book.head(sheet, row, (title, "Số dòng"))
    last = first
    for label, value in data:
        last = book.line(sheet, last, [label, value])
    book.bars(sheet, title, first, last - 1, at=(row, 3))
    return max(last, row + 17)


def _problems(book: Book, report: Report) -> None:
    sheet = book.sheet("Vấn đề", [width for _, width in _COLUMNS])
    row = book.head(sheet, 0, [name for name, _ in _COLUMNS], filtered=len(report.items))
    for number, i in enumerate(report.items, 1):
        row = book.line(
            sheet, row,
            [number, i.rows, i.reason, i.reason_code, i.label, i.column, i.context, i.example, i.candidates, i.how, i.source, i.keys, i.advice, "", ""],
            wrap=True,
        )  # fmt: skip


def _warnings(book: Book, report: Report) -> None:
    sheet = book.sheet("Lưu ý", [12, 52, 26, 26, 30])
    row = book.head(sheet, 0, ("Số dòng", "Lưu ý trên dòng đã công bố", "Mã", "Trường", "Bảng nguồn"), filtered=len(report.warnings))
    for source, label, words, rows in report.warnings:
        text, code = words.split("\x1f")
        row = book.line(sheet, row, [rows, text, code, label, source])
