"""The assessment as a workbook: findings to assign and tick off, tables, columns, values."""

from __future__ import annotations

from pathlib import Path

from hopnhat.assess.clock import clock_offset
from hopnhat.assess.model import Assessment
from hopnhat.assess.wording import ERAS, encoding_words
from hopnhat.report.reasons import reason
from hopnhat.report.workbook import Book, open_book

_SEVERITIES = {"stop": "chặn", "fix": "phải sửa", "note": "lưu ý"}
_FINDINGS = (("STT", 6), ("Mức", 10), ("Vấn đề", 38), ("Bảng", 22), ("Cột", 24), ("Số dòng", 10), ("Trên tổng", 10), ("Chi tiết", 40), ("Khóa ví dụ", 34),
             ("Giá trị ví dụ (đã che)", 28), ("Việc cần làm", 56), ("Người phụ trách", 20), ("Quyết định", 24))  # fmt: skip
_TABLES = (("Bảng", 26), ("Số dòng", 12), ("Đã đếm", 12), ("Bỏ theo quy tắc", 14), ("Trùng hệt", 11), ("Đối tượng", 16), ("Khóa khai báo", 22), ("Khóa thực tế", 30),
           ("Danh mục đơn vị", 26), ("Ghi mới nhất", 20), ("Đọc (giây)", 11), ("Mẫu bị giữ", 11), ("Lỗi", 40))  # fmt: skip
_COLUMNS = (("Bảng", 22), ("Cột", 22), ("Kiểu khai báo", 18), ("Được hiểu là", 20), ("Tin cậy", 9), ("Vì sao", 40), ("NULL", 10), ("Trống", 10), ("Khác nhau", 11),
            ("Ngắn nhất", 10), ("Dài nhất", 10), ("Bảng mã", 26), ("Dấu hiệu", 30))  # fmt: skip


def write_xlsx(made: Assessment, path: Path) -> Path:
    with open_book(path) as book:
        _findings(book, made)
        _tables(book, made)
        _columns(book, made)
        _values(book, made)
    return path


def _findings(book: Book, made: Assessment) -> None:
    sheet = book.sheet("Vấn đề", [width for _, width in _FINDINGS])
    under = f"Kết luận {made.verdict}; khảo sát lúc {made.when}; {made.rows} dòng trong {len(made.tables)} bảng"
    if made.clock:
        under += f"; đồng hồ máy chủ lệch {made.clock.ahead_seconds:+.1f} giây, múi giờ {made.clock.zone} ({clock_offset(made.clock)})"
    row = book.title(sheet, f"Khảo sát {made.title}", under)
    row = book.head(sheet, row, [name for name, _ in _FINDINGS], filtered=len(made.findings))
    for number, one in enumerate(made.findings, 1):
        row = book.line(
            sheet, row,
            [number, _SEVERITIES[one.severity], one.title, one.table, one.column, one.rows, one.of, one.detail, "\n".join(one.keys),
             "\n".join(one.samples), one.advice, "", ""], wrap=True,
        )  # fmt: skip


def _tables(book: Book, made: Assessment) -> None:
    sheet = book.sheet("Bảng", [width for _, width in _TABLES])
    row = book.head(sheet, 0, [name for name, _ in _TABLES], filtered=len(made.tables))
    for facts in made.tables:
        unique = ", ".join(" + ".join(key.columns) for key in facts.keys if key.unique)
        row = book.line(
            sheet, row,
            [facts.name, facts.rows, facts.counted, facts.filtered, facts.same_rows, (facts.plan.entity if facts.plan else "") or "", " + ".join(facts.declared_key), unique,
             ERAS.get(facts.units.era, "") if facts.units else "", facts.activity.greatest if facts.activity else "", round(facts.read_seconds),
             facts.rehearsal.held if facts.rehearsal else "", facts.error], wrap=True,
        )  # fmt: skip


def _columns(book: Book, made: Assessment) -> None:
    sheet = book.sheet("Cột", [width for _, width in _COLUMNS])
    row = book.head(sheet, 0, [name for name, _ in _COLUMNS], filtered=sum(len(facts.columns) for facts in made.tables))
    for facts in made.tables:
        for one in facts.columns:
            role = one.role
            row = book.line(
                sheet, row,
                [facts.name, one.name, one.declared_type, role.name if role else "", f"{role.confidence:.2f}".replace(".", ",") if role else "", role.why if role else "",
                 one.nulls, one.blanks, one.distinct if one.distinct is not None else "nhiều hơn 1.000", one.shortest, one.longest,
                 encoding_words(one.encoding) if one.encoding else "không đọc",
                 "; ".join(f"{reason(hit.code).label_vi}: {hit.rows}" for hit in one.hits if not hit.code.startswith("encoding:"))],
            )  # fmt: skip


def _values(book: Book, made: Assessment) -> None:
    sheet = book.sheet("Giá trị", [24, 24, 44, 12, 30])
    lines = [(facts.name, one, value, rows) for facts in made.tables for one in facts.columns for value, rows in one.values]
    row = book.head(sheet, 0, ("Bảng", "Cột", "Giá trị (đã che)", "Số dòng", "Quy đổi"), filtered=len(lines))
    for table, one, value, rows in lines:
        codes = one.role.codes if one.role is not None else None
        row = book.line(sheet, row, [table, one.name, value, rows, (codes or {}).get(value, "chưa có") if codes is not None else ""])
