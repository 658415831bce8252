"""The register of a district desk, kept by hand in Excel: titles above the header, year headings between the rows,
free-text addresses, dates as cells, numbers or text, and whatever else a tired hand types.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter

from hopnhat.sample import dossiers as truth
from hopnhat.sample import register_defects as planted
from hopnhat.sample import vocabulary as words
from hopnhat.sample.labels import LabelFile, label_columns, label_table
from hopnhat.sample.people import Ints, Rng, choose, joined, pick
from hopnhat.sample.places import Communes, communes

REGISTER = "so_tay_xa"
SHEET = "SoTiepNhan"
STREAM = 3
DISTRICT = "018"
MOST_ROWS = 20_000
HEADER_ROW = 5
COLUMNS = (
    "STT", "Số biên nhận", "Mã hồ sơ", "Ngày nhận", "Họ và tên", "Số CCCD/CMND", "Điện thoại", "Địa chỉ", "Thủ tục", "Ngày hẹn trả",
    "Ngày trả", "Tình trạng", "Lệ phí", "Ghi chú",
)  # fmt: skip
DATES = ("Ngày nhận", "Ngày hẹn trả", "Ngày trả")
STATUS = {"1": ("Mới nộp",), "2": ("Đã nhận",), "3": ("Trả lại hồ sơ",), "4": ("Đang giải quyết", "Đang gq"), "5": ("Chờ bổ sung",),
          "6": ("Chờ nộp thuế",), "7": ("Rút hồ sơ",), "8": ("Dừng",), "9": ("Đã có kết quả",), "10": ("Đã trả", "đã trả", "Đã trả KQ")}  # fmt: skip


def write_register(home: Path, labels: Path, *, rows: int, seed: int, bad_share: float) -> Path:
    """Write SoTiepNhan.xlsx with about `rows` entries and the headings between them."""
    path = home / "so_tay_xa" / "SoTiepNhan.xlsx"
    path.parent.mkdir(exist_ok=True)
    rng = np.random.default_rng([seed, STREAM])
    places = communes()
    index = np.arange(rows)
    plan = planted.plan(rng, rows, bad_share)
    commune = _communes(rng, places, plan, rows)
    # An organ of its own: a number that the city has too would be another dossier under the same number.
    organ = pa.repeat("000.18.01.H26", rows)
    facts = truth.dossiers(rng, index, rows + rows // 100 + 1, commune, organ, places)
    frame = _frame(rng, facts, places)
    planted.plant(rng, frame, plan, facts, places)
    at = pa.array(commune)
    unsure = plan.rows("unit-two-of-a-name")
    answers = {
        "source_key": frame["Số biên nhận"], "old_code": choose(unsure, pa.scalar(None, pa.string()), places.code.take(at)), "new_code": places.new_code.take(at),
        "new_province_code": places.new_province.take(at), "candidates": places.candidates.take(at),
    }  # fmt: skip
    answers |= truth.value_labels(facts, plan.rows("name-upper"))
    frame, answers = planted.duplicated(rng, frame, answers | label_columns(planted.DEFECTS, plan.first, plan.second), plan, bad_share)
    lines, row_of = _with_headings(frame)
    fresh = path.with_suffix(".new")
    _write(fresh, lines)
    fresh.replace(path)
    with LabelFile(labels / f"{REGISTER}.{SHEET}.parquet") as told:
        told.write(_heading_labels(len(lines), row_of))
        told.write(label_table(answers | {"row": pa.array(row_of)}, len(row_of)))
    return path


def _communes(rng: Rng, places: Communes, plan: planted.Plan, rows: int) -> Ints:
    home = rng.choice(places.where(districts=frozenset({DISTRICT})), rows)
    divided = rng.choice(places.where(districts=frozenset({DISTRICT}), settled=False), rows)
    able = planted.able_communes(places, DISTRICT)
    home = np.where(plan.rows("unit-split"), divided, home)
    for name, choice in able.items():
        home = np.where(plan.rows(name), rng.choice(choice, rows), home)
    return home


def _frame(rng: Rng, d: truth.Dossiers, places: Communes) -> planted.Frame:
    n = len(d)
    procedure = pa.array(d.procedure)
    year = d.submitted.astype("datetime64[Y]").astype(int) + 1970
    first = np.searchsorted(year, year)
    receipt = joined(_whole(d.index - first + 1), "/", _whole(year))
    fee = np.array([p.fee for p in words.PROCEDURES])[d.procedure]
    choice = rng.integers(0, 60, n)
    status = pa.array([STATUS[s][c % len(STATUS[s])] for s, c in zip(d.status.tolist(), choice.tolist(), strict=True)], pa.string())
    return {
        "STT": _whole(d.index + 1), "Số biên nhận": receipt, "Mã hồ sơ": d.number, "Ngày nhận": _dates(rng, d.received),
        "Họ và tên": d.name, "Số CCCD/CMND": d.id_no, "Điện thoại": d.phone, "Địa chỉ": planted.addresses(rng, d, places),
        "Thủ tục": pa.array([p.name for p in words.PROCEDURES]).take(procedure), "Ngày hẹn trả": _dates(rng, d.due),
        "Ngày trả": _dates(rng, d.returned), "Tình trạng": status, "Lệ phí": choose(fee == 0, pa.scalar(None, pa.string()), _whole(fee)),
        "Ghi chú": pick(rng, ("", "", "", "hẹn lại", "đã gọi điện", "thiếu bản sao"), n),
    }  # fmt: skip


def _whole(values: Ints) -> pa.Array:
    return pc.cast(pa.array(values), pa.string())


def _dates(rng: Rng, times: truth.Times) -> pa.Array:
    """A date as it will stand in the cell: `#` = real date cell, `~` = bare serial number, else text as typed."""
    day = times.astype("datetime64[D]")
    iso = pc.cast(pa.array(day), pa.string())
    serial = _whole(np.where(np.isnat(day), 0, (day - np.datetime64("1899-12-30")).astype(np.int64)))
    dd, mm, yyyy = (pc.utf8_slice_codeunits(iso, a, b) for a, b in ((8, 10), (5, 7), (0, 4)))
    short = joined(pc.utf8_ltrim(dd, "0"), pc.utf8_ltrim(mm, "0"), yyyy, by="/")
    draw = rng.random(len(day))
    cell = choose(
        draw < 0.55, joined("#", iso), choose(draw < 0.62, joined("~", serial), choose(draw < 0.85, joined(dd, mm, yyyy, by="/"), short))
    )
    return pc.if_else(pc.is_null(iso), pa.scalar(None, pa.string()), cell)


def _with_headings(frame: planted.Frame) -> tuple[list[list[Any] | str], Ints]:
    """Sheet rows after the header, with a heading before each year, and the sheet row number of every entry."""
    rows = list(zip(*(frame[name].to_pylist() for name in COLUMNS), strict=True))
    years = [row[COLUMNS.index("Mã hồ sơ")] or "" for row in rows]
    lines: list[list[Any] | str] = [[f"({number})" for number in range(1, len(COLUMNS) + 1)]]
    seen = ""
    at = []
    for row, number in zip(rows, years, strict=True):
        year = number.split("-")[1][:2] if number.count("-") == 2 else seen
        if year > seen:
            lines.append(f"Năm 20{year}")
            seen = year
        lines.append(list(row))
        at.append(HEADER_ROW + len(lines))
    lines.append("Tổng cộng")
    return lines, np.array(at, np.int64)


def _heading_labels(lines: int, row_of: Ints) -> pa.Table:
    numbers = np.setdiff1d(np.arange(HEADER_ROW + 1, HEADER_ROW + 1 + lines), row_of)
    first = np.full(len(numbers), planted.POSITION["heading"])
    told = label_columns(planted.DEFECTS, first, np.zeros(len(numbers), np.int64))
    return label_table(told | {"row": pa.array(numbers)}, len(numbers))


def _write(path: Path, lines: list[list[Any] | str]) -> None:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    book.set_properties({"created": datetime(2025, 6, 30, tzinfo=UTC), "author": "Một cửa"})
    sheet = book.add_worksheet(SHEET)
    title, head = book.add_format({"bold": True, "align": "center"}), book.add_format({"bold": True, "border": 1, "text_wrap": True})
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    last = len(COLUMNS) - 1
    sheet.merge_range(0, 0, 0, 4, "ỦY BAN NHÂN DÂN HUYỆN GIA LÂM", title)
    sheet.merge_range(1, 0, 1, last, "SỔ THEO DÕI TIẾP NHẬN VÀ TRẢ KẾT QUẢ HỒ SƠ", title)
    sheet.merge_range(2, 0, 2, last, "(Bộ phận tiếp nhận và trả kết quả)", title)
    for column, name in enumerate(COLUMNS):
        sheet.write_string(HEADER_ROW - 1, column, name, head)
    for number, line in enumerate(lines, start=HEADER_ROW):
        if isinstance(line, str):
            sheet.write_string(number, 0, line, title)
            continue
        for column, value in enumerate(line):
            _cell(sheet, number, column, value, day)
    book.close()


def _cell(sheet: Any, row: int, column: int, value: str | None, day: Any) -> None:
    if value is None or value == "":
        return
    name = COLUMNS[column]
    if name in DATES and value[0] == "#":
        sheet.write_datetime(row, column, datetime.fromisoformat(value[1:]), day)
    elif name in DATES and value[0] == "~":
        sheet.write_number(row, column, int(value[1:]))
    elif name in ("STT", "Lệ phí") and value.isdigit():
        sheet.write_number(row, column, int(value))
    else:
        sheet.write_string(row, column, value)
