"""Excel registers: no digit lost, no error hidden, no bomb opened."""

from __future__ import annotations

import datetime
import functools
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hopnhat.extract.contract import KeyRange, Source
from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import HopNhatError, MappingError, SourceDriftError

WHOLE = KeyRange(0, None, None)


def opened(path: Path, **options: object) -> Source:
    return open_source("excel", str(path), {"system": "so_tay", **options})


def book(path: Path, fill: Any, name: str = "Sổ") -> Path:
    made = xlsxwriter.Workbook(str(path))
    fill(made, made.add_worksheet(name))
    made.close()
    return path


def values(path: Path, **options: object) -> list[dict[str, str | None]]:
    source = opened(path, **options)
    names = [column.name for column in source.shape("Sổ").columns]
    rows = source.read("Sổ", (), WHOLE, names).to_pylist()
    return [{name: row[name].decode() if row[name] is not None else None for name in names} for row in rows]


def test_every_kind_of_cell_keeps_its_value(tmp_path: Path) -> None:
    def fill(made: Any, sheet: Any) -> None:
        day, moment = made.add_format({"num_format": "dd/mm/yyyy"}), made.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
        cells: list[Any] = [38001000123.0, "00123", 1.5, True, 1e21, 0.1, -7, 123456789012345.0]
        for at, cell in enumerate([*cells, "3.8E+10", " x "]):
            sheet.write(0, at, f"c{at}")
            sheet.write(1, at, cell) if not isinstance(cell, str) else sheet.write_string(1, at, cell)
        for at, (cell, form) in enumerate([(datetime.datetime(1950, 2, 28), day), (datetime.datetime(2020, 1, 2, 3, 4, 5), moment)], start=10):  # noqa: DTZ001
            sheet.write(0, at, f"c{at}")
            sheet.write_datetime(1, at, cell, form)

    (row,) = values(book(tmp_path / "a.xlsx", fill))
    assert list(row.values()) == [
        "38001000123", "00123", "1.5", "1", "1000000000000000000000", "0.1", "-7", "123456789012345", "3.8E+10", " x ",
        "1950-02-28", "2020-01-02 03:04:05",
    ]  # fmt: skip


def test_error_cells_are_not_silently_empty(tmp_path: Path) -> None:
    def fill(made: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_formula(1, 0, "=1/0", None, "#DIV/0!")
        sheet.write_formula(2, 1, "=VLOOKUP(1,A:A,1)", None, "#N/A")

    assert values(book(tmp_path / "a.xlsx", fill)) == [{"a": "#DIV/0!", "b": None}, {"a": None, "b": "#N/A"}]


def test_leading_zeros_of_a_number_format_are_kept(tmp_path: Path) -> None:
    def fill(made: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["ma", "so"])
        sheet.write_number(1, 0, 123, made.add_format({"num_format": "00000"}))
        sheet.write_number(1, 1, 123, made.add_format({"num_format": "#,##0"}))

    assert values(book(tmp_path / "a.xlsx", fill)) == [{"ma": "00123", "so": "123"}]


def test_merged_cells_as_stored_or_filled(tmp_path: Path) -> None:
    def fill(made: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["xa", "so"])
        sheet.merge_range(1, 0, 3, 0, "Xã A")
        for row in (1, 2, 3, 4):
            sheet.write_number(row, 1, row)

    path = book(tmp_path / "a.xlsx", fill)
    assert [row["xa"] for row in values(path)] == ["Xã A", None, None, None]
    assert [row["xa"] for row in values(path, fill_merged=True)] == ["Xã A", "Xã A", "Xã A", None]


def test_header_row_deeper_down_two_storeys_and_physical_row_numbers(tmp_path: Path) -> None:
    def fill(made: Any, sheet: Any) -> None:
        sheet.write(0, 0, "UBND HUYỆN")
        sheet.write_row(3, 0, ["STT", "Người nộp", "", "Ngày\nnhận"])
        sheet.write_row(4, 0, ["", "Họ tên", "Số CCCD", ""])
        sheet.write_row(5, 0, [1, "A", "001", "x"])
        sheet.write_row(8, 0, [2, "B", "002", "y"])

    source = opened(book(tmp_path / "a.xlsx", fill), header_row=[4, 5])
    names = [column.name for column in source.shape("Sổ").columns]
    assert names == ["STT", "Người nộp / Họ tên", "Người nộp / Số CCCD", "Ngày nhận"]
    frame = source.read("Sổ", (), WHOLE, names[:1])
    assert frame.column("_row").to_pylist() == [6, 9]
    assert source.count("Sổ") == 2
    assert [part.num_rows for part in (source.read("Sổ", (), p, names[:1]) for p in source.ranges("Sổ", (), 8))] == [1, 1]
    with pytest.raises(MappingError):
        opened(tmp_path / "a.xlsx", header_row=0)


def test_several_sheets_are_several_tables(tmp_path: Path) -> None:
    made = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    for name in ("Quý I", "Quý II"):
        made.add_worksheet(name).write_column(0, 0, ["so", name])
    made.close()
    source = opened(tmp_path / "a.xlsx")
    assert source.tables() == ["Quý I", "Quý II"]
    assert source.read("Quý II", (), WHOLE, ["so"]).column("so").to_pylist() == ["Quý II".encode()]


def test_stray_cell_at_the_far_end_is_refused_before_it_takes_the_memory(tmp_path: Path) -> None:
    def fill(made: Any, sheet: Any) -> None:
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "x")

    with pytest.raises(SourceDriftError, match="1048576 rows × 16384 columns"):
        values(book(tmp_path / "a.xlsx", fill))


