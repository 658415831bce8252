"""One logical fixture through every technology: identical canonical rows, identical fingerprints, the same manners.

Every case runs on the real component (server, file, mdbtools, HTTP service); the canonical form is computed here, apart
from the product: decode as UTF-8, take off declared padding, numbers without trailing zeros, dates as ISO days, and
empty text as absent, because Oracle, Access, dBase and spreadsheets cannot tell the two apart.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pyarrow as pa
import pytest

from hopnhat.extract.contract import ROW, KeyRange, Source
from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import SourceAccessError, SourceDriftError, SourceUnavailableError
from transforms.fingerprints import fingerprint

COLUMNS = ("so_hs", "ma_xa", "ho_ten", "so_tien", "ngay", "ghi_chu", "so_dd")
Row = tuple[str | None, ...]
ROWS: list[Row] = [
    ("HS-001", "00123", "Nguyễn Thị Ánh", "12.50", "2020-02-29", 'nhà "cũ", tổ 3\nkhu B', "038001000123"),
    ("HS-002", "26740", "Trần Đình Lượng", "0.10", "1999-12-31", None, "001099012345"),
    ("HS-003", "00007", "Lê Văn Ổn", "1000000000.00", None, "a;b\tc", None),
    ("HS-004", "01000", "Phạm  Hai Cách", "-5.00", "2024-01-01", "'nháy đơn' \\ xiên", "079123456789"),
    ("HS-005", "99999", "Đỗ Ý", None, "1900-03-01", "x" * 200, "000000000001"),
    ("HS-010", "00000", "Vũ Ước", "0.00", "2025-07-01", "#không phải công thức", "036000000010"),
    ("hs-011", "10101", "Hoàng Ê", "3.00", "2025-06-30", "=1+1", "036000000011"),
]
WHOLE = KeyRange(0, None, None)
DATA = Path(__file__).parent.parent / "unit" / "extract" / "data"


@dataclass(frozen=True)
class Place:
    """A legacy system that holds the fixture, and ways to reach it wrongly."""

    technology: str
    url: str
    nowhere: str
    options: dict[str, object] = field(default_factory=dict)
    key: tuple[str, ...] = (ROW,)
    wrong_password: str = ""
    secret: str = ""

    def open(self, url: str = "") -> Source:
        return open_source(self.technology, url or self.url, {**self.options, "system": "hn_motcua"})


def canonical(table: pa.Table) -> list[Row]:
    return [tuple(_cell(name, row[name]) for name in COLUMNS) for row in table.to_pylist()]


def _cell(name: str, raw: bytes | None) -> str | None:
    text = None if raw is None else raw.decode("utf-8").rstrip(" ")
    if not text:
        return None
    if name == "so_tien":
        with contextlib.suppress(InvalidOperation):
            text = format(Decimal(text.strip()).normalize() + 0, "f")
    if name == "ngay":
        text = text[:10] if "-" in text else f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    return text


EXPECTED = sorted(
    (tuple(_cell(name, None if value is None else value.encode()) for name, value in zip(COLUMNS, row, strict=True)) for row in ROWS),
    key=str,
)


@contextlib.contextmanager
def mysql(home: Path) -> Iterator[Place]:
    import pymysql

    from hopnhat.sample.servers import mariadb_available, remove_mariadb, start_mariadb

    if not mariadb_available():
        pytest.skip("MariaDB is not installed (make services)")
    url = start_mariadb(home)
    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, database="legacy", autocommit=True
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE ho_so (so_hs varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, ma_xa char(5),"
            " ho_ten varchar(60), so_tien decimal(18,2), ngay date, ghi_chu text, so_dd varchar(12))"
        )
        cursor.execute("CREATE TABLE rong (so_hs varchar(20))")
        cursor.executemany("INSERT INTO ho_so VALUES (%s, %s, %s, %s, %s, %s, %s)", ROWS)
    connection.close()
    nowhere = url.replace(f":{parts.port}/", ":1/")
    wrong = url.replace(str(parts.password), "sai-mat-khau")
    yield Place("mysql", url, nowhere, key=("so_hs",), wrong_password=wrong, secret="sai-mat-khau")
    remove_mariadb(home)


@contextlib.contextmanager
def postgres(home: Path) -> Iterator[Place]:
    import psycopg2

    from hopnhat.server import dsn, ensure_server, remove_server

    url = ensure_server(home)
    connection = psycopg2.connect(dsn(url))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE ho_so (so_hs varchar(20) PRIMARY KEY, ma_xa char(5), ho_ten text, so_tien numeric(18,2), ngay date,"
            " ghi_chu text, so_dd varchar(12)); CREATE TABLE rong (so_hs text)"
        )
        cursor.executemany("INSERT INTO ho_so VALUES (%s, %s, %s, %s, %s, %s, %s)", ROWS)
        cursor.execute("CREATE USER nguoi_doc PASSWORD 'dung'")
        cursor.execute("SHOW hba_file")
    connection.close()
    yield Place("postgres", url, "postgresql://u:p@127.0.0.1:1/x", key=("so_hs",))
    remove_server(home)


@contextlib.contextmanager
def sqlite(home: Path) -> Iterator[Place]:
    path = home / "cu.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE ho_so (so_hs text PRIMARY KEY, ma_xa text, ho_ten text, so_tien numeric, ngay text, ghi_chu text, so_dd text)"
        )
        connection.execute("CREATE TABLE rong (so_hs text)")
        connection.executemany("INSERT INTO ho_so VALUES (?, ?, ?, ?, ?, ?, ?)", ROWS)
        connection.commit()
    yield Place("sqlite", f"sqlite:///{path}", str(home / "khong-co.db"), key=("so_hs",))


def dbf_bytes(fields: list[tuple[str, str, int]], rows: list[list[bytes]], flags: bytes | None = None) -> bytes:
    """A dBase III table. Values must fit their fields."""
    body = b"".join(
        (flags[at : at + 1] if flags else b" ")
        + b"".join(value.rjust(width) if kind == "N" else value.ljust(width) for value, (_, kind, width) in zip(row, fields, strict=True))
        for at, row in enumerate(rows)
    )
    head = struct.pack("<B3BIHH20x", 0x83, 125, 7, 1, len(rows), 33 + 32 * len(fields), 1 + sum(width for _, _, width in fields))
    described = b"".join(struct.pack("<11sc4xBB14x", name.encode(), kind.encode(), width, 0) for name, kind, width in fields)
    return head + described + b"\r" + body + b"\x1a"


@contextlib.contextmanager
def dbf(home: Path) -> Iterator[Place]:
    fields = [
        ("so_hs", "C", 20),
        ("ma_xa", "C", 5),
        ("ho_ten", "C", 60),
        ("so_tien", "N", 18),
        ("ngay", "D", 8),
        ("ghi_chu", "M", 10),
        ("so_dd", "C", 12),
    ]
    memo, rows = bytearray(b"\0" * 512), []
    for row in ROWS:
        cells = ["" if value is None else value for value in row]
        cells[4] = cells[4].replace("-", "")
        if row[5] is not None:
            cells[5] = f"{len(memo) // 512:>10}"
            text = row[5].encode() + b"\x1a\x1a"
            memo += text.ljust(-(-len(text) // 512) * 512, b"\0")
        rows.append([cell.encode() for cell in cells])
    (home / "HO_SO.DBF").write_bytes(dbf_bytes(fields, rows))
    (home / "HO_SO.DBT").write_bytes(bytes(memo))
    (home / "RONG.DBF").write_bytes(dbf_bytes([("so_hs", "C", 20)], []))
    yield Place("dbf", str(home), str(home / "khong-co"))


@contextlib.contextmanager
def excel(home: Path) -> Iterator[Place]:
    import datetime

    import xlsxwriter

    path = home / "so.xlsx"
    book = xlsxwriter.Workbook(str(path))
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    sheet = book.add_worksheet("ho_so")
    for at, name in enumerate(COLUMNS):
        sheet.write_string(0, at, name)
    for number, row in enumerate(ROWS, start=1):
        for at, value in enumerate(row):
            if value is None:
                continue
            if at == 3:
                sheet.write_number(number, at, float(value))
            elif at == 4:
                sheet.write_datetime(number, at, datetime.datetime.fromisoformat(value), day)
            elif at == 6:
                sheet.write_number(number, at, int(value), book.add_format({"num_format": "0" * 12}))
            else:
                sheet.write_string(number, at, value)
    book.add_worksheet("rong").write_string(0, 0, "so_hs")
    book.close()
    yield Place("excel", str(path), str(home / "khong-co.xlsx"))


def _csv_cell(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


@contextlib.contextmanager
def csv(home: Path) -> Iterator[Place]:
    lines = [",".join(COLUMNS), *(",".join(_csv_cell(value) for value in row) for row in ROWS)]
    (home / "ho_so.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    (home / "rong.csv").write_bytes(b"so_hs\r\n")
    yield Place("csv", str(home), str(home / "khong-co"))


@contextlib.contextmanager
def jsonl(home: Path) -> Iterator[Place]:
    lines = [json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) for row in ROWS]
    (home / "ho_so.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (home / "rong.jsonl").write_text("", encoding="utf-8")
    yield Place("jsonl", str(home), str(home / "khong-co"))


@contextlib.contextmanager
def fixed(home: Path) -> Iterator[Place]:
    widths = (20, 5, 60, 18, 10, 260, 12)
    text = b""
    for row in ROWS:
        cells = [("" if value is None else value.replace("\n", "\v")).encode() for value in row]
        text += b"".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + b"\r\n"
    (home / "ho_so.txt").write_bytes(text)
    (home / "rong.txt").write_bytes(b"")
    fields = [{"name": name, "width": width} for name, width in zip(COLUMNS, widths, strict=True)]
    yield Place("fixed", str(home), str(home / "khong-co"), {"fields": fields})


@contextlib.contextmanager
def xml(home: Path) -> Iterator[Place]:
    items = "".join(
        "<hs>"
        + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in zip(COLUMNS, row, strict=True) if value is not None)
        + "</hs>"
        for row in ROWS
    )
    (home / "ho_so.xml").write_text(f'<?xml version="1.0" encoding="UTF-8"?><ds xmlns="urn:vn:hs">{items}</ds>', encoding="utf-8")
    (home / "rong.xml").write_text("<ds/>", encoding="utf-8")
    yield Place("xml", str(home), str(home / "khong-co"), {"record": "hs"})


@contextlib.contextmanager
def access(home: Path) -> Iterator[Place]:
    import shutil

    if shutil.which("mdb-export") is None:
        pytest.skip("mdbtools is not installed (make services)")
    path = home / "ho_so.mdb"
    path.write_bytes(gzip.decompress((DATA / "ho_so.mdb.gz").read_bytes()))
    yield Place("access", str(path), str(home / "khong-co.mdb"))


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self.headers.get("Authorization") != "Bearer dung":
            self.send_error(401)
        elif parts.path == "/api/ho_so":
            start = 3 * (int(asked["page"]) - 1)
            self._answer({"data": {"items": [dict(zip(COLUMNS, row, strict=True)) for row in ROWS[start : start + 3]]}})
        elif parts.path == "/api/rong":
            self._answer({"data": {"items": []}})
        else:
            self.send_error(404)

    def _answer(self, body: object) -> None:
        raw = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: the tests assert, they do not read a log."""


