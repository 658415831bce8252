"""The type-fidelity suite: values that migrations lose, from every technology through landing, conform and publication.

A value comes out exactly as it was, or its row waits in quarantine with a reason, or the row carries a warning that says
what was not taken. Nothing becomes NULL in silence. PostgreSQL, MariaDB, SQLite, DBF, Excel, CSV, XML, JSON lines and
REST run on the real thing, Access up to conform; SQL Server and Oracle, which have no server here, on a recorded cursor.
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import json
import re
import shutil
import sqlite3
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import pytest

from hopnhat.extract.contract import KeyRange
from hopnhat.extract.technologies import open_source
from hopnhat.landing.parts import FINGERPRINT, read_part, write_part
from hopnhat.sample.servers import mariadb_available, remove_mariadb, start_mariadb
from hopnhat.server import create_database
from mappings.read import load_domain
from mappings.spec import System, Table
from tests.support.fidelity import FIELDS, KEY, NUMBER, STATUS, UNIT, Fate, Legacy, fates
from transforms.conform import conform
from transforms.fingerprints import fingerprint

COLUMNS = (KEY, NUMBER, STATUS, UNIT, *FIELDS)
ACCESS = Path(__file__).parent.parent / "unit" / "extract" / "data" / "ho_so.mdb.gz"
GUID = "11223344-5566-7788-99aa-bbccddeeff00"
WIDE = "12345678.123456789012345678901234567890"
TINY = "0.000000000000000000000000000001"
LONG = "Đường số 5, tổ 12 – " * 650
DAY, MOMENT = datetime.datetime(2024, 2, 29), datetime.datetime(2024, 2, 29, 13, 45, 10)  # noqa: DTZ001 - Vietnamese wall time has no zone
Values = dict[str, Any]


def row(key: str, **values: Any) -> Values:
    """A row of the fixture; columns not named are absent (NULL)."""
    return {**dict.fromkeys(COLUMNS), KEY: key, NUMBER: f"000.00.10.H26-240229-{key}", STATUS: "x", UNIT: "09661", **values}


SOUND = row(
    "0001", code="00123", exact=WIDE, guid=GUID, truth=True, day="2024-02-29", moment="2024-02-29 13:45:10", money="150000", long=LONG
)
SHORT = row("0002", code="7", exact=TINY, truth=False, money="0", long="")
BROKEN = row("0003", money="12.5")
HUGE = row("0004", long=LONG * 20)
SOUND_FATE: Values = {
    "code": "00123",
    "exact": WIDE,
    "guid": GUID,
    "truth": "2",
    "day": DAY,
    "moment": MOMENT,
    "money": 150_000,
    "long": LONG.rstrip(),
}
SHORT_FATE: Values = {"code": "7", "exact": TINY, "guid": None, "truth": "1", "day": None, "moment": None, "money": 0}
DATES = {"0010": "0000-00-00", "0011": "2024-00-15", "0012": "2024-02-30", "0013": "9999-12-31"}
"""Dates that servers with strict types refuse and everything else holds."""
DATE_FATES = {"0010": "date-zero", "0011": "date-partial", "0012": "date-impossible", "0013": "date-sentinel"}
WARNED = {"date-zero", "date-sentinel"}


def told(fate: Fate, column: str, reason: str) -> None:
    """The value was not taken, and that is said: by a reason to wait, or by a warning on the published row."""
    if reason in WARNED:
        assert f"{FIELDS[column]}:{reason}" in fate.warnings
        assert fate.values[column] is None
    else:
        assert f"{FIELDS[column]}:{reason}" in fate.reasons


def carried(fate: Fate, expected: Mapping[str, Any]) -> None:
    assert fate.published, fate.reasons
    assert {column: fate.values[column] for column in expected} == expected


def three(found: Mapping[str, Fate], **other: Any) -> None:
    """The rows that every technology holds. `other`: columns whose type there has fewer digits."""
    carried(found["0001"], SOUND_FATE | {c: v for c, v in other.items() if not c.endswith("_short")})
    carried(found["0002"], SHORT_FATE | {c.removesuffix("_short"): v for c, v in other.items() if c.endswith("_short")})
    told(found["0003"], "money", "amount-fraction")
    told(found["0004"], "long", "text-not-storable")  # longer than an indexed text may be: it waits, whole
    assert max(len(str(value)) for value in found["0004"].raw.values()) >= 31_000


@pytest.fixture
def carry(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda legacy: fates(legacy, tmp_path, database, monkeypatch)


def dated() -> list[Values]:
    return [row(key, day=text) for key, text in DATES.items()]


def dated_fates(found: Mapping[str, Fate]) -> None:
    for key, reason in DATE_FATES.items():
        told(found[key], "day", reason)


def filled(statement: str, rows: Sequence[Values]) -> tuple[str, list[tuple[Any, ...]]]:
    return f"{statement} VALUES ({', '.join(['%s'] * len(COLUMNS))})", [tuple(one[c] for c in COLUMNS) for one in rows]


@pytest.mark.services
@pytest.mark.skipif(not mariadb_available(), reason="needs MariaDB: make services")
def test_mariadb(carry: Any, tmp_path: Path) -> None:
    import pymysql

    url = start_mariadb(tmp_path / "mariadb")
    try:
        parts = urlsplit(url)
        connection = pymysql.connect(
            host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, database="legacy", autocommit=True
        )
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+07:00'")
            cursor.execute(
                "CREATE TABLE hs (k char(4) PRIMARY KEY, so_hs varchar(40), tt char(3), xa char(5), code char(5), exact decimal(38,30), guid uuid,"
                " truth bit(1), day date, moment timestamp NULL, money decimal(12,1), `long` longtext) CHARACTER SET utf8mb4"
            )
            cursor.executemany(*filled("INSERT INTO hs", [SOUND, SHORT, BROKEN, HUGE, *dated()]))
            cursor.execute("SET SESSION time_zone = '+00:00'")
            cursor.execute("INSERT INTO hs (k, so_hs, tt, xa, moment) VALUES ('0020', 'a', 'x', '09661', '2024-02-29 06:45:10')")
        connection.close()
        found = carry(Legacy("mysql", url, "hs"))
    finally:
        remove_mariadb(tmp_path / "mariadb")
    three(found, exact=WIDE, money=150_000)
    dated_fates(found)
    carried(found["0020"], {"moment": MOMENT})


def test_postgresql(carry: Any, server_url: str) -> None:
    import psycopg2

    from hopnhat.server import dsn

    url = create_database(server_url, "kieu_nguon")
    with contextlib.closing(psycopg2.connect(dsn(url))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET TimeZone = 'Asia/Ho_Chi_Minh'")
        cursor.execute(
            "CREATE TABLE hs (k char(4) PRIMARY KEY, so_hs text, tt char(3), xa char(5), code char(5), exact numeric(38,30), guid uuid, truth boolean,"
            " day date, moment timestamptz, money numeric, long text)"
        )
        cursor.executemany(*filled("INSERT INTO hs", [SOUND, SHORT, BROKEN, HUGE]))
        cursor.execute("INSERT INTO hs (k, so_hs, tt, xa, moment) VALUES ('0020', 'a', 'x', '09661', '2024-02-29T06:45:10Z')")
        cursor.execute("INSERT INTO hs (k, so_hs, tt, xa, day) VALUES ('0021', 'a', 'x', '09661', 'infinity')")
        cursor.execute("INSERT INTO hs (k, so_hs, tt, xa, day) VALUES ('0022', 'a', 'x', '09661', '0044-03-15 BC')")
        cursor.execute("INSERT INTO hs (k, so_hs, tt, xa, money) VALUES ('0023', 'a', 'x', '09661', 'NaN')")
    found = carry(Legacy("postgres", url, "hs"))
    three(found)
    carried(found["0020"], {"moment": MOMENT})
    told(found["0021"], "day", "date-unreadable")
    told(found["0022"], "day", "date-unreadable")
    told(found["0023"], "money", "number-unreadable")


def test_sqlite(carry: Any, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "cu.db")) as connection:
        declared = ", ".join(f"{column} {_AFFINITY.get(column, 'text')}" for column in COLUMNS)
        connection.execute(f"CREATE TABLE hs ({declared})")
        rows = [SOUND, SHORT, BROKEN, HUGE, *dated(), row("0030", code=123, exact=1e21, day=45351)]
        connection.executemany(f"INSERT INTO hs VALUES ({', '.join('?' * len(COLUMNS))})", [tuple(one[c] for c in COLUMNS) for one in rows])
        connection.commit()
    found = carry(Legacy("sqlite", f"sqlite:///{tmp_path / 'cu.db'}", "hs"))
    three(found)
    dated_fates(found)
    carried(found["0030"], {"code": "123", "exact": "1.0e+21", "day": DAY})


_AFFINITY = {"truth": "boolean", "money": "numeric"}


def test_dbf(carry: Any, tmp_path: Path) -> None:
    """Fixed cells padded with blanks, T/F/?/blank, a deleted record, a memo, and an eight-digit date of zeros."""
    fields = [("K", "C", 4), ("SO_HS", "C", 40), ("TT", "C", 3), ("XA", "C", 5), ("CODE", "C", 5), ("EXACT", "N", 20), ("GUID", "C", 36),
              ("TRUTH", "L", 1), ("DAY", "D", 8), ("MOMENT", "C", 19), ("MONEY", "N", 10), ("LONG", "M", 10)]  # fmt: skip
    rows = [
        SOUND | {"exact": "12345678.1234567890", "truth": "T", "day": "20240229"}, SHORT | {"exact": "0.0000000001", "truth": "F", "long": None},
        BROKEN, HUGE, row("0010", day="00000000"), row("0011", day="20240015"), row("0012", day="20240230"), row("0013", day="99991231"),
        row("0040", truth="?"), row("0041", truth=" ", day=" "), row("0042", code="xoa"),
    ]  # fmt: skip
    memo, body = bytearray(512), b""
    for one in rows:
        cells = {c: "" if one[c] is None else str(one[c]) for c in COLUMNS}
        if one["long"]:
            cells["long"] = f"{len(memo) // 512:>10}"
            text = one["long"].encode() + b"\x1a\x1a"
            memo += text.ljust(-(-len(text) // 512) * 512, b"\0")
        flag = b"*" if one[KEY] == "0042" else b" "
        body += flag + b"".join(
            (cells[name.lower()].rjust(width) if kind == "N" else cells[name.lower()].ljust(width)).encode() for name, kind, width in fields
        )
    head = struct.pack("<B3BIHH20x", 0x83, 125, 7, 1, len(rows), 33 + 32 * len(fields), 1 + sum(width for *_, width in fields))
    described = b"".join(struct.pack("<11sc4xBB14x", name.encode(), kind.encode(), width, 0) for name, kind, width in fields)
    (tmp_path / "HS.DBF").write_bytes(head + described + b"\r" + body + b"\x1a")
    (tmp_path / "HS.DBT").write_bytes(bytes(memo))
    found = carry(Legacy("dbf", str(tmp_path / "HS.DBF"), "HS", upper=True, truth={"T": "2", "F": "1"}))
    three(found, exact="12345678.1234567890", exact_short="0.0000000001")
    dated_fates(found)
    told(found["0040"], "truth", "code-unknown")
    carried(found["0041"], {"truth": None, "day": None})
    assert "0042" not in found


def test_excel(carry: Any, tmp_path: Path) -> None:
    """Numbers of a sheet: a format of zeros, serial days, errors, scientific text, and the digits a double has."""
    import xlsxwriter

    book = xlsxwriter.Workbook(str(tmp_path / "so.xlsx"))
    zeros, day = book.add_format({"num_format": "00000"}), book.add_format({"num_format": "dd/mm/yyyy"})
    sheet = book.add_worksheet("hs")
    sheet.write_row(0, 0, COLUMNS)
    texts = row("0006", code="00045", truth=True, day="29/02/2024", money="150.000", exact="1.23E+11")
    lines = [SOUND | {"exact": 123456789012345, "day": DAY, "moment": MOMENT, "money": 150_000}, SHORT | {"exact": 1e-7, "money": 0}]
    lines += [
        BROKEN | {"money": 12.5},
        HUGE | {"long": HUGE["long"][:32_000]},
        texts,
        row("0007", day=45351.0),
        row("0008", day=60.0),
        row("0009", money="1.5E+05"),
        *dated(),
    ]
    for at, one in enumerate(lines, start=1):
        for column, name in enumerate(COLUMNS):
            value = one[name]
            if isinstance(value, datetime.datetime):
                sheet.write_datetime(at, column, value, day)
            elif name == "code" and value is not None and value != "00045":
                sheet.write_number(at, column, int(value), zeros if value != "7" else None)
            elif isinstance(value, bool):
                sheet.write_boolean(at, column, value)
            elif isinstance(value, int | float):
                sheet.write_number(at, column, value)
            elif value is not None:
                sheet.write_string(at, column, value)
    errors = {"0050": ("money", "#DIV/0!"), "0051": ("day", "#N/A"), "0052": ("truth", "#REF!"), "0053": (UNIT, "#VALUE!")}
    for at, (key, (column, shown)) in enumerate(errors.items(), start=len(lines) + 1):
        for name in (KEY, NUMBER, STATUS, UNIT):
            sheet.write_string(at, COLUMNS.index(name), row(key)[name])
        sheet.write_formula(at, COLUMNS.index(column), "=1/0", None, shown)
    book.close()
    found = carry(Legacy("excel", str(tmp_path / "so.xlsx"), "hs"))
    three(found, exact="123456789012345", exact_short="0.0000001")
    dated_fates(found)
    carried(found["0006"], {"code": "00045", "truth": "2", "day": DAY, "money": 150_000, "exact": "1.23E+11"})
    carried(found["0007"], {"day": DAY})
    told(found["0008"], "day", "date-impossible")  # 29 February 1900 never was
    told(found["0009"], "money", "number-scientific")
    told(found["0050"], "money", "number-unreadable")
    told(found["0051"], "day", "date-unreadable")
    told(found["0052"], "truth", "code-unknown")
    assert any(reason.startswith("unit:") for reason in found["0053"].reasons)
    assert all(shown in str(found[key].raw) for key, (_, shown) in errors.items())


def text_rows() -> list[Values]:
    """What a text file can hold and a typed column cannot."""
    odd = {"0060": "1.5e5", "0061": "12,5", "0062": "150.000 đ", "0063": "mười nghìn", "0064": "99999999999999999999"}
    return [
        SOUND,
        SHORT,
        BROKEN,
        HUGE,
        *dated(),
        *(row(key, money=text) for key, text in odd.items()),
        row("0065", moment="2024-02-29T06:45:10.123456789Z"),
    ]


def text_fates(found: Mapping[str, Fate]) -> None:
    three(found)
    dated_fates(found)
    told(found["0060"], "money", "number-scientific")
    told(found["0061"], "money", "amount-fraction")
    carried(found["0062"], {"money": 150_000})
    assert "fee_amount:number-grouped" in found["0062"].warnings
    told(found["0063"], "money", "number-unreadable")
    told(found["0064"], "money", "number-too-large")
    carried(found["0065"], {"moment": MOMENT})


def said(value: Any) -> str:
    return "1" if value is True else "0" if value is False else str(value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv(carry: Any, tmp_path: Path, encoding: str) -> None:
    lines = [",".join(COLUMNS)]
    lines += [",".join("" if one[c] is None else '"' + said(one[c]).replace('"', '""') + '"' for c in COLUMNS) for one in text_rows()]
    (tmp_path / "hs.csv").write_bytes("\r\n".join(lines).encode(encoding))
    text_fates(carry(Legacy("csv", str(tmp_path / "hs.csv"), "hs")))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml(carry: Any, tmp_path: Path, encoding: str) -> None:
    items = "".join(
        "<h>" + "".join(f"<{c}>{escape(said(one[c]))}</{c}>" for c in COLUMNS if one[c] is not None) + "</h>" for one in text_rows()
    )
    (tmp_path / "hs.xml").write_bytes(f'<?xml version="1.0" encoding="{encoding}"?><ds>{items}</ds>'.encode(encoding))
    text_fates(carry(Legacy("xml", str(tmp_path / "hs.xml"), "hs", {"record": "h"})))


def as_json(one: Values) -> str:
    """Numbers as JSON numbers, exactly as written; 1e5 and a 38-digit decimal among them."""
    cells = []
    for column in COLUMNS:
        value = one[column]
        number = column == "exact" or (column == "money" and str(value).replace(".", "").replace("e", "").isdigit())
        cells.append(f'"{column}":' + (str(value) if value is not None and number else json.dumps(value, ensure_ascii=False)))
    return "{" + ",".join(cells) + "}"


def test_json_lines(carry: Any, tmp_path: Path) -> None:
    (tmp_path / "hs.jsonl").write_text("\n".join(as_json(one) for one in text_rows()), encoding="utf-8")
    text_fates(carry(Legacy("jsonl", str(tmp_path / "hs.jsonl"), "hs")))


@pytest.fixture
def service() -> Iterator[str]:
    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raw = ("[" + ",".join(as_json(one) for one in text_rows()) + "]").encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:
            """Silence: the tests assert, they do not read a log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()


