"""The assessment against real files and databases: every seeded fault is told with its exact count and keys, nothing
personal leaves, and what cannot be read ends with code 3 and a reason."""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import re
import sqlite3
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pyarrow as pa
import pytest
import xlsxwriter

from hopnhat.assess.clock import clock_findings
from hopnhat.assess.command import run_command
from hopnhat.assess.model import Clock
from hopnhat.sample.dbf import DbfFile, Field
from hopnhat.sample.servers import mariadb_available, remove_mariadb, start_mariadb
from hopnhat.sample.tcvn3 import encode
from mappings.read import load_system
from mappings.units.registry import load_registry
from transforms.units import resolve

REPOSITORY = Path(__file__).resolve().parents[2]
ROWS = 200
Row = dict[str, Any]
FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ")
MIDDLES = ("Thị", "Văn", "Đức", "Ngọc", "Hữu")
GIVEN = ("Hường", "Dũng", "Phượng", "Thắng", "Mừng", "Đạt", "Yến")
STATUSES = ("Đã trả kết quả", "Đang xử lý", "Được tiếp nhận")


@pytest.fixture(scope="module")
def communes() -> dict[str, list[tuple[str, str, str]]]:
    """(code, name, district) of old communes of Hà Nội that were not split, and (code, name, '') of new ones whose name
    the old code did not have."""
    registry = load_registry()
    instances = registry.instances
    districts = {u.code: u.name for u in instances if u.level == "district" and u.parent_code == "01" and u.valid_to == "2025-07-01"}
    old = [(u.code, u.name, districts[u.parent_code]) for u in instances if u.level == "commune" and u.valid_to == "2025-07-01" and u.parent_code in districts]
    before = {code: name for code, name, _ in old}
    new = [(u.code, u.name, "") for u in instances if u.level == "commune" and u.parent_code == "01" and u.valid_from == "2025-07-01" and before.get(u.code) != u.name]
    answers = resolve(pd.DataFrame(old, columns=["commune_code", "commune", "district"]), registry)
    whole = [unit for unit, status in zip(old, answers["status"], strict=True) if status == "resolved"]
    return {"old": whole[:60], "new": new[:60]}


def rows_of(communes: dict[str, list[tuple[str, str, str]]], n: int = ROWS) -> list[Row]:
    """Dossiers without any fault."""
    made = []
    for i in range(n):
        code, name, district = communes["old"][i % 60]
        person = f"{FAMILIES[i % 6]} {MIDDLES[i % 5]} {GIVEN[i % 7]}"
        day = f"2024-{i % 12 + 1:02d}-{i % 28 + 1:02d}"
        made.append({
            "MaHoSo": f"H26.29-{day[2:4]}{day[5:7]}{day[8:]}-{i:04d}", "MaTTHC": f"1.{i % 7:06d}", "TenTTHC": "Cấp bản sao trích lục hộ tịch",
            "ChuHoSo": person, "SoDinhDanh": f"0010{80 + i % 19}{i:06d}", "DienThoai": f"09{i:08d}", "NgayTiepNhan": f"{day} 08:30:00",
            "TrangThai": STATUSES[i % 3], "MaXa": code, "TenXa": name, "TenHuyen": district,
        })  # fmt: skip
    return made


def as_csv(path: Path, rows: Sequence[Row], encode: Callable[[str], bytes] = str.encode) -> Path:
    lines = [list(rows[0]), *([row[name] for name in rows[0]] for row in rows)]
    with path.open("wb") as file:
        for cells in lines:
            file.write(b",".join(cell if isinstance(cell, bytes) else b'"' + encode(str(cell)) + b'"' for cell in cells) + b"\r\n")
    return path


def as_sqlite(path: Path, rows: Sequence[Row], *, key: str = "MaHoSo TEXT PRIMARY KEY") -> Path:
    names = list(rows[0])
    with sqlite3.connect(path) as base:
        base.execute(f"CREATE TABLE ho_so ({', '.join([key, *(f'{name} TEXT' for name in names[1:])])})")
        base.executemany(f"INSERT INTO ho_so VALUES ({', '.join('?' * len(names))})", [tuple(row.values()) for row in rows])
    base.close()
    return path