@contextlib.contextmanager
def rest(home: Path) -> Iterator[Place]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}/api"
    options: dict[str, object] = {
        "tables": {"ho_so": "ho_so", "rong": "rong", "bo_di": "bo_di"}, "records": "data.items", "page_param": "page", "attempts": 1,
    }  # fmt: skip
    yield Place(
        "rest",
        f"http://:dung@{host}",
        "http://:dung@127.0.0.1:1/api",
        options,
        wrong_password=f"http://:sai-mat-khau@{host}",
        secret="sai-mat-khau",
    )
    server.shutdown()
    server.server_close()


PLACES: dict[str, Callable[[Path], contextlib.AbstractContextManager[Place]]] = {
    "mysql": mysql, "postgres": postgres, "sqlite": sqlite, "dbf": dbf, "excel": excel, "csv": csv, "jsonl": jsonl, "fixed": fixed,
    "xml": xml, "access": access, "rest": rest,
}  # fmt: skip


@pytest.fixture(scope="module", params=list(PLACES))
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with PLACES[request.param](tmp_path_factory.mktemp(request.param)) as found:
        yield found


def table_name(place: Place, name: str) -> str:
    return name.upper() if place.technology == "dbf" else name


def read_all(place: Place, rows: int) -> pa.Table:
    source = place.open()
    name = table_name(place, "ho_so")
    ranges = source.ranges(name, place.key, rows)
    return pa.concat_tables([source.read(name, place.key, part, COLUMNS) for part in ranges])


