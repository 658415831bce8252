"""Adding a legacy system is adding one mapping file: nothing else is touched, and the migration knows it."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import pytest

from tests.support.migration import Machine

SQLITE = """\
id: ba_vi_motcua
title: Một cửa huyện Ba Vì (phần mềm tự viết)
domain: dossiers
technology: sqlite
connection: ba_vi_motcua
server: ba_vi_motcua
units_as_of: 2025-06-30
provinces: ["01"]
codes:
  tinh_trang: {"100": "2", "200": "4", "300": "10"}
tables:
  - name: HoSoMC
    entity: dossier
    key: [ID]
    watermark: SuaLuc
    expect: {min_rows: 1, max_rows: 1000}
    columns:
      dossier_no: SoHoSo
      applicant_name: ChuHoSo
      status: {from: TinhTrang, codes: tinh_trang}
      received_at: {from: NgayTiepNhan, formats: [dd/mm/yyyy]}
      fee_amount: LePhi
    unit: {carries: people, commune: TenXa, district: TenHuyen, address: DiaChi}
    filters:
      - {rule: trial, column: NguoiNhap, values: [thu], why: hồ sơ nhập thử khi cài đặt}
    ignored:
      MayTram: máy đã nhập, không dùng sau khi chuyển
"""
CSV = """\
id: dan_hoa_so
title: Sổ theo dõi xã Dân Hòa (tệp CSV)
domain: dossiers
technology: csv
connection: dan_hoa_so
server: dan_hoa_so
units_as_of: 2025-06-30
provinces: ["01"]
options: {delimiter: ";"}
codes:
  kq: {xong: "10", dang: "4"}
tables:
  - name: so
    entity: dossier
    key: [Số]
    expect: {min_rows: 1, max_rows: 1000}
    columns:
      dossier_no: Số
      status: {from: KQ, codes: kq}
      received_at: {from: Ngày, formats: [dd/mm/yyyy]}
    unit: {carries: people, text: Nơi ở}
    ignored: {}
