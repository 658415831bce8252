"""No file is read in part and taken for the whole: each format, cut off at many places, gives every row or an error."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import xlsxwriter

from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import HopNhatError

ROWS = 60
DATA = Path(__file__).parent / "data"
Made = tuple[str, dict[str, object]]
"""File name and options; the file's table has ROWS rows and a last column that every row fills."""


def csv(folder: Path) -> Made:
    (folder / "hs.csv").write_text("ma,ten\n" + "".join(f'{n:05d},"Đặng {n}\ndòng hai"\n' for n in range(ROWS)), encoding="utf-8")
    return "hs.csv", {}


def wide_tsv(folder: Path) -> Made:
    (folder / "hs.tsv").write_bytes(("ma\tten\n" + "".join(f'{n:05d}\t"Đặng {n}"\n' for n in range(ROWS))).encode("utf-16"))
    return "hs.tsv", {}


def jsonl(folder: Path) -> Made:
    (folder / "hs.jsonl").write_text("".join(json.dumps({"ma": n, "ten": "Đặng"}) + "\n" for n in range(ROWS)), encoding="utf-8")
    return "hs.jsonl", {}


def xml(folder: Path) -> Made:
    (folder / "hs.xml").write_text("<ds>" + "".join(f"<h><ma>{n}</ma><ten>Đặng</ten></h>" for n in range(ROWS)) + "</ds>", encoding="utf-8")
    return "hs.xml", {"record": "h"}


def wide_xml(folder: Path) -> Made:
    text = '<?xml version="1.0" encoding="utf-16"?><ds>' + "".join(f"<h><ma>{n}</ma><ten>Đặng</ten></h>" for n in range(ROWS)) + "</ds>"
    (folder / "hs.xml").write_bytes(text.encode("utf-16"))
    return "hs.xml", {"record": "h"}


def fixed(folder: Path) -> Made:
    (folder / "hs.txt").write_bytes(b"".join(b"%05dabc\r\n" % n for n in range(ROWS)))
    return "hs.txt", {"fields": [{"name": "ma", "width": 5}, {"name": "ten", "width": 3}]}


def dbf(folder: Path) -> Made:
    head = struct.pack("<B3BIHH20x", 3, 125, 7, 1, ROWS, 97, 9) + b"".join(
        struct.pack("<11sc4xBB14x", n, b"C", w, 0) for n, w in ((b"MA", 5), (b"TEN", 3))
    )
    (folder / "hs.dbf").write_bytes(head + b"\r" + b"".join(b" %05dabc" % n for n in range(ROWS)) + b"\x1a")
    return "hs.dbf", {}


def xlsx(folder: Path) -> Made:
    book = xlsxwriter.Workbook(str(folder / "hs.xlsx"))
    sheet = book.add_worksheet("hs")
    for n in range(ROWS + 1):
        sheet.write_row(n, 0, [f"{n:05d}", "Đặng"])
    book.close()
    return "hs.xlsx", {}


def xls(folder: Path) -> Made:
    (folder / "hs.xls").write_bytes(gzip.decompress((DATA / "loi.xls.gz").read_bytes()))
    return "hs.xls", {}


def sqlite(folder: Path) -> Made:
    with closing(sqlite3.connect(folder / "hs.db")) as connection:
        connection.execute("PRAGMA page_size = 512")
        connection.execute("CREATE TABLE hs (ma text, ten text)")
        connection.executemany("INSERT INTO hs VALUES (?, ?)", [(f"{n:05d}", "Đặng " * 20) for n in range(ROWS)])
        connection.commit()
    return "hs.db", {}


TECHNOLOGY = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".xml": "xml",
    ".txt": "fixed",
    ".dbf": "dbf",
    ".xlsx": "excel",
    ".xls": "excel",
    ".db": "sqlite",
}


def rows(path: Path, options: dict[str, object]) -> int:
    technology = TECHNOLOGY[path.suffix]
    source = open_source(technology, str(path), {"system": "xa", **options})
    try:
        table = next(iter(source.tables()), "hs")
        key = ["ma"] if technology == "sqlite" else ["_row"]
        names = [column.name for column in source.shape(table).columns]
        parts = [source.read(table, key, part, names) for part in source.ranges(table, key, 17)]
        assert len(names) > 1 or not any(part.num_rows for part in parts)
        return sum(part.num_rows for part in parts)
    finally:
        source.close()


@pytest.mark.parametrize("make", [csv, wide_tsv, jsonl, xml, wide_xml, fixed, dbf, xlsx, xls, sqlite])
def test_a_file_cut_off_anywhere_is_whole_or_refused(tmp_path: Path, make: Callable[[Path], Made]) -> None:
    """Where the format itself cannot tell (a text file that ends with a whole line), the rows before the cut are all there."""
    name, options = make(tmp_path)
    raw = (tmp_path / name).read_bytes()
    everything = rows(tmp_path / name, options)
    assert everything == (4 if make is xls else ROWS)
    ends = b"\n\0" if make is wide_tsv else b"\n"
    refused = 0
    for cut in range(0, len(raw), max(1, len(raw) // 97)):
        (tmp_path / name).write_bytes(raw[:cut])
        try:
            found = rows(tmp_path / name, options)
        except HopNhatError as error:
            refused += 1
            assert name in str(error) or "table gone" in str(error), str(error)  # noqa: PT017 - either outcome is right, silence is not
        else:
            lines = raw[:cut].count(ends)
            assert found == everything or (make in (csv, wide_tsv, jsonl, fixed) and found in _whole_lines(make, lines)), (
                cut,
                found,
                lines,
            )
    assert refused > 40


def _whole_lines(make: Callable[[Path], Made], lines: int) -> tuple[int, ...]:
    """Rows that a text file with so many newlines may have; one more when the last line is whole but for its newline."""
    records = lines // 2 if make is csv else lines - 1 if make is wide_tsv else lines
    return records, records + 1


def test_a_sheet_cut_off_inside_a_sound_package_is_refused(tmp_path: Path) -> None:
    """Checksums and directory are right, the XML ends in the middle: as a program leaves it that crashed while writing."""
    name, _ = xlsx(tmp_path)
    for share in (3, 5, 8):
        out = io.BytesIO()
        with zipfile.ZipFile(tmp_path / name) as package, zipfile.ZipFile(out, "w") as made:
            for part in package.namelist():
                raw = package.read(part)
                made.writestr(part, raw[: len(raw) * share // 10] if part.endswith("sheet1.xml") else raw)
        (tmp_path / "cut.xlsx").write_bytes(out.getvalue())
        with pytest.raises(HopNhatError, match=r"cut\.xlsx"):
            rows(tmp_path / "cut.xlsx", {})