def test_every_technology_gives_the_same_rows_and_fingerprints(place: Place) -> None:
    rows = canonical(read_all(place, 3))
    if place.technology == "fixed":  # a line cannot hold a newline; the writer used a vertical tab
        rows = [tuple(cell.replace("\v", "\n") if cell else cell for cell in row) for row in rows]
    assert sorted(rows, key=str) == EXPECTED
    frames = [
        pa.table(
            {
                n: pa.array([None if c is None else c.encode() for c in column], pa.binary())
                for n, column in zip(COLUMNS, zip(*r, strict=True), strict=True)
            }
        )
        for r in (sorted(rows, key=str), EXPECTED)
    ]
    assert fingerprint(frames[0], COLUMNS).equals(fingerprint(frames[1], COLUMNS))


def test_landing_frame_has_binary_columns_and_says_its_transport(place: Place) -> None:
    source = place.open()
    name = table_name(place, "ho_so")
    frame = source.read(name, place.key, WHOLE, COLUMNS)
    declared = {column.name: column.transport for column in source.shape(name).columns}
    expected = ([ROW] if place.key == (ROW,) else []) + list(COLUMNS)
    assert frame.column_names == expected
    for column in COLUMNS:
        assert frame.schema.field(column).type == pa.binary()
        assert frame.schema.field(column).metadata == {b"transport": declared[column].encode()}
        assert declared[column] in ("bytes", "text")
    if expected[0] == ROW:
        assert frame.schema.field(ROW).type == pa.int64()
        assert frame.column(ROW).to_pylist() == sorted(set(frame.column(ROW).to_pylist()))
    assert all(column.num_chunks <= 1 for column in frame.columns)