def as_xlsx(path: Path, rows: Sequence[Row], *, titles: int = 0) -> Path:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("So")
    for at in range(titles):
        sheet.write(at, 0, ("SỔ TIẾP NHẬN HỒ SƠ", "Năm 2024", "")[at % 3])
    for column, name in enumerate(rows[0]):
        sheet.write(titles, column, name)
        for at, row in enumerate(rows, 1):
            sheet.write(titles + at, column, row[name])
    book.add_worksheet("Sheet2")
    book.close()
    return path


def tcvn3(text: str) -> bytes:
    return encode(pa.array([text]))[0]


class Result:
    def __init__(self, code: int, out: Path, said: str) -> None:
        self.code, self.out, self.said = code, out, said
        file = out / "assessment.json"
        self.data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def found(self, code: str, column: str | None = None) -> list[dict[str, Any]]:
        return [f for f in self.data["findings"] if f["code"] == code and column in (None, f["column"])]

    def one(self, code: str, column: str) -> dict[str, Any]:
        (finding,) = self.found(code, column)
        return finding

    def codes(self, *severities: str) -> set[str]:
        return {f["code"] for f in self.data["findings"] if f["severity"] in (severities or ("stop", "fix", "note"))}

    def everything(self) -> str:
        """All that was written or said, the workbook's text included."""
        texts = [self.said]
        for file in self.out.rglob("*"):
            if file.suffix == ".xlsx":
                with zipfile.ZipFile(file) as package:
                    texts += [package.read(name).decode("utf-8", "replace") for name in package.namelist()]
            elif file.is_file():
                texts.append(file.read_text(encoding="utf-8"))
        return "\n".join(texts)


def assessed(out: Path, *, file: Path | None = None, system: str | None = None, url: str | None = None) -> Result:
    said: list[str] = []
    code = run_command(system, file, out, url, None, None, said.append, said.append)
    return Result(code, out, "\n".join(said))


@pytest.mark.parametrize("kind", ["csv", "sqlite", "xlsx", "jsonl", "xml"])
def test_a_clean_file_is_go_and_its_draft_can_be_read(tmp_path: Path, communes: Any, kind: str) -> None:
    rows, path = rows_of(communes), tmp_path / f"ho_so.{kind}"
    if kind == "csv":
        as_csv(path, rows)
    elif kind == "sqlite":
        as_sqlite(path, rows)
    elif kind == "xlsx":
        as_xlsx(path, rows, titles=3)
    elif kind == "jsonl":
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    else:
        path.write_text("<r>" + "".join("<hs>" + "".join(f"<{k}>{v}</{k}>" for k, v in row.items()) + "</hs>" for row in rows) + "</r>", encoding="utf-8")
    done = assessed(tmp_path / "out", file=path)
    assert (done.code, done.data["verdict"], done.codes("stop", "fix")) == (0, "GO", set()), done.said
    assert done.data["tables"][0]["rows"] == ROWS
    system = load_system("ho_so", tmp_path / "out")
    table = system.tables[0]
    mapped = {name: column.source for name, column in table.columns.items()}
    assert mapped == {
        "dossier_no": "MaHoSo", "procedure_code": "MaTTHC", "procedure_name": "TenTTHC", "applicant_name": "ChuHoSo", "applicant_id_no": "SoDinhDanh",
        "phone": "DienThoai", "received_at": "NgayTiepNhan", "status": "TrangThai",
    }  # fmt: skip
    assert table.key == ["MaHoSo"]
    assert table.unit is not None
    assert table.unit.inputs() == {"commune_code": "MaXa", "commune": "TenXa", "district": "TenHuyen"}
    assert system.codes[table.columns["status"].codes or ""] == {"Đã trả kết quả": "10", "Đang xử lý": "4", "Được tiếp nhận": "2"}
    assert system.units_as_of.isoformat() == "2025-06-30"
    if kind == "xlsx":
        assert system.options == {"header_row": 4}


def change(rows: list[Row], places: Sequence[int], column: str, value: Callable[[Any], Any]) -> None:
    for at in places:
        rows[at][column] = value(rows[at][column])


AT = (3, 50, 51, 120, 199)
FAULTS: dict[str, tuple[str, str, Callable[[Any], Any], int]] = {
    "zero date": ("zero-date", "NgayTiepNhan", lambda _: "0000-00-00 00:00:00", 5),
    "NUL bytes": ("nul-bytes", "TenTTHC", lambda old: old[:4] + "\0" + old[4:], 5),
    "mojibake": ("mojibake", "ChuHoSo", lambda _: "Nguyễn Thị Đường".encode().decode("cp1252", "replace").replace("\ufffd", "\x90"), 5),
    "lost zeros": ("zeros-lost", "MaXa", lambda old: old.lstrip("0"), 5),
    "lost zeros of a person's number": ("zeros-lost", "SoDinhDanh", lambda old: old[1:], 5),
    "no such day": ("date-impossible", "NgayTiepNhan", lambda _: "2024-02-31 08:00:00", 5),
    "lost letters": ("text-lossy", "ChuHoSo", lambda _: "Nguy?n V?n D?ng", 5),
}