def test_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bom.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/worksheets/sheet1.xml", b" " * (64 << 20))
    with pytest.raises(SourceDriftError, match=r"bom\.xlsx: would inflate"):
        opened(path).tables()


def test_package_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    """A bomb whose directory says it is small: the declared size is checked against the data."""
    good = book(tmp_path / "a.xlsx", lambda _, sheet: sheet.write_column(0, 0, ["a", *(["x"] * 2000)]))
    raw = bytearray(good.read_bytes())
    with zipfile.ZipFile(good) as package:
        size = package.getinfo("xl/worksheets/sheet1.xml").file_size
    raw = raw.replace(size.to_bytes(4, "little"), (size // 2).to_bytes(4, "little"))
    (tmp_path / "b.xlsx").write_bytes(bytes(raw))
    with pytest.raises(SourceDriftError, match=r"b\.xlsx"):
        values(tmp_path / "b.xlsx")


def test_entity_bomb_in_the_shared_strings_does_no_harm(tmp_path: Path) -> None:
    good = book(tmp_path / "a.xlsx", lambda _, sheet: sheet.write_column(0, 0, ["a", "x"]))
    bomb = b'<!DOCTYPE sst [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">' + b"".join(
        f'<!ENTITY {chr(99 + n)} "{f"&{chr(98 + n)};" * 8}">'.encode() for n in range(12)
    ) + b"]>"  # fmt: skip
    with zipfile.ZipFile(good) as package, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as made:
        for name in package.namelist():
            raw = package.read(name)
            if name == "xl/sharedStrings.xml":
                raw = raw.replace(b"<sst", bomb + b"<sst", 1).replace(b"<t>x</t>", b"<t>&n;</t>")
            made.writestr(name, raw)
    try:
        found = values(tmp_path / "b.xlsx")
    except SourceDriftError as error:
        found = [{"a": str(error)}]
    assert len(str(found)) < 10_000


def test_no_workbook_at_all_and_one_with_a_password(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(b"khong phai excel")
    with pytest.raises(SourceDriftError, match=r"a\.xls"):
        opened(tmp_path / "a.xls").tables()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_workbook_gives_a_clear_error_or_its_rows(tmp_path: Path, data: st.DataObject) -> None:
    """Bytes of the package, or of one XML part inside an intact package, are altered."""
    raw = bytearray(_sound_workbook())
    if data.draw(st.booleans()):
        raw = bytearray(_with_damaged_part(bytes(raw), data))
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "x.xlsx").write_bytes(bytes(raw))
    said = "x.xlsx"
    try:
        source = opened(tmp_path / "x.xlsx")
        for table in source.tables():
            names = [column.name for column in source.shape(table).columns]
            assert source.read(table, (), WHOLE, names).num_rows == source.count(table)
    except HopNhatError as error:
        said = str(error)
    assert "x.xlsx" in said


@functools.cache
def _sound_workbook() -> bytes:
    stream = io.BytesIO()
    made = xlsxwriter.Workbook(stream)
    made.set_properties({"created": datetime.datetime(2025, 7, 1)})  # noqa: DTZ001 - the same bytes at every run
    sheet = made.add_worksheet("Sổ")
    for row in range(4):
        sheet.write_row(row, 0, ["a", "b"] if row == 0 else [f"x{row}", row * 1.5])
    made.close()
    return stream.getvalue()


def _with_damaged_part(raw: bytes, data: st.DataObject) -> bytes:
    out = io.BytesIO()
    victim = data.draw(st.sampled_from(["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"]))
    with zipfile.ZipFile(io.BytesIO(raw)) as package, zipfile.ZipFile(out, "w") as made:
        for name in package.namelist():
            part = bytearray(package.read(name))
            if name == victim:
                at = data.draw(st.integers(0, len(part) - 1))
                part[at : at + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=6))
            made.writestr(name, bytes(part))
    return out.getvalue()
