"""Whatever is thrown at `assess --file`: a verdict or code 3 with a reason, soon, and never an exception."""

from __future__ import annotations

import gzip
import io
import os
import random
import socket
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import xlsxwriter

from hopnhat.assess.command import run_command

CSV = "Mã,Tên,Ngày\r\n1,Nguyễn Văn A,2024-01-01\r\n2,Trần Thị B,2024-01-02\r\n"
XML = "<?xml version='1.0' encoding='UTF-8'?><r><d><ma>1</ma><ten>Nguyễn</ten></d><d><ma>2</ma><ten>Trần</ten></d></r>".encode()
LINES = b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n'
DBF = (
    b"\x03\x7c\x01\x01" + (2).to_bytes(4, "little") + (97).to_bytes(2, "little") + (15).to_bytes(2, "little") + bytes(20)
    + b"MA".ljust(11, b"\0") + b"C" + bytes(4) + b"\x04" + bytes(15) + b"TEN".ljust(11, b"\0") + b"C" + bytes(4) + b"\x0a" + bytes(15)
    + b"\r 0001Nguyen     0002Tran      \x1a"
)  # fmt: skip
KINDS = ("csv", "tsv", "txt", "xlsx", "xls", "xlsb", "mdb", "dbf", "xml", "edxml", "json", "jsonl", "sqlite", "db", "dat", "zip", "")


def workbook() -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        for number, cells in enumerate((("Mã", "Tên"), ("1", "Nguyễn Văn A"), ("2", "Trần Thị B"))):
            book.add_worksheet().write_row(0, 0, cells) if not number else book.worksheets()[0].write_row(number, 0, cells)
    return made.getvalue()


def database(folder: Path) -> bytes:
    path = folder / "made.db"
    with sqlite3.connect(path) as base:
        base.execute("create table ho_so (ma text, ten text)")
        base.executemany("insert into ho_so values (?, 'Nguyễn Thị Thử')", [(str(n),) for n in range(50)])
    base.close()
    data = path.read_bytes()
    path.unlink()
    return data