def test_rest(carry: Any, service: str) -> None:
    text_fates(carry(Legacy("rest", service, "hs", {"tables": {"hs": "hs"}})))


class Recorded:
    """A cursor that answers as the server was documented to answer the SQL that we send."""

    def __init__(self, answers: Sequence[tuple[str, list[tuple[Any, ...]] | Answer]]) -> None:
        self._answers, self._rows = answers, list[tuple[Any, ...]]()

    def cursor(self) -> Recorded:
        return self

    def __enter__(self) -> Recorded:
        return self

    def __exit__(self, *_: object) -> None:
        """Recorded: nothing to close."""

    def execute(self, sql: str) -> None:
        found = next((rows for mark, rows in self._answers if mark in sql), [])
        self._rows = found.to(sql) if isinstance(found, Answer) else list(found)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows[0] if self._rows else None

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def close(self) -> None:
        """Recorded: nothing to close."""


class Answer:
    """Rows for a SELECT, in the order in which it names its columns."""

    def __init__(self, rows: Sequence[Values], as_bytes: Sequence[str]) -> None:
        self._rows, self._as_bytes = rows, as_bytes

    def to(self, sql: str) -> list[tuple[Any, ...]]:
        names = [name.lower() for name in re.findall(r' AS [\["](\w+)[\]"](?=, | FROM)', sql)]
        return [tuple(self._cell(one, name) for name in names) for one in self._rows]

    def _cell(self, one: Values, column: str) -> Any:
        value = one[column]
        return value if value is None else said(value).encode() if column in self._as_bytes else said(value)