def test_only_the_asked_columns_come_in_the_asked_order(place: Place) -> None:
    frame = place.open().read(table_name(place, "ho_so"), place.key, WHOLE, ["so_dd", "so_hs"])
    assert [name for name in frame.column_names if name != ROW] == ["so_dd", "so_hs"]
    assert frame.num_rows == len(ROWS)


def test_count_and_tables(place: Place) -> None:
    source = place.open()
    assert source.count(table_name(place, "ho_so")) == len(ROWS)
    assert {table_name(place, "ho_so"), table_name(place, "rong")} <= set(source.tables())


def test_ranges_are_deterministic_and_stable_with_known(place: Place) -> None:
    name = table_name(place, "ho_so")
    source = place.open()
    first = source.ranges(name, place.key, 3)
    assert first == place.open().ranges(name, place.key, 3)
    assert [part.number for part in first] == list(range(len(first)))
    assert first[0].low is None
    assert first[-1].high is None
    assert all(left.high == right.low for left, right in itertools.pairwise(first))
    assert len(first) >= 2
    assert source.ranges(name, place.key, 3, first) == first
    assert source.ranges(name, place.key, 1, first)[: len(first) - 1] == first[:-1]
    assert [KeyRange.from_json(json.loads(json.dumps(part.to_json()))) for part in first] == first


def test_ranges_split_the_rows_without_loss_or_repeat(place: Place) -> None:
    for rows in (1, 2, 5, 100):
        assert read_all(place, rows).num_rows == len(ROWS)


def test_empty_table_gives_no_rows(place: Place) -> None:
    source = place.open()
    name = table_name(place, "rong")
    ranges = source.ranges(name, (), 10)
    assert [part.low for part in ranges] == [None]
    assert source.count(name) == 0
    frame = source.read(name, place.key if place.key == (ROW,) else ("so_hs",), WHOLE, ["so_hs"])
    assert frame.num_rows == 0
    assert frame.schema.field("so_hs").type == pa.binary()


def test_missing_table_names_the_tables_that_exist(place: Place) -> None:
    with pytest.raises(SourceDriftError) as caught:
        place.open().read("bo_di", place.key, WHOLE, COLUMNS)
    if place.technology != "rest":  # a service does not list what it has; the declared tables are named by the mapping
        assert table_name(place, "ho_so") in str(caught.value)
    assert caught.value.table == "bo_di"


def test_missing_column_names_the_nearest(place: Place) -> None:
    with pytest.raises(SourceDriftError) as caught:
        place.open().read(table_name(place, "ho_so"), place.key, WHOLE, ["so_hs", "ho_tem"])
    assert "`ho_tem`" in str(caught.value)
    assert "ho_ten" in str(caught.value)


def test_unreachable_source_is_worth_a_retry(place: Place) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        place.open(place.nowhere).shape(table_name(place, "ho_so"))
    assert caught.value.retry
    assert "hn_motcua" in str(caught.value)


@pytest.mark.parametrize("place", ["mysql", "rest"], indirect=True)
def test_wrong_credentials_are_told_without_the_password(place: Place) -> None:
    """Files and the embedded server have no login; a PostgreSQL login is tested with its own reader."""
    with pytest.raises(SourceAccessError) as caught:
        place.open(place.wrong_password).shape("ho_so")
    assert place.secret not in str(caught.value)
    assert place.secret not in repr(caught.value)
    assert not caught.value.retry


def test_snapshot_is_said_and_files_are_told_by_their_hash(place: Place) -> None:
    source = place.open()
    source.count(table_name(place, "ho_so"))
    said = source.snapshot()
    assert said
    if place.technology not in ("mysql", "postgres"):
        assert "sha256:" in said
        if place.technology != "rest":
            assert place.open().snapshot() == said
    source.close()
