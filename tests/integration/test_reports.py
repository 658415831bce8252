"""Reports of a run with held rows: complete, masked, readable, for a rehearsal too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import psycopg2
import pytest
from psycopg2.extensions import connection

from hopnhat.report.mismatch import collect, write_mismatch
from hopnhat.report.reconciliation import write_reconciliation
from hopnhat.report.summary import render_text, write_summary
from hopnhat.server import dsn

RUN = "r-2026-11-01"
SOURCE = "alpha.hoso"
SECRETS = ("001085012345", "0912345678", "Nguyễn Thị Hương", "ngõ 12", "tổ 3")


@dataclass(frozen=True)
class Rig:
    conn: connection
    out: Path

    def run(self, statement: str, *values: object) -> None:
        with self.conn.cursor() as cursor:
            cursor.execute(statement, values or None)


@pytest.fixture
def rig(furnished: str, tmp_path: Path) -> Iterator[Rig]:
    conn = psycopg2.connect(dsn(furnished))
    found = Rig(conn, tmp_path / "out")
    _fill(found)
    conn.commit()
    yield found
    conn.close()


def _fill(rig: Rig) -> None:
    rig.run("insert into ledger.version values (1, 'alpha', 'm', '2026-08-24', 'c', '2026-11-01')")
    rig.run("insert into ledger.run (run_id, system, mode, as_of, state, version_id) values (%s, 'alpha', 'bulk', '2026-11-01', 'published', 1)", RUN)
    rig.run(
        "insert into ledger.batch (run_id, system, source, entity, part_number, part, part_sha, version_id, extracted, published, unchanged, merged,"
        " quarantined, filtered, state) values (%s, 'alpha', %s, 'dossier', 0, 'p', 's', 1, 1000, 900, 50, 3, 40, 7, 'published')",
        RUN, SOURCE,
    )  # fmt: skip
    rig.run("insert into ledger.unit_tally select batch_id, 'quarantined', '', array['00007'], array[20] from ledger.batch")
    rig.run("create table unified.part partition of unified.dossier for values in ('alpha.hoso')")
    rig.run(
        "insert into unified.dossier (source, source_key, source_hash, batch_id, warnings)"
        " select 'alpha.hoso', g::text, 0, 1, case when g in (2, 4, 6) then array['phone:phone-renumbered'] end from generate_series(1, 10) g"
    )
    address = "Số 5 ngõ 12 Đội Cấn, tổ 3, phường Cống Vị, quận Ba Đình, Hà Nội"
    rig.run(
        "insert into unified.unit_resolution (resolution_id, registry_version, inputs, status, old_code, rule, score, runner_up, runner_up_score, candidates)"
        " select g, '2026-08-24', jsonb_build_object('text', %s::text), 'ambiguous', '00007', 'canonical+split', 100, '00028', 71, array['00008', '00025']"
        " from generate_series(1, 20) g",
        address,
    )
    raw = json.dumps({"ten": SECRETS[2], "cccd": SECRETS[0], "dt": SECRETS[1], "dia_chi": address, "tt": "77", "ngay": "31/02/2024"})
    for first, last, problem, unit in (
        (1, 20, {"field": "unit", "column": "dia_chi", "reason": "unit-ambiguous", "value": None}, True),
        (21, 28, {"field": "status", "column": "tt", "reason": "code-unknown", "value": "77"}, False),
        (29, 32, {"field": "received_at", "column": "ngay", "reason": "date-impossible", "value": "31/02/2024"}, False),
        (33, 36, {"field": "applicant_id_no", "column": "cccd", "reason": "id-length", "value": None}, False),
        (37, 38, {"field": "phone", "column": "dt", "reason": "phone-unreadable", "value": None}, False),
        (39, 39, {"field": "applicant_name", "column": "ten", "reason": "brand-new-code", "value": SECRETS[2]}, False),
        (40, 40, {"field": "organ_name", "column": "ghi", "reason": "text-undecodable", "value": {"hex": "a7b7"}}, False),
    ):
        rig.run(
            "insert into quarantine.row (batch_id, source, source_key, source_hash, entity, old_unit, resolution_id, problems, raw)"
            " select 1, %s, 'K' || lpad(g::text, 3, '0'), 0, 'dossier', '00007', case when %s then g end, %s, %s from generate_series(%s, %s) g",
            SOURCE, unit, json.dumps([problem]), raw, first, last,
        )  # fmt: skip


def test_one_line_per_distinct_problem_sorted_by_rows(rig: Rig) -> None:
    report = collect(rig.conn, RUN, ["alpha"])
    assert [(i.rows, i.reason_code) for i in report.items[:5]] == [
        (20, "unit-ambiguous"), (8, "code-unknown"), (4, "id-length"), (4, "date-impossible"), (2, "phone-unreadable"),
    ]  # fmt: skip
    assert report.problems == len(report.items) == 7
    assert sum(i.rows for i in report.items) == 40


def test_a_unit_problem_shows_place_candidates_rule_and_coordinates(rig: Rig) -> None:
    item = collect(rig.conn, RUN, ["alpha"]).items[0]
    assert item.context == "phường Cống Vị, quận Ba Đình, Hà Nội"
    assert item.candidates == "00008 Phường Ngọc Hà; 00025 Phường Giảng Võ"
    assert "canonical+split" in item.how
    assert "điểm 100" in item.how
    assert "00028" in item.how
    assert (item.source, item.keys) == (SOURCE, "K001, K020")


def test_an_unknown_reason_is_shown_and_bytes_are_not_guessed(rig: Rig) -> None:
    items = {i.reason_code: i for i in collect(rig.conn, RUN, ["alpha"]).items}
    assert items["brand-new-code"].reason == "brand-new-code"
    assert "hex:a7b7" in items["text-undecodable"].context


def test_no_personal_data_in_any_report(rig: Rig) -> None:
    paths = write_mismatch(rig.conn, RUN, ["alpha"], rig.out)
    html = Path(paths["mismatch_html"]).read_text(encoding="utf-8")
    book = openpyxl.load_workbook(paths["mismatch_xlsx"])
    cells = "\n".join(str(c) for sheet in book for row in sheet.iter_rows(values_only=True) for c in row if c is not None)
    for text in (html, cells):
        assert "Mã chưa có trong bảng quy đổi" in text
        assert "001******345" in text
        assert "*******678" in text
        assert [s for s in SECRETS if s in text] == []
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//|@import|<script", html)


def test_the_workbook_has_counts_charts_problems_and_warnings(rig: Rig) -> None:
    book = openpyxl.load_workbook(write_mismatch(rig.conn, RUN, ["alpha"], rig.out)["mismatch_xlsx"])
    assert book.sheetnames == ["Tổng hợp", "Vấn đề", "Lưu ý"]
    assert len(book["Tổng hợp"]._charts) == 2
    assert [c for c in book["Tổng hợp"].iter_rows(values_only=True) if c[0] == SOURCE] == [(SOURCE, 1000, 900, 50, 3, 40, 7, 0)]
    assert book["Vấn đề"].max_row == 8
    assert [row[:3] for row in book["Lưu ý"].iter_rows(min_row=2, values_only=True)] == [
        (3, "Số điện thoại được đổi sang đầu số mới (2018)", "phone-renumbered")
    ]


def test_values_that_look_like_formulas_or_markup_stay_text(rig: Rig) -> None:
    problem = json.dumps([{"field": "organ_name", "column": "dv", "reason": "code-unknown", "value": "=cmd()<b>x</b>"}])
    rig.run("update quarantine.row set problems = %s where source_key = 'K040'", problem)
    rig.run("update quarantine.row set problems = jsonb_set(problems, '{0,value}', '\"=1+1\"') where source_key = 'K021'")
    paths = write_mismatch(rig.conn, RUN, ["alpha"], rig.out)
    assert "<b>x</b>" not in Path(paths["mismatch_html"]).read_text(encoding="utf-8")
    book = openpyxl.load_workbook(paths["mismatch_xlsx"])
    assert {c.data_type for row in book["Vấn đề"].iter_rows() for c in row if c.value is not None} <= {"s", "n"}


def test_a_rehearsal_and_rows_held_before_are_reported(rig: Rig) -> None:
    rig.run("update ledger.run set state = 'rehearsed'")
    rig.run("update ledger.batch set state = 'rehearsed'")
    rig.run('create table staging."alpha.hoso" as select * from unified.dossier')
    report = collect(rig.conn, RUN, ["alpha"])
    assert sum(i.rows for i in report.items) == 40
    assert report.warnings[0][3] == 3
    assert collect(rig.conn, "another run", ["alpha"]).items == []


def test_a_released_row_is_no_longer_a_problem(rig: Rig) -> None:
    rig.run("update quarantine.row set released_by = 1 where source_key <= 'K020'")
    assert collect(rig.conn, RUN, ["alpha"]).problems == 6


def test_more_problems_than_can_be_listed_are_counted_and_said(rig: Rig) -> None:
    report = collect(rig.conn, RUN, ["alpha"], limit=2)
    assert (len(report.items), report.problems) == (2, 7)


@pytest.mark.parametrize("verdict", ["pass", "fail"])
def test_the_reconciliation_report_says_the_same_in_three_forms(rig: Rig, verdict: str) -> None:
    difference = 0 if verdict == "pass" else 1
    rig.run(
        "insert into verify.result (run_id, system, source, leg, measure, month, landing_value, published_value, difference, verdict) values"
        " (%s, 'alpha', 'alpha.hoso', '2 landing-expected', 'rows by-month', '2024-03', 10, 9, %s, %s),"
        " (%s, 'alpha', 'alpha.hoso', '1 source-landing', 'rows', '', 10, null, 0, 'not applicable')",
        RUN, difference, verdict, RUN,
    )  # fmt: skip
    paths = write_reconciliation(rig.conn, RUN, "alpha", rig.out)
    content = json.loads(Path(paths["reconciliation_json"]).read_text(encoding="utf-8"))
    assert (content["outcome"], content["digest"]) == (verdict, paths["reconciliation_digest"])
    assert content["verdicts"] == {verdict: 1, "not applicable": 1}
    html = Path(paths["reconciliation_html"]).read_text(encoding="utf-8")
    words = "Đạt" if verdict == "pass" else "Không đạt"
    assert f">{words}</span></h1>" in html
    assert content["digest"] in html
    book = openpyxl.load_workbook(paths["reconciliation_xlsx"])
    cells = [c for sheet in book for row in sheet.iter_rows(values_only=True) for c in row]
    assert content["digest"] in cells
    assert words in cells
    assert {"Số dòng theo tháng", "2024-03"} <= set(cells)


def test_the_digest_of_the_report_ignores_the_run(rig: Rig) -> None:
    insert = (
        "insert into verify.result (run_id, system, source, leg, measure, landing_value, difference, verdict)"
        " values (%s, 'alpha', 'alpha.hoso', '2 landing-expected', 'rows', %s, 0, 'pass')"
    )
    rig.run(insert, RUN, 10)
    rig.run(insert, "r2", 10)
    rig.run(insert, "r3", 11)
    digests = [write_reconciliation(rig.conn, run, "alpha", rig.out / run)["reconciliation_digest"] for run in (RUN, "r2", "r3")]
    assert digests[0] == digests[1] != digests[2]


def test_the_summary_adds_up_and_reads_well(rig: Rig) -> None:
    write_mismatch(rig.conn, RUN, ["alpha"], rig.out / "alpha")
    summary = write_summary(rig.conn, RUN, rig.out)
    expected = {"extracted": 1000, "published": 900, "unchanged": 50, "merged": 3, "quarantined": 40, "filtered": 7, "balance": 0}
    assert summary["totals"] == expected
    assert summary["systems"]["alpha"]["tables"] == {SOURCE: expected}
    assert expected.items() <= summary["systems"]["alpha"].items()
    assert set(summary["reports"]["alpha"]) == {"mismatch.html", "mismatch.xlsx"}
    assert json.loads((rig.out / "summary.json").read_text(encoding="utf-8")) == summary
    text = render_text(summary)
    assert "Đọc 1.000 dòng từ 1 hệ thống: 950 dòng" in text
    assert "chênh lệch bằng 0" in text
    assert "chưa đối soát" in text
    assert "1,000 rows read from 1 system:" in render_text(summary, "en")


def test_the_summary_of_an_unknown_run_is_empty_not_wrong(rig: Rig) -> None:
    summary = write_summary(rig.conn, "no such run", rig.out)
    assert summary["systems"] == {}
    assert set(summary["totals"].values()) == {0}
