"""The assessment run by a real Airflow (scheduler, API, executor): reports for every system, red only where it blocks."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from hopnhat.orchestrate import runner
from tests.support.airflow import REPOSITORY, ended_afterwards, know

MAPPING = """\
id: {0}
title: Hệ thống {0}
domain: dossiers
technology: sqlite
connection: legacy_{0}
server: {0}
units_as_of: 2025-06-30
governor: {{target_seconds: 1.0}}
codes:
  status: {{Đã trả kết quả: "10"}}
tables:
  - name: ho_so
    entity: dossier
    key: [MaHoSo]
    expect: {{min_rows: 1, max_rows: 1000}}
    columns:
      dossier_no: MaHoSo
      procedure_code: MaTTHC
      procedure_name: TenTTHC
      applicant_name: ChuHoSo
      received_at: {{from: NgayTiepNhan, formats: [iso]}}
      status: {{from: TrangThai, codes: status}}
    unit: {{carries: people, commune_code: MaXa}}
"""


def legacy(path: Path, rows: int) -> str:
    with sqlite3.connect(path) as base:
        base.execute(
            "create table ho_so (MaHoSo text primary key, MaTTHC text, TenTTHC text, ChuHoSo text, NgayTiepNhan text, TrangThai text, MaXa text)"
        )
        base.executemany(
            "insert into ho_so values (?, '1.001193', 'Đăng ký khai sinh', 'Nguyễn Thị Thử Nghiệm', '2024-05-06 08:00:00', 'Đã trả kết quả', '00004')",
            [(f"H26.29-240506-{number:04}",) for number in range(rows)],
        )
    base.close()
    return f"sqlite:///{path}"


def test_one_system_can_go_and_one_is_blocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, said = tmp_path / "systems", list[str]()
    folder.mkdir()
    for name in ("huyen_tot", "huyen_rong"):
        (folder / f"{name}.yml").write_text(MAPPING.format(name), encoding="utf-8")
    extra = {"PYTHONPATH": str(REPOSITORY), "HOPNHAT_MAPPINGS": str(folder), "HOPNHAT_REPORTS": str(tmp_path / "reports")}
    know(monkeypatch, extra)
    with ended_afterwards(tmp_path):
        outcome = runner.run_dags(
            tmp_path / "var", "assess", run_id="khao-sat", conf={"systems": ["huyen_tot", "huyen_rong"]}, environment=extra, say=said.append, timeout=240,
            connections={"legacy_huyen_tot": legacy(tmp_path / "a.db", 30), "legacy_huyen_rong": legacy(tmp_path / "b.db", 0)},
        )  # fmt: skip
    text = "\n".join(said)
    assert (outcome.state, outcome.failed) == ("failed", ["assess · look[huyen_rong]"]), text
    assert "BLOCKED" in text  # why, without opening a log
    assert "look[huyen_tot] done" in text
    assert "Thử Nghiệm" not in text
    for name, verdict in (("huyen_tot", {"GO", "FIX FIRST"}), ("huyen_rong", {"BLOCKED"})):
        reports = tmp_path / "reports" / "khao-sat" / f"assess-{name}"
        assert json.loads((reports / "assessment.json").read_text(encoding="utf-8"))["verdict"] in verdict
        assert {path.name for path in reports.iterdir()} == {"assessment.json", "assessment.html", "assessment.xlsx", f"{name}.yml"}
