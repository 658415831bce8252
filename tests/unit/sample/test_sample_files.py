"""The file systems are what their vendors would have left: read back by the project's own readers."""

from __future__ import annotations

from typing import Any

import openpyxl
import pyarrow as pa

from hopnhat.extract.contract import KeyRange
from hopnhat.extract.technologies import open_source
from hopnhat.sample import spoil, tcvn3
from hopnhat.sample.build import SampleSystems
from hopnhat.sample.register import COLUMNS, HEADER_ROW, SHEET
from transforms.text import decode

Labels = dict[str, list[dict[str, Any]]]
WHOLE = KeyRange(0, None, None)


def test_dbf_records_carry_their_labels(sample: SampleSystems, labels: Labels) -> None:
    source = open_source("dbf", sample.connections["thanhtri_motcua"])
    frame = source.read("HOSO", ["MAHS"], WHOLE, ["MAHS", "TENCHU", "NGAYNHAN"])
    told = {label["row"]: label for label in labels["thanhtri_motcua.HOSO"]}
    rows = frame["_row"].to_pylist()
    assert rows == sorted(told)
    keys = [key.decode().strip() for key in frame["MAHS"].to_pylist()]
    assert keys == [told[row]["source_key"] for row in rows]
    names = decode(frame["TENCHU"].combine_chunks(), transport="bytes", encoding="tcvn3").values.to_pylist()
    for row, name in zip(rows, names, strict=True):
        if told[row]["outcome"] == "published":
            assert name.strip().casefold() == told[row]["applicant_name"].casefold()


def test_dbf_holds_deleted_records_that_no_label_counts(sample: SampleSystems) -> None:
    source = open_source("dbf", sample.connections["thanhtri_motcua"])
    assert source.count("HOSO") == sample.rows["thanhtri_motcua.HOSO"]
    assert (source.shape("HOSO").row_estimate or 0) > source.count("HOSO")


def test_copies_are_exact_and_clashes_are_not(sample: SampleSystems, labels: Labels) -> None:
    frame = open_source("dbf", sample.connections["thanhtri_motcua"]).read("HOSO", ["MAHS"], WHOLE, ["MAHS", "TENCHU", "TRANGTHAI"])
    rows = {row["_row"]: (row["MAHS"].strip(), row["TENCHU"], row["TRANGTHAI"]) for row in frame.to_pylist()}
    for kind, alike in (("exact-copy", True), ("key-clash", False)):
        for label in labels["thanhtri_motcua.HOSO"]:
            if kind in label["defects"]:
                same_key = [row for row in rows.values() if row[0].decode() == label["source_key"]]
                assert len(same_key) == 2
                assert (same_key[0] == same_key[1]) == alike


def test_register_has_its_header_in_the_fifth_row(sample: SampleSystems, labels: Labels) -> None:
    path = sample.connections["so_tay_xa"].removeprefix("file://")
    sheet = openpyxl.load_workbook(path)[SHEET]
    assert tuple(cell.value for cell in sheet[HEADER_ROW]) == COLUMNS
    assert sheet.merged_cells.ranges
    key = COLUMNS.index("Số biên nhận")
    told = {label["row"]: label for label in labels["so_tay_xa.SoTiepNhan"]}
    assert sorted(told) == list(range(HEADER_ROW + 1, sheet.max_row + 1))
    for row, label in told.items():
        if label["outcome"] == "filtered":
            assert str(sheet.cell(row, 1).value).startswith(("(1)", "Năm ", "Tổng"))
        else:
            assert sheet.cell(row, key + 1).value == label["source_key"]
    kinds = {type(sheet.cell(row, COLUMNS.index("Ngày nhận") + 1).value).__name__ for row in told}
    assert {"datetime", "int", "str"} <= kinds


def test_tcvn3_writes_what_the_standard_says() -> None:
    assert tcvn3.encode(pa.array(["Nguyễn Văn Đường", None, "Ánh"])) == [
        "NguyÔn V¨n §\u00adêng".encode("latin-1"),
        b"",
        "¸nh".encode("latin-1"),
    ]
    assert tcvn3.readable(pa.array(["Trần Ánh", "TRẦN ÁNH"])).to_pylist() == ["Trần ánh", "TRẦN ÁNH"]


def test_spoilers() -> None:
    assert spoil.other_tone_place("Xã Hòa Bình") == "Xã Hoà Bình"
    assert spoil.other_tone_place("Xã Hoàn Long") == "Xã Hoàn Long"
    assert spoil.i_for_y("Xã Yên Mỹ") == "Xã Yên Mĩ"
    assert spoil.lossy("Nguyễn Văn Hùng") == "Nguy?n V?n Hùng"
    assert spoil.lossy("Lê Minh") == "Lê Minh"
    assert spoil.lost_zero("00673") == "673"
    assert spoil.lost_two_zeros("001085486281") == "1085486281"
    assert spoil.no_type_word("Thị trấn Yên Viên") == "Yên Viên"
    assert spoil.typo("Xã Kiêu Kỵ") == "Xã Kiêu Kỵ"
    assert spoil.typo("Xã Dương") == "Xã Dươgn"
