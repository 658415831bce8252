"""The binary workbooks, .xls and .xlsb: what their parser hides is told, and damage is named."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hopnhat.extract.contract import KeyRange
from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import HopNhatError, SourceDriftError

WHOLE = KeyRange(0, None, None)
XLS = gzip.decompress((Path(__file__).parent / "data" / "loi.xls.gz").read_bytes())
ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}


def rows(path: Path, table: str) -> list[list[str | None]]:
    source = open_source("excel", str(path), {"system": "so_tay"})
    names = [column.name for column in source.shape(table).columns]
    found = source.read(table, (), WHOLE, names).to_pylist()
    return [[None if row[name] is None else row[name].decode() for name in names] for row in found]


def record(kind: int, body: bytes) -> bytes:
    """One record of .xlsb: type and length in 7-bit bytes."""
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length = len(body)
    while length >= 0x80:
        head, length = head + bytes([length & 0x7F | 0x80]), length >> 7
    return head + bytes([length]) + body


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb(cells: list[tuple[int, int, int, bytes]], *, first: int = 0) -> bytes:
    """A workbook of one sheet `Sổ`; a cell is row, column, record type and value. Style 1 shows five digits."""
    used = [(row, column + first) for row, column, *_ in cells]
    extent = struct.pack("<IIII", min(used)[0], max(used)[0], min(c for _, c in used), max(c for _, c in used))
    sheet, current = record(129, b"") + record(148, extent) + record(145, b""), -1
    for row, column, kind, value in sorted(cells):
        if row != current:
            sheet, current = sheet + record(0, struct.pack("<I", row) + b"\0" * 13), row
        style = 1 if kind in (2, 5, 9) else 0
        sheet += record(kind, struct.pack("<II", column + first, style) + value)
    sheet += record(146, b"") + record(130, b"")
    styles = record(278, b"") + record(615, struct.pack("<I", 1)) + record(44, struct.pack("<H", 164) + wide("00000")) + record(616, b"")
    styles += record(617, struct.pack("<I", 2)) + b"".join(record(47, struct.pack("<HH", 0, used) + b"\0" * 12) for used in (0, 164))
    styles += record(618, b"") + record(279, b"")
    book = (
        record(131, b"")
        + record(143, b"")
        + record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("Sổ"))
        + record(144, b"")
        + record(132, b"")
    )
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = "".join(
        f'<Relationship Id="rId{at}" Type="{kind}/{name}" Target="{target}"/>'
        for at, (name, target) in enumerate([("worksheet", "worksheets/sheet1.bin"), ("styles", "styles.bin")], start=1)
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("xl/workbook.bin", book)
        package.writestr(
            "xl/_rels/workbook.bin.rels",
            f'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relations}</Relationships>',
        )
        package.writestr("xl/worksheets/sheet1.bin", sheet)
        package.writestr("xl/styles.bin", styles)
    return out.getvalue()


def header(*names: str) -> list[tuple[int, int, int, bytes]]:
    return [(0, at, 6, wide(name)) for at, name in enumerate(names)]


def test_every_error_of_an_xls_keeps_its_text_and_zeros_of_a_format_are_shown(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(XLS)
    assert rows(tmp_path / "a.xls", "Sổ") == [
        ["00123", "#DIV/0!", "2024-02-29", "1"],
        ["00007", "#N/A", "30/02/2024", "0"],
        ["26740", "38001000123", "#REF!", "#VALUE!"],
        ["1.5", "#VALUE!", "#NAME?", "0"],
    ]
    assert rows(tmp_path / "a.xls", "Phụ") == [["#DIV/0!"]]


def test_every_error_of_an_xlsb_keeps_its_text_and_zeros_of_a_format_are_shown(tmp_path: Path) -> None:
    cells = header("ma", "so")
    for at, code in enumerate(ERRORS, start=1):
        formula = bytes([code]) + struct.pack("<HI", 0, 0) + struct.pack("<I", 0)
        cells += [(at, 0, 5, struct.pack("<d", 100.0 + at)), (at, 1, 3 if at % 2 else 11, bytes([code]) if at % 2 else formula)]
    (tmp_path / "a.xlsb").write_bytes(xlsb(cells))
    assert rows(tmp_path / "a.xlsb", "Sổ") == [[f"0010{at}", text] for at, text in enumerate(ERRORS.values(), start=1)]


@pytest.mark.parametrize("first", [0, 3])
def test_an_error_lands_in_its_own_column_wherever_the_sheet_begins(tmp_path: Path, first: int) -> None:
    import xlsxwriter

    (tmp_path / "a.xlsb").write_bytes(
        xlsb([*header("ma", "so"), (1, 0, 6, wide("x")), (1, 1, 3, b"\x17"), (2, 0, 3, b"\x2a"), (2, 1, 6, wide("y"))], first=first)
    )
    book = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    sheet = book.add_worksheet("Sổ")
    sheet.write_row(0, first, ["ma", "so"])
    sheet.write_row(1, first, ["x", "", ""])
    sheet.write_formula(1, first + 1, "=x!y", None, "#REF!")
    sheet.write_formula(2, first, "=NA()", None, "#N/A")
    sheet.write_row(2, first + 1, ["y"])
    book.close()
    for name in ("a.xlsb", "a.xlsx"):
        assert rows(tmp_path / name, "Sổ") == [["x", "#REF!"], ["#N/A", "y"]], name


def test_an_open_xml_workbook_under_the_old_ending_is_read(tmp_path: Path) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    book.add_worksheet("Sổ").write_column(0, 0, ["a", "x"])
    book.close()
    (tmp_path / "a.xlsx").rename(tmp_path / "a.xls")
    assert rows(tmp_path / "a.xls", "Sổ") == [["x"]]


def test_a_stray_cell_at_the_far_end_of_an_xlsb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xlsb").write_bytes(xlsb([*header("ma"), (1_048_575, 16_383, 6, wide("x"))]))
    with pytest.raises(SourceDriftError, match=r"a\.xlsb: a sheet spans 1048576 rows × 16384 columns"):
        rows(tmp_path / "a.xlsb", "Sổ")


@pytest.mark.parametrize("keep", [600, 2000, 4000, 6000])
def test_a_truncated_xls_is_told(tmp_path: Path, keep: int) -> None:
    (tmp_path / "a.xls").write_bytes(XLS[:keep])
    with pytest.raises(SourceDriftError, match=r"a\.xls"):
        rows(tmp_path / "a.xls", "Sổ")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_binary_workbook_gives_a_clear_error_or_its_rows(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["x.xls", "x.xlsb"]))
    if name == "x.xls":
        raw = _altered(XLS, data)
    else:
        good = xlsb([*header("ma", "so"), (1, 0, 5, struct.pack("<d", 1.0)), (1, 1, 3, b"\x17"), (2, 1, 6, wide("y"))])
        victim = data.draw(st.sampled_from(["xl/workbook.bin", "xl/worksheets/sheet1.bin", "xl/styles.bin"]))
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(good)) as package, zipfile.ZipFile(out, "w") as made:
            for part in package.namelist():
                made.writestr(part, _altered(package.read(part), data) if part == victim else package.read(part))
        raw = out.getvalue()
    (tmp_path / name).write_bytes(raw)
    said = name
    try:
        source = open_source("excel", str(tmp_path / name), {"system": "so_tay"})
        for table in source.tables():
            names = [column.name for column in source.shape(table).columns]
            assert source.read(table, (), WHOLE, names).num_rows == source.count(table)
    except HopNhatError as error:
        said = str(error)
    assert name in said


def _altered(raw: bytes, data: st.DataObject) -> bytes:
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    return bytes(changed[: data.draw(st.integers(0, len(changed)))]) if data.draw(st.booleans()) else bytes(changed)