"""
COLUMNS = ("ID", "SoHoSo", "ChuHoSo", "TinhTrang", "NgayTiepNhan", "LePhi", "TenXa", "TenHuyen", "DiaChi", "NguoiNhap", "MayTram", "SuaLuc")
GOOD = ("Nguyễn Văn Mẫu", "300", "10/3/2025", "50000", "Xã Tản Lĩnh", "Huyện Ba Vì", "thôn Hà Tân", "lan", "PC1", "2025-03-11 08:00:00")
ROWS = [
    (1, "BV-001", *GOOD),
    (2, "BV-002", *GOOD[:1], "200", *GOOD[2:]),
    (3, "BV-003", *GOOD[:1], "999", *GOOD[2:]),  # no such status
    (4, "BV-004", *GOOD[:2], "31/02/2025", *GOOD[3:]),  # no such day
    (5, "BV-005", *GOOD[:7], "thu", *GOOD[8:]),  # typed in as a trial
    (6, "BV-006", *GOOD[:4], "Phường Cống Vị", "Quận Ba Đình", *GOOD[6:]),  # split, no evidence
]


@pytest.fixture
def machine(furnished: str, tmp_path: Path) -> Machine:
    folder = tmp_path / "mappings"
    folder.mkdir()
    return Machine(tmp_path / "home", furnished, {}, folder)


def legacy(machine: Machine, rows: list[tuple[object, ...]]) -> Path:
    file = machine.home.parent / "ba_vi.sqlite"
    with sqlite3.connect(file) as db:
        db.execute("drop table if exists HoSoMC")
        db.execute(f"create table HoSoMC (ID integer primary key, {', '.join(f'{c} text' for c in COLUMNS[1:])})")
        db.executemany(f"insert into HoSoMC values ({', '.join('?' * len(COLUMNS))})", rows)
    assert machine.mappings is not None
    (machine.mappings / "ba_vi_motcua.yml").write_text(SQLITE, encoding="utf-8")
    machine.connections = {"ba_vi_motcua": f"sqlite:///{file}"}
    return file


def held(machine: Machine) -> dict[str, set[str]]:
    return {key: {p["reason"] for p in problems} for key, problems in machine.query("select source_key, problems from quarantine.open")}


def test_a_database_with_its_own_columns_and_status_numbers(machine: Machine) -> None:
    legacy(machine, ROWS)
    summary = machine.migrated("ba_vi_motcua")
    outcomes = ("extracted", "published", "unchanged", "merged", "quarantined", "filtered", "balance")
    assert [summary[name] for name in outcomes] == [6, 2, 0, 0, 3, 1, 0]
    assert summary["state"] == "published"
    assert summary["reconciliation"]["failed"] == 0
    published = machine.query(
        "select dossier_no, status, status_raw, received_at::date::text, fee_amount, old_commune_code, new_commune_code, address_old"
        " from unified.dossier order by source_key"
    )
    assert published == [
        ("BV-001", "10", "300", "2025-03-10", 50_000, "09694", "09694", "thôn Hà Tân"),
        ("BV-002", "4", "200", "2025-03-10", 50_000, "09694", "09694", "thôn Hà Tân"),
    ]
    assert held(machine) == {"3": {"code-unknown"}, "4": {"date-impossible"}, "6": {"unit-ambiguous"}}
    assert machine.query("select distinct source from unified.dossier") == [("ba_vi_motcua.HoSoMC",)]


def test_a_second_run_finds_all_unchanged_and_a_correction_is_published(machine: Machine) -> None:
    legacy(machine, ROWS)
    machine.migrated("ba_vi_motcua")
    again = machine.migrated("ba_vi_motcua")
    assert (again["published"], again["unchanged"], again["quarantined"], again["filtered"]) == (0, 2, 3, 1)
    legacy(machine, [*ROWS[:2], (3, "BV-003", *GOOD), *ROWS[3:]])
    corrected = machine.migrated("ba_vi_motcua")
    assert (corrected["published"], corrected["unchanged"], corrected["quarantined"]) == (1, 2, 2)
    assert held(machine).keys() == {"4", "6"}
    assert machine.query("select status from unified.dossier where source_key = '3'") == [("10",)]


def test_a_delta_reads_from_the_watermark_on(machine: Machine) -> None:
    legacy(machine, ROWS)
    machine.migrated("ba_vi_motcua")
    legacy(machine, [*ROWS, (7, "BV-007", *GOOD[:-1], "2025-03-12 09:00:00")])
    delta = machine.migrated("ba_vi_motcua", "delta")
    assert delta["published"] == 1
    assert delta["balance"] == 0
    assert machine.query("select count(*) from unified.dossier") == [(3,)]


def test_a_file_with_free_text_addresses(machine: Machine) -> None:
    assert machine.mappings is not None
    (machine.mappings / "dan_hoa_so.yml").write_text(CSV, encoding="utf-8")
    file = machine.home.parent / "so.csv"
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, delimiter=";")
        writer.writerows([("Số", "KQ", "Ngày", "Nơi ở"), ("01/DH", "xong", "2/1/2025", "thôn 2, xã Tản Lĩnh, huyện Ba Vì, Hà Nội")])
        writer.writerows([("02/DH", "dang", "3/1/2025", "xã Không Có, huyện Ba Vì, Hà Nội"), ("03/DH", "huỷ", "4/1/2025", "")])
    machine.connections = {"dan_hoa_so": file.as_uri()}
    summary = machine.migrated("dan_hoa_so")
    assert (summary["extracted"], summary["published"], summary["quarantined"], summary["balance"]) == (3, 1, 2, 0)
    assert machine.query("select dossier_no, new_commune_code, address_old from unified.dossier") == [("01/DH", "09694", "thôn 2, xã Tản Lĩnh, huyện Ba Vì, Hà Nội")]
    assert held(machine) == {"02/DH": {"unit-unmatched"}, "03/DH": {"unit-missing", "code-unknown"}}


def test_a_column_nobody_spoke_of_stops_the_run(machine: Machine) -> None:
    file = legacy(machine, ROWS)
    with sqlite3.connect(file) as db:
        db.execute("alter table HoSoMC add column GhiChuMoi text")
    done = machine.migrate("ba_vi_motcua")
    assert done.returncode == 3
    assert "GhiChuMoi" in done.stderr
    assert machine.query("select to_regclass('unified.dossier') is null or (select count(*) from unified.dossier) = 0") == [(True,)]


def test_two_systems_live_side_by_side(machine: Machine) -> None:
    """The second file changes nothing about the first."""
    test_a_file_with_free_text_addresses(machine)
    legacy(machine, ROWS)
    assert machine.migrated("ba_vi_motcua")["published"] == 2
    assert machine.query("select source, count(*) from unified.dossier group by 1 order by 1") == [("ba_vi_motcua.HoSoMC", 2), ("dan_hoa_so.so", 1)]