@pytest.mark.parametrize("kind", ["csv", "sqlite"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_seeded_fault_is_told_with_its_count_and_keys(tmp_path: Path, communes: Any, fault: str, kind: str) -> None:
    code, column, spoil, count = FAULTS[fault]
    rows = rows_of(communes)
    change(rows, AT, column, spoil)
    path = as_csv(tmp_path / "hs_a.csv", rows) if kind == "csv" else as_sqlite(tmp_path / "hs_a.sqlite", rows)
    done = assessed(tmp_path / "out", file=path)
    finding = done.one(code, column)
    assert done.code == 1
    assert (finding["rows"], finding["of"]) == (count, ROWS)
    expected = [f"dòng {at + 2}" for at in AT] if kind == "csv" else [rows[at]["MaHoSo"] for at in sorted(AT, key=lambda at: rows[at]["MaHoSo"])]
    assert finding["keys"] == expected


def test_duplicate_keys_are_counted_exactly_and_named(tmp_path: Path, communes: Any) -> None:
    rows = rows_of(communes)
    for at in (20, 21, 22):
        rows[at]["MaHoSo"] = rows[10]["MaHoSo"]
    rows[30]["MaHoSo"] = rows[31]["MaHoSo"]
    done = assessed(tmp_path / "out", file=as_sqlite(tmp_path / "hs_a.db", rows, key="MaHoSo TEXT"))
    finding = done.one("number-duplicate", "MaHoSo")
    assert finding["rows"] == 6
    assert set(finding["keys"]) == {rows[10]["MaHoSo"], rows[31]["MaHoSo"]}


def test_a_table_without_any_key_is_told(tmp_path: Path, communes: Any) -> None:
    rows = [{**row, "MaHoSo": row["MaHoSo"][:-2], "SoDinhDanh": "001085000001", "DienThoai": "0912345678"} for row in rows_of(communes)]
    done = assessed(tmp_path / "out", file=as_sqlite(tmp_path / "hs_a.db", rows, key="MaHoSo TEXT"))
    assert done.found("key-none"), done.said
    duplicates = done.one("number-duplicate", "MaHoSo")
    assert duplicates["rows"] == 64  # each hundred repeats 16 of its 84 days
    assert len(duplicates["keys"]) == 5
    assert done.code >= 1
    undeclared = assessed(tmp_path / "two", file=as_sqlite(tmp_path / "hs_b.db", rows_of(communes), key="MaHoSo TEXT"))
    assert "MaHoSo" in undeclared.found("key-undeclared")[0]["detail"]


def test_mixed_eras_are_told_with_the_rows_of_the_lesser_one(tmp_path: Path, communes: Any) -> None:
    rows = rows_of(communes)
    for at in range(140, 200):
        rows[at] |= dict(zip(("MaXa", "TenXa", "TenHuyen"), communes["new"][at - 140], strict=True))
    done = assessed(tmp_path / "out", file=as_csv(tmp_path / "hs_a.csv", rows))
    (finding,) = done.found("era-mixed")
    units = done.data["tables"][0]["units"]
    assert (units["era"], finding["rows"]) == ("mixed", units["rows_by_era"]["new"])
    assert finding["rows"] >= 55  # a few new communes kept both code and name of an old one
    assert all(int(key.split()[1]) >= 140 + 2 for key in finding["keys"])
    assert "(?)" in next(line for line in (tmp_path / "out" / "hs_a.yml").read_text().splitlines() if line.startswith("units_as_of"))


def test_tcvn3_in_csv_and_dbf_is_recognised_and_drafted(tmp_path: Path, communes: Any) -> None:
    rows = rows_of(communes)
    path = as_csv(tmp_path / "hs_a.csv", rows, tcvn3)
    done = assessed(tmp_path / "out", file=path)
    finding = done.one("encoding-legacy", "ChuHoSo")
    assert finding["rows"] == ROWS
    assert "TCVN3" in finding["detail"]
    assert finding["keys"][0] == "dòng 2"
    assert load_system("hs_a", tmp_path / "out").tables[0].encoding == "tcvn3"
    fields = [Field(name[:10].upper(), "C", 60) for name in rows[0]]
    with DbfFile(tmp_path / "HS.DBF", fields) as table:
        import numpy

        table.write({f.name: [tcvn3(str(row[name])) for row in rows] for f, name in zip(fields, rows[0], strict=True)}, numpy.zeros(ROWS, bool))
    dbf = assessed(tmp_path / "dbf", file=tmp_path / "HS.DBF")
    assert dbf.one("encoding-legacy", "CHUHOSO")["rows"] == ROWS
    assert load_system("hs", tmp_path / "dbf").tables[0].encoding == "tcvn3"


def test_two_encodings_in_one_column_are_told_as_mixed(tmp_path: Path, communes: Any) -> None:
    rows = rows_of(communes)
    change(rows, range(0, 60), "ChuHoSo", lambda old: b'"' + tcvn3(old) + b'"')
    done = assessed(tmp_path / "out", file=as_csv(tmp_path / "hs_a.csv", rows))
    finding = done.one("encoding-mixed", "ChuHoSo")
    assert "TCVN3" in finding["detail"]
    assert finding["keys"]
    assert done.code == 1


def mapping(path: Path, technology: str, table: str, **more: Any) -> Path:
    text = f"""\
id: {path.stem}
title: Hệ thống thử
domain: dossiers
technology: {technology}
connection: {path.stem}
server: {path.stem}
units_as_of: 2025-06-30
codes:
  status: {{Đã trả kết quả: "10", Đang xử lý: "4"}}
tables:
  - name: {table}
    entity: dossier
    key: [MaHoSo]
    expect: {{min_rows: 1, max_rows: 100000}}
    columns:
      dossier_no: MaHoSo
      procedure_code: MaTTHC
      procedure_name: TenTTHC
      applicant_name: ChuHoSo
      applicant_id_no: SoDinhDanh
      phone: DienThoai
      received_at: {{from: NgayTiepNhan, formats: [iso]}}
      status: {{from: TrangThai, codes: status}}
    unit: {{carries: people, commune_code: MaXa, commune: TenXa, district: TenHuyen}}
"""
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of mappings that the settings point to."""
    from hopnhat.settings import settings

    folder = tmp_path / "mappings"
    folder.mkdir()
    monkeypatch.setenv("HOPNHAT_MAPPINGS", str(folder))
    settings.cache_clear()
    yield folder
    settings.cache_clear()


def test_codes_outside_the_map_of_a_system(tmp_path: Path, mapped: Path, communes: Any) -> None:
    rows = rows_of(communes, 300)
    for at, row in enumerate(rows):
        row["TrangThai"] = "77" if at % 10 < 3 else ("Đã trả kết quả", "Đang xử lý")[at % 2]
    base = as_sqlite(tmp_path / "hs_a.db", rows)
    with sqlite3.connect(base) as connection:
        connection.execute("CREATE TABLE nhat_ky AS SELECT MaHoSo FROM ho_so LIMIT 7")
    connection.close()
    mapping(mapped / "huyen_thu.yml", "sqlite", "ho_so")
    done = assessed(tmp_path / "out", system="huyen_thu", url=f"sqlite:///{base}")
    assert "nhat_ky (7 dòng)" in done.data["notes"][0]  # what the mapping does not name is not passed over
    finding = done.one("code-unknown", "TrangThai")
    assert (finding["rows"], finding["of"], finding["samples"]) == (90, 300, ["77"])
    assert finding["keys"]
    assert done.code == 1
    assert done.data["tables"][0]["rehearsal"]["held"] == 90
    assert done.data["load_seconds"] > 0


def test_a_source_that_differs_from_its_mapping(tmp_path: Path, mapped: Path, communes: Any) -> None:
    rows = [{**row, "GhiChuMoi": "x"} for row in rows_of(communes)]
    for row in rows:
        del row["DienThoai"]
        row["TrangThai"] = "Đang xử lý"
    base = as_sqlite(tmp_path / "hs_a.db", rows)
    mapping(mapped / "huyen_thu.yml", "sqlite", "ho_so")
    done = assessed(tmp_path / "out", system="huyen_thu", url=f"sqlite:///{base}")
    assert (done.code, done.data["verdict"]) == (2, "BLOCKED")
    assert done.found("columns-gone")[0]["column"] == "DienThoai"
    assert done.found("columns-new")[0]["column"] == "GhiChuMoi"
    mapping(mapped / "huyen_thu.yml", "sqlite", "bang_khac")
    assert assessed(tmp_path / "gone", system="huyen_thu", url=f"sqlite:///{base}").code == 3  # its only table is gone


def test_a_wrong_declared_encoding_is_told(tmp_path: Path, mapped: Path, communes: Any) -> None:
    rows = rows_of(communes)
    change(rows, range(ROWS), "TrangThai", lambda _: "Dang")
    path = as_csv(tmp_path / "ho_so.csv", rows, tcvn3)
    mapping(mapped / "huyen_thu.yml", "csv", "ho_so")
    done = assessed(tmp_path / "out", system="huyen_thu", url=str(path))
    assert "TCVN3" in done.one("encoding-undeclared", "ChuHoSo")["detail"]


def test_nothing_personal_leaves(tmp_path: Path, communes: Any) -> None:
    rows = rows_of(communes)
    change(rows, AT, "ChuHoSo", lambda _: "Nguy?n V?n D?ng")
    change(rows, (7, 8), "SoDinhDanh", lambda old: old[1:])
    change(rows, (9,), "DienThoai", lambda _: "0912 không rõ")
    for at, row in enumerate(rows):
        row["CotLa"] = f"bí mật của ông {GIVEN[at % 7]} số {at}"
        row["NguoiNhap"] = rows[at % 40]["ChuHoSo"]
    done = assessed(tmp_path / "out", file=as_csv(tmp_path / "hs_a.csv", rows))
    text = done.everything()
    for row in rows:
        for column in ("ChuHoSo", "SoDinhDanh", "DienThoai", "CotLa"):
            assert row[column] not in text, column
    assert "bí mật" not in text


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not mariadb_available():
        pytest.skip("MariaDB is not installed (make services)")
    home = tmp_path_factory.mktemp("mariadb")
    yield start_mariadb(home)
    remove_mariadb(home)


@pytest.mark.services
def test_a_real_mariadb_with_zero_dates_tcvn3_and_orphans(tmp_path: Path, mariadb: str, communes: Any) -> None:
    import pymysql

    rows, parts = rows_of(communes), urlsplit(mariadb)
    connection = pymysql.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, database="legacy", autocommit=True
    )
    with connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        text = ", ".join(f"{name} VARCHAR(200) CHARACTER SET latin1" for name in rows[0] if name not in ("NgayTiepNhan", "MaHoSo"))
        cursor.execute(f"CREATE TABLE ho_so (HoSoId INT PRIMARY KEY, MaHoSo VARCHAR(60), NgayTiepNhan DATETIME, {text})")
        cursor.execute("CREATE TABLE qua_trinh (BuocId INT PRIMARY KEY, HoSoId INT, TenBuoc VARCHAR(50), NgayXuLy DATETIME)")
        change(rows, AT, "NgayTiepNhan", lambda _: "0000-00-00 00:00:00")
        for at, row in enumerate(rows):
            names = list(row)
            cells = ", ".join("X'" + (tcvn3(str(row[n])) if n != "NgayTiepNhan" else row[n].encode()).hex() + "'" for n in names)
            cursor.execute(f"INSERT INTO ho_so (HoSoId, {', '.join(names)}) VALUES ({at}, {cells})")
        steps = [(n, n if n < ROWS else 900 + n, "Tiếp nhận", "2024-05-06 08:00:00") for n in range(ROWS + 4)]
        cursor.executemany("INSERT INTO qua_trinh VALUES (%s, %s, %s, %s)", steps)
    connection.close()
    done = assessed(tmp_path / "out", system="huyen_moi", url=mariadb)
    assert done.code == 1
    assert done.one("zero-date", "NgayTiepNhan")["rows"] == 5
    assert done.one("zero-date", "NgayTiepNhan")["keys"] == [str(at) for at in AT]
    assert done.one("encoding-legacy", "ChuHoSo")["rows"] == ROWS
    orphans = done.one("orphans", "HoSoId")
    assert (orphans["table"], orphans["rows"], orphans["of"]) == ("qua_trinh", 4, ROWS + 4)
    assert orphans["keys"] == [str(ROWS + n) for n in range(4)]
    drafted = {table.name: table.key for table in load_system("huyen_moi", tmp_path / "out").tables}
    assert drafted == {"ho_so": ["HoSoId"], "qua_trinh": ["BuocId"]}
    assert urlsplit(mariadb).password not in done.everything()
    clock = done.data["clock"]
    assert abs(clock["ahead_seconds"]) < 60
    assert clock["zone_minutes"] == offset_here()
    assert ("clock-zone" in done.codes("note")) == (clock["zone_minutes"] != 420)


def test_postgresql_tables_are_assessed(tmp_path: Path, database: str, communes: Any) -> None:
    import psycopg2

    rows = rows_of(communes)
    with psycopg2.connect(database.replace("+psycopg2", "")) as base, base.cursor() as cursor:
        names = list(rows[0])
        cursor.execute(f"CREATE TABLE ho_so ({', '.join(f'{name.lower()} text' for name in names)})")
        cursor.executemany(f"INSERT INTO ho_so VALUES ({', '.join(['%s'] * len(names))})", [tuple(row.values()) for row in rows])
    base.close()
    done = assessed(tmp_path / "out", system="pg_moi", url=database)
    assert done.data["tables"][0]["rows"] == ROWS
    assert done.codes("fix", "stop") == {"key-undeclared"}
    assert load_system("pg_moi", tmp_path / "out").tables[0].key == ["mahoso"]
    assert abs(done.data["clock"]["ahead_seconds"]) < 60
    assert done.data["clock"]["zone"]


def offset_here() -> int:
    """Minutes before UTC of this machine's zone, which the test's own server shares."""
    here = datetime.now().astimezone().utcoffset()
    assert here is not None
    return int(here.total_seconds() // 60)


def test_a_wrong_clock_and_a_foreign_zone_are_told() -> None:
    found = {one.code: one for one in clock_findings(Clock("2026-01-01T00:00:00+00:00", -3_600.0, "SE Asia Standard Time", 480))}
    assert (found["clock-wrong"].severity, found["clock-zone"].severity) == ("fix", "note")
    assert "chậm 3600 giây" in found["clock-wrong"].detail
    assert "UTC+08:00" in found["clock-zone"].detail
    assert list(clock_findings(Clock("2026-01-01T00:00:00+00:00", 1.5, "+07", 420))) == []
    assert list(clock_findings(None)) == []


def test_the_governor_of_a_mapping_holds_for_the_assessment(tmp_path: Path, mapped: Path, communes: Any) -> None:
    """In blackout hours nothing is read, and with a governor the answers are the same."""
    base = as_sqlite(tmp_path / "a.db", rows_of(communes))
    text = mapping(mapped / "huyen_thu.yml", "sqlite", "ho_so").read_text(encoding="utf-8")
    free = assessed(tmp_path / "free", system="huyen_thu", url=f"sqlite:///{base}")
    (mapped / "huyen_thu.yml").write_text(text + "governor: {target_seconds: 0.1, pause_share: 0.1}\n", encoding="utf-8")
    gentle = assessed(tmp_path / "gentle", system="huyen_thu", url=f"sqlite:///{base}")
    assert gentle.code == free.code
    assert [(t["name"], t["rows"], t["counted"]) for t in gentle.data["tables"]] == [("ho_so", ROWS, ROWS)]
    assert gentle.codes("fix", "stop") == free.codes("fix", "stop")
    (mapped / "huyen_thu.yml").write_text(text + 'governor: {blackout: ["00:00-12:00", "12:00-24:00"]}\n', encoding="utf-8")
    refused = assessed(tmp_path / "refused", system="huyen_thu", url=f"sqlite:///{base}")
    assert refused.code == 3
    assert "blackout" in refused.said


@pytest.mark.services
def test_access_is_assessed(tmp_path: Path) -> None:
    raw = gzip.decompress((REPOSITORY / "tests" / "unit" / "extract" / "data" / "ho_so.mdb.gz").read_bytes())
    (tmp_path / "hs_a.mdb").write_bytes(raw)
    done = assessed(tmp_path / "out", file=tmp_path / "hs_a.mdb")
    assert done.code in (1, 2)
    assert {table["name"] for table in done.data["tables"]} >= {"ho_so", "kieu"}


def _locked(path: Path) -> None:
    """The outer shell of a workbook under a password: an OLE file with an EncryptedPackage stream ([MS-OFFCRYPTO] §2.3.4)."""
    none, end = 0xFFFFFFFF, 0xFFFFFFFE

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        raw = (name.encode("utf-16-le") + b"\0\0") if name else b""
        head = raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw), kind, 1, none, none, child)
        return head + bytes(16) + struct.pack("<IQQIQ", 0, 0, 0, start, size)

    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<I", 0) + struct.pack("<I", none) * 108
    fat = (struct.pack("<II", 0xFFFFFFFD, end) + b"".join(struct.pack("<I", n) for n in range(3, 10)) + struct.pack("<I", end)).ljust(512, b"\xff")
    folder = entry("Root Entry", 5, 1, end, 0) + entry("EncryptedPackage", 2, none, 2, 4096) + entry("", 0, none, 0, 0) * 2
    path.write_bytes(header + fat + folder + bytes(4096))


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/workbook.xml", "<workbook/>")
        package.writestr("xl/worksheets/sheet1.xml", b" " * (64 << 20))


def _cut_dbf(path: Path) -> None:
    import numpy

    with DbfFile(path, [Field("MAHS", "C", 30)]) as table:
        table.write({"MAHS": [b"x"] * 100}, numpy.zeros(100, bool))
    path.write_bytes(path.read_bytes()[:1500])


def _cut_xlsx(path: Path) -> None:
    as_xlsx(path, [{"a": "b"}] * 50)
    path.write_bytes(path.read_bytes()[:-200])


MALFORMED: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut.dbf": (_cut_dbf, "bị cắt"), "bomb.xlsx": (_bomb, "bom nén"), "locked.xlsx": (_locked, "mật khẩu"), "cut.xlsx": (_cut_xlsx, "hỏng"),
    "empty.csv": (lambda path: path.write_bytes(b""), "rỗng"), "folder": (lambda path: path.mkdir(), "thư mục"), "absent.csv": (lambda path: None, "không thấy"),
    **{f"random.{end}": (lambda path: path.write_bytes(random.Random(7).randbytes(9000)), ": ") for end in ("csv", "xlsx", "xls", "dbf", "mdb", "sqlite", "xml", "jsonl", "dat")},
    "ragged.csv": (lambda path: path.write_text("a,b,c\n1,2,3\n4,5\n"), "dòng 3"), "open.csv": (lambda path: path.write_text('a,b\n1,2\n"3,4\n'), "dấu nháy"),
    "entity.xml": (lambda path: path.write_text('<!DOCTYPE r [<!ENTITY a "x">]><r><h><c>&a;</c></h></r>'), "thực thể"),
    "cut.xml": (lambda path: path.write_text("<r><h><c>1</c></h><h>"), "hỏng"), "cut.jsonl": (lambda path: path.write_text('{"a": 1}\n{"a":'), "dòng 2"),
    "letter.xlsx": (lambda path: zipfile.ZipFile(path, "w").writestr("word/document.xml", "<a/>"), "không phải bảng tính"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_cannot_be_read_ends_with_three_and_a_reason(tmp_path: Path, name: str) -> None:
    make, reason = MALFORMED[name]
    make(tmp_path / name)
    done = assessed(tmp_path / "out", file=tmp_path / name)
    assert done.code == 3
    assert re.match(rf"KHÔNG ĐỌC ĐƯỢC  {re.escape(name)}: ", done.said), done.said
    assert reason in done.said
    assert not (tmp_path / "out").exists()


def test_no_permission_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another user where we are root, whom no permission stops."""
    path = tmp_path / "hs_a.csv"
    path.write_text("a,b\n1,2\n")
    path.chmod(0)
    if os.geteuid():
        done = assessed(tmp_path / "out", file=path)
    else:
        opened = Path.open

        def refuse(self: Path, *args: Any, **more: Any) -> Any:
            if self == path:
                raise PermissionError(13, "Permission denied")
            return opened(self, *args, **more)

        monkeypatch.setattr(Path, "open", refuse)
        done = assessed(tmp_path / "out", file=path)
    assert (done.code, "không có quyền đọc" in done.said) == (3, True)


def test_exit_codes_of_the_command_itself(tmp_path: Path, communes: Any) -> None:
    good = as_csv(tmp_path / "hs_a.csv", rows_of(communes))
    (tmp_path / "hs_b.csv").write_bytes(b"")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        place = {**os.environ, "HOPNHAT_HOME": str(tmp_path / "home")}
        return subprocess.run([sys.executable, "-m", "hopnhat", "assess", *arguments], cwd=REPOSITORY, env=place, capture_output=True, text=True, check=False)

    done = run("--file", str(good), "--out", str(tmp_path / "out"))
    assert (done.returncode, done.stdout.splitlines()[0][:2]) == (0, "GO"), done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["assessment.html", "assessment.json", "assessment.xlsx", "hs_a.yml"]
    for arguments in (("--file", str(tmp_path / "hs_b.csv")), (), ("khong_co_he_nay",)):
        wrong = run(*arguments)
        assert wrong.returncode == 3
        assert wrong.stdout.startswith("KHÔNG ĐỌC ĐƯỢC")
        assert "Traceback" not in wrong.stderr + wrong.stdout


def test_the_workbook_opens_and_lists_every_finding(tmp_path: Path, communes: Any) -> None:
    import openpyxl

    rows = rows_of(communes)
    change(rows, AT, "NgayTiepNhan", lambda _: "0000-00-00")
    done = assessed(tmp_path / "out", file=as_csv(tmp_path / "hs_a.csv", rows))
    book = openpyxl.load_workbook(tmp_path / "out" / "assessment.xlsx", read_only=True)
    assert book.sheetnames == ["Vấn đề", "Bảng", "Cột", "Giá trị"]
    titles = [row[2] for row in book["Vấn đề"].iter_rows(min_row=5, values_only=True)]
    assert titles == [finding["title"] for finding in done.data["findings"]]
    listed = {row["name"] for row in done.data["tables"][0]["columns"]}
    assert {row[1] for row in book["Cột"].iter_rows(min_row=2, values_only=True)} == listed


def test_a_csv_with_semicolons_and_one_without_a_header(tmp_path: Path, communes: Any) -> None:
    rows = rows_of(communes)
    with (tmp_path / "hs_a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    assert assessed(tmp_path / "out", file=tmp_path / "hs_a.csv").code == 0
    assert load_system("hs_a", tmp_path / "out").options == {"delimiter": ";"}
    text = (tmp_path / "hs_a.csv").read_text(encoding="utf-8").split("\n", 1)[1]
    (tmp_path / "hs_b.csv").write_text(text, encoding="utf-8")
    bare = assessed(tmp_path / "two", file=tmp_path / "hs_b.csv")
    assert bare.data, bare.said
    assert bare.data["tables"][0]["rows"] == ROWS
    assert bare.data["tables"][0]["columns"][0]["role"]["name"] == "dossier_no"  # by its values alone


def test_the_task_of_the_dag(tmp_path: Path, mapped: Path, communes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short result for GO and FIX FIRST, an error of the right class else: only unavailable servers are tried again."""
    from hopnhat.assess.task import assess_for_run
    from hopnhat.model.errors import SourceDriftError, SourceUnavailableError
    from hopnhat.settings import settings

    monkeypatch.setenv("HOPNHAT_REPORTS", str(tmp_path / "reports"))
    settings.cache_clear()
    rows = rows_of(communes)
    mapping(mapped / "huyen_thu.yml", "sqlite", "ho_so")
    base = as_sqlite(tmp_path / "a.db", rows)
    done = assess_for_run("huyen_thu", "thu-1", f"sqlite:///{base}")
    assert (done["verdict"], done["rows"]) == ("FIX FIRST", ROWS)  # "Được tiếp nhận" is not in its map
    assert Path(done["report"]).is_relative_to(tmp_path / "reports" / "thu-1")
    empty = as_sqlite(tmp_path / "b.db", rows)
    with sqlite3.connect(empty) as connection:
        connection.execute("DELETE FROM ho_so")
    connection.close()
    with pytest.raises(SourceDriftError, match="BLOCKED"):
        assess_for_run("huyen_thu", "thu-2", f"sqlite:///{empty}")
    with pytest.raises(SourceUnavailableError):
        assess_for_run("huyen_thu", "thu-3", f"sqlite:///{tmp_path / 'khong_co.db'}")


def test_counting_can_be_stopped_early_and_says_so(tmp_path: Path, communes: Any) -> None:
    path = as_sqlite(tmp_path / "hs_a.db", [{"Id": n, **row} for n, row in enumerate(rows_of(communes, 100) * 700)], key="Id INTEGER PRIMARY KEY")
    said: list[str] = []
    run_command(None, path, tmp_path / "out", None, None, 1_000, said.append, said.append)
    table = json.loads((tmp_path / "out" / "assessment.json").read_text(encoding="utf-8"))["tables"][0]
    assert table["rows"] == 70_000
    assert 1_000 <= table["counted"] < 70_000