PADDED = SHORT | {"code": "7    ", "tt": "x  ", "exact": TINY.removeprefix("0")}


def test_sql_server_recorded(carry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Styles 121 and 3, LOWER(uniqueidentifier) and varbinary as documented; datetimeoffset with its zone."""
    import pymssql

    rows = [SOUND | {"moment": "2024-02-29 06:45:10.1234567 +00:00"}, PADDED | {"exact": TINY}, BROKEN | {"money": "12.5000"}, HUGE]
    types = {
        "code": "char",
        "exact": "decimal",
        "guid": "uniqueidentifier",
        "truth": "bit",
        "day": "date",
        "moment": "datetimeoffset",
        "money": "money",
        "long": "nvarchar",
    }
    listed = [(c, types.get(c, "varchar"), "YES", 40, 38, 30, 7, "Vietnamese_CI_AS" if c not in types else None) for c in COLUMNS]
    answers = [
        ("INFORMATION_SCHEMA.COLUMNS", listed), ("KEY_COLUMN_USAGE", [(KEY,)]), ("sys.partitions", [(4,)]), ("SYSUTCDATETIME", [("2026-01-01", "0x1")]),
        ("count(*)", [(4,)]), ("SELECT TOP (1) CAST(s.k0", [("0004",)]), ("SELECT TOP", []),
        ("AS [guid]", Answer(rows, (KEY, NUMBER, STATUS, UNIT, "code"))),
    ]  # fmt: skip
    monkeypatch.setattr(pymssql, "connect", lambda **_: Recorded(answers))
    found = carry(Legacy("mssql", "mssql://u:p@127.0.0.1:1433/cu", "hs"))
    three(found)


def test_oracle_recorded(carry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty text is NULL there; TM9 gives numbers below one without their zero; RAW(16) is a GUID's bytes in another order."""
    import oracledb

    rows = [
        SOUND | {"moment": "2024-02-29 06:45:10.123456789 +00:00", "exact": WIDE, "day": "2024-02-29 00:00:00"},
        PADDED | {"long": None},
        BROKEN,
        HUGE,
    ]
    types = {
        "code": "CHAR",
        "exact": "NUMBER",
        "day": "DATE",
        "moment": "TIMESTAMP(9) WITH TIME ZONE",
        "money": "NUMBER",
        "truth": "NUMBER",
        "long": "CLOB",
    }
    listed = [(c.upper(), types.get(c, "VARCHAR2"), "Y", "40", "38", "30") for c in COLUMNS]
    answers = [
        ("ALL_TAB_COLUMNS", listed), ("ALL_CONSTRAINTS", [("K",)]), ("ALL_TABLES", [("4",)]), ("SYSTIMESTAMP", [("2026-01-01",)]), ("count(*)", [(4,)]),
        ('AS "GUID"', Answer(rows, (KEY, NUMBER, STATUS, UNIT, "code", "guid"))), ("s.k0", [(b"0004",)]),
    ]  # fmt: skip
    monkeypatch.setattr(oracledb, "connect", lambda **_: Recorded(answers))
    found = carry(Legacy("oracle", "oracle://u:p@127.0.0.1:1521/x", "HS", upper=True))
    three(found, exact_short=TINY.removeprefix("0"))


@pytest.mark.services
@pytest.mark.skipif(shutil.which("mdb-export") is None, reason="mdbtools is not installed (make services)")
def test_access(tmp_path: Path) -> None:
    """Nobody writes Access here, so the fixture's own table goes through reading, landing and conform: Yes/No, Currency, GUID, Double, dates."""
    (tmp_path / "a.mdb").write_bytes(gzip.decompress(ACCESS.read_bytes()))
    named = {"file_name": "g", "file_no": "m", "template_no": "f", "path": "s"}
    table = Table.model_validate({
        "name": "kieu", "entity": "dossier_file", "key": ["_row"], "expect": {"min_rows": 0, "max_rows": 9},
        "columns": {"dossier_key": "n", "is_result": {"from": "b", "codes": "truth"}, "created_at": {"from": "d", "formats": ["iso"]}, **named},
    })  # fmt: skip
    system = System.model_validate({
        "id": "thu_kieu", "title": "x", "domain": "dossiers", "technology": "access", "connection": "x1", "server": "x1", "units_as_of": "2025-06-30",
        "codes": {"truth": {"1": "1", "0": "0"}}, "tables": [table.model_dump(by_alias=True)],
    })  # fmt: skip
    source = open_source("access", str(tmp_path / "a.mdb"), {"system": "thu_kieu"})
    frame = source.read("kieu", ("_row",), KeyRange(0, None, None), [name for name in table.used_columns() if name != "_row"])
    source.close()
    part = write_part(
        str(tmp_path / "landing"), "thu_kieu.kieu", frame.append_column(FINGERPRINT, fingerprint(frame, frame.column_names[1:]))
    )
    landed = read_part(str(tmp_path / "landing"), part.path)
    made = conform(landed, system, table, load_domain("dossiers").entities["dossier_file"], None)
    assert {name: made.columns[name].to_pylist() for name in ("dossier_key", "is_result", "created_at", *named)} == {
        "dossier_key": ["1234567890.1234", None], "is_result": ["1", "0"], "created_at": [datetime.datetime(2020, 1, 2, 3, 4, 5), None],  # noqa: DTZ001
        "file_name": [GUID, None], "file_no": ["12.5000", None], "template_no": ["1000000000000000000000", "0.1"], "path": ["0.1", None],
    }  # fmt: skip
    assert [(p.field, p.reasons.to_pylist()) for p in made.problems] == [("dossier_key", [None, "required-missing"])]