def packed(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(name, content)
    return made.getvalue()


def damaged(folder: Path, sound: dict[str, bytes]) -> Iterator[Path]:
    """Every sound file cut at eight places and with bytes changed, eight times."""
    chance = random.Random(4)
    for kind, content in sound.items():
        for number in range(8):
            yield written(folder / f"cut{number}.{kind}", content[: len(content) * (number + 1) // 9])
            changed = bytearray(content)
            for _ in range(2 + 2 * number):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            yield written(folder / f"changed{number}.{kind}", bytes(changed))


def strange(folder: Path) -> Iterator[Path]:
    chance = random.Random(5)
    for kind in KINDS:
        yield written(folder / f"empty.{kind}", b"")
        for name, content in (("random", chance.randbytes(4_000)), ("zeros", bytes(2_000)), ("lines", b"\n" * 40), ("ones", b"\xff" * 400)):
            yield written(folder / f"{name}.{kind}", content)
    texts: dict[str, bytes] = {
        "le.csv": b"\xff\xfe" + CSV.encode("utf-16-le"), "be.csv": b"\xfe\xff" + CSV.encode("utf-16-be"), "bare.csv": CSV.encode("utf-16-le"),
        "32.csv": CSV.encode("utf-32"), "nul.csv": CSV.encode().replace(b"A", b"\0A\0"), "head.csv": CSV.encode().replace(b"M", b"\0"),
        "line.csv": b"a,b\n" + b"x" * (6 << 20) + b",1\n", "endless.csv": b"y" * (3 << 20), "wide.csv": b",".join(b"c%d" % n for n in range(20_000)) + b"\n1\n",
        "twice.csv": b"a,a,,\n1,2,3,4\n", "cr.csv": b"a,b\r1,2\r", "long.csv": b"h" * 70_000 + b",b\n1,2\n", "deep.xml": b"<a>" * 20_000, "coded.xml": b'<?xml version="1.0" encoding="x-none"?><r><d/></r>',
        "out.xml": b'<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/hostname">]><l><d><a>&x;</a></d></l>',
        "lol.xml": b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><l><d>&c;</d></l>',
        "deep.jsonl": b"[" * 100_000, "scalar.jsonl": b"1\n2\n", "list.json": b"[1, 2]", "nan.jsonl": b'{"a": NaN}\n{"a": 1e999999}\n', "half.jsonl": b'{"a": "\\ud800"}\n',
        "page.xls": b"<html><table><tr><td>a</td></tr></table></html>", "pdf.pdf": b"%PDF-1.7\n" + chance.randbytes(300), "text.csv.gz": gzip.compress(CSV.encode()),
        "gz.csv": gzip.compress(CSV.encode()), "zip.xlsx": packed("a.csv", CSV.encode()), "bomb.xlsx": packed("xl/worksheets/sheet1.xml", b" " * (48 << 20)),
        "base.db": b"SQLite format 3\0" + bytes(84) + chance.randbytes(900), "tên có dấu & <b>.csv": CSV.encode(), "-dash.csv": CSV.encode(), "two\nlines.csv": CSV.encode(), "UPPER.CSV": CSV.encode(),
    }  # fmt: skip
    for name, content in texts.items():
        yield written(folder / name, content)
    yield written(folder / "bad\udcff.csv", CSV.encode())


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def no_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Things that are no files, with what must be said of them."""
    (folder / "dir.csv").mkdir()
    yield folder / "dir.csv", "thư mục"
    (folder / "loop.csv").symlink_to(folder / "pool.csv")
    (folder / "pool.csv").symlink_to(folder / "loop.csv")
    yield folder / "loop.csv", "không mở được"
    (folder / "gone.csv").symlink_to(folder / "nowhere.csv")
    yield folder / "gone.csv", "không thấy tệp"
    os.mkfifo(folder / "pipe.xlsx")
    yield folder / "pipe.xlsx", "đường ống"
    yield Path("/dev/zero"), "thiết bị"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(folder / "s.csv"))  # the address of a socket is short
    yield folder / "s.csv", "socket"
    yield folder / ("x" * 300 + ".csv"), "tên tệp không dùng được"
    yield Path("a\0b.csv"), "tên tệp không dùng được"


def assessed(path: Path, out: Path) -> tuple[int, str]:
    said: list[str] = []
    started = time.monotonic()
    code = run_command(None, path, out, None, None, None, said.append, lambda _: None)
    assert time.monotonic() - started < 60, path.name
    assert code in (0, 1, 2, 3)
    assert (code == 3) == said[0].startswith("KHÔNG ĐỌC ĐƯỢC"), path.name
    assert (code == 3) != (out / "assessment.html").exists(), path.name
    return code, said[0]


@pytest.mark.parametrize(
    "make",
    [
        strange,
        lambda folder: damaged(
            folder, {"csv": CSV.encode(), "xlsx": workbook(), "xml": XML, "jsonl": LINES, "dbf": DBF, "sqlite": database(folder)}
        ),
    ],
)
def test_an_odd_file_gets_a_verdict_or_a_reason(tmp_path: Path, make: Callable[[Path], Iterator[Path]]) -> None:
    codes = [assessed(path, tmp_path / "out" / str(number))[0] for number, path in enumerate(make(tmp_path))]
    assert len(codes) >= 90
    assert 3 in codes
    assert {0, 1, 2} & set(codes)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    for number, (path, reason) in enumerate(no_files(tmp_path)):
        code, said = assessed(path, tmp_path / "out" / str(number))
        assert (code, reason in said) == (3, True), said


def test_sound_files_of_this_test_are_readable(tmp_path: Path) -> None:
    for name, content in (
        ("a.csv", CSV.encode()),
        ("a.xlsx", workbook()),
        ("a.xml", XML),
        ("a.jsonl", LINES),
        ("a.dbf", DBF),
        ("a.sqlite", database(tmp_path)),
    ):
        assert assessed(written(tmp_path / name, content), tmp_path / "out" / name)[0] < 3, name
