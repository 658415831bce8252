"""The generator keeps its promises: deterministic, labelled row by row, as bad as asked."""

from __future__ import annotations

import sqlite3
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from hopnhat.sample import district_defects, opencps_children, opencps_defects, register_defects
from hopnhat.sample.build import SampleSystems, build
from hopnhat.sample.change import change
from hopnhat.sample.opencps import city_chunk
from hopnhat.sample.places import communes
from hopnhat.sample.register import COLUMNS, SHEET

DOSSIER = "hn_motcua.opencps_dossier"
Labels = dict[str, list[dict[str, Any]]]


def rows_of(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(home / "hn_motcua.sqlite") as connection:
        return connection.execute(sql).fetchall()


def files_of(home: Path) -> dict[str, bytes]:
    return {str(p.relative_to(home)): p.read_bytes() for p in sorted(home.rglob("*")) if p.suffix in (".DBF", ".xlsx", ".parquet")}


def test_communes_are_those_of_the_law() -> None:
    places = communes()
    assert len(places.code) == 10_035
    assert int(places.split.sum()) == 441
    assert int((~places.settled).sum()) == 381


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    one = build(tmp_path / "one", rows=1_500, use_mariadb=False)
    two = build(tmp_path / "two", rows=1_500, use_mariadb=False)
    assert files_of(one.home) == files_of(two.home)
    for table in ("opencps_dossier", "opencps_dossieraction", "opencps_dossierfile"):
        assert rows_of(one.home, f"select * from {table}") == rows_of(two.home, f"select * from {table}")


def test_another_seed_gives_another_sample(tmp_path: Path) -> None:
    one = build(tmp_path / "one", rows=1_000, use_mariadb=False)
    two = build(tmp_path / "two", rows=1_000, seed=7, use_mariadb=False)
    assert rows_of(one.home, "select applicantName from opencps_dossier") != rows_of(two.home, "select applicantName from opencps_dossier")


def test_second_call_reuses_and_other_arguments_rebuild(tmp_path: Path) -> None:
    first = build(tmp_path, rows=1_000, use_mariadb=False)
    made = {path: path.stat().st_mtime_ns for path in first.labels.values()}
    assert build(tmp_path, rows=1_000, use_mariadb=False) == first
    assert {path: path.stat().st_mtime_ns for path in first.labels.values()} == made
    assert build(tmp_path, rows=1_200, use_mariadb=False).rows[DOSSIER] == 1_200


def test_a_build_cut_off_is_begun_anew(tmp_path: Path) -> None:
    first = build(tmp_path, rows=1_000, use_mariadb=False)
    with sqlite3.connect(tmp_path / "hn_motcua.sqlite") as connection:
        connection.execute("drop table opencps_dossierfile")
    assert build(tmp_path, rows=1_000, use_mariadb=False).rows == first.rows
    assert len(rows_of(tmp_path, "select 1 from opencps_dossierfile")) == first.rows["hn_motcua.opencps_dossierfile"]


def test_every_row_of_the_database_has_one_label(sample: SampleSystems, labels: Labels) -> None:
    for table, key in (
        ("opencps_dossier", "dossierId"),
        ("opencps_dossieraction", "dossierActionId"),
        ("opencps_dossierfile", "dossierFileId"),
    ):
        keys = sorted(str(row[0]) for row in rows_of(sample.home, f"select {key} from {table}"))
        assert keys == sorted(label["source_key"] for label in labels[f"hn_motcua.{table}"])


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3])
def test_as_bad_as_asked(share: float) -> None:
    chunk = city_chunk(0, 20_000, 1, share)
    outcomes = Counter(chunk.labels["outcome"].to_pylist())
    assert outcomes["quarantined"] / 20_000 == pytest.approx(share, abs=0.2 * share)
    if share == 0:
        assert outcomes == {"published": 20_000}


def test_every_defect_occurs(labels: Labels) -> None:
    for source, module in (
        (DOSSIER, opencps_defects),
        ("thanhtri_motcua.HOSO", district_defects),
        ("so_tay_xa.SoTiepNhan", register_defects),
    ):
        planted = {name for label in labels[source] for name in label["defects"]}
        known = {defect.name for defect in module.DEFECTS} - {""}
        assert planted <= known
        assert known - planted <= {"ward-i-y", "address-tone", "date-sentinel"}, source
    files = {name for label in labels["hn_motcua.opencps_dossierfile"] for name in label["defects"]}
    assert files == {defect.name for defect in opencps_children.DEFECTS} - {""}


def test_labels_follow_the_law(labels: Labels) -> None:
    places = communes()
    law = dict(zip(places.code.to_pylist(), zip(places.new_code.to_pylist(), places.candidates.to_pylist(), strict=True), strict=True))
    for source in (DOSSIER, "thanhtri_motcua.HOSO"):
        for label in labels[source]:
            if label["old_code"]:
                assert (label["new_code"], label["candidates"]) == law[label["old_code"]]
            if label["outcome"] == "published":
                assert label["new_code"]
                assert not label["reasons"]


def test_a_chunk_needs_no_chunk_before_it() -> None:
    alone = city_chunk(100_000, 100_500, 3, 0.02)
    assert alone.frame["dossierId"][0].as_py() == "200001"
    assert (
        alone.frame["dossierNo"].drop_null().to_pylist() == city_chunk(100_000, 100_500, 3, 0.02).frame["dossierNo"].drop_null().to_pylist()
    )


def test_public_numbers_are_unique_and_well_formed(sample: SampleSystems) -> None:
    numbers = [row[0] for row in rows_of(sample.home, "select dossierNo from opencps_dossier where dossierNo is not null")]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        organ, day, rank = number.split("-")
        assert date.fromisoformat(f"20{day[:2]}-{day[2:4]}-{day[4:]}")
        assert organ.endswith(".H26")
        assert rank.isdigit()


def test_twins_point_at_each_other(labels: Labels) -> None:
    here = {f"{DOSSIER}|{label['source_key']}": label for label in labels[DOSSIER] if label["twin"]}
    there = {f"thanhtri_motcua.HOSO|{label['source_key']}": label for label in labels["thanhtri_motcua.HOSO"] if label["twin"]}
    assert len(here) == len(there) > 100
    for key, label in here.items():
        other = there[label["twin"]]
        assert other["twin"] == key
        assert other["twin_differs"] == label["twin_differs"]
        assert (other["status"] != label["status"]) == ("status" in label["twin_differs"])
        assert other["received_on"] == label["received_on"]
    assert any(label["twin_differs"] for label in here.values())


def test_only_twins_share_a_public_number(sample: SampleSystems, labels: Labels) -> None:
    city = {
        number: str(key)
        for number, key in rows_of(sample.home, "select dossierNo, dossierId from opencps_dossier where dossierNo is not null")
    }
    for label in labels["thanhtri_motcua.HOSO"]:
        assert (label["source_key"] in city) == (label["twin"] is not None)
    register = openpyxl.load_workbook(sample.connections["so_tay_xa"].removeprefix("file://"))[SHEET]
    assert not city.keys() & {row[COLUMNS.index("Mã hồ sơ")] for row in register.iter_rows(values_only=True)}


def test_children_of_held_rows_are_held(sample: SampleSystems, labels: Labels) -> None:
    held = {label["source_key"]: label["outcome"] for label in labels[DOSSIER]}
    for table, key in (("opencps_dossieraction", "dossierActionId"), ("opencps_dossierfile", "dossierFileId")):
        parent = {str(child): str(dossier) for child, dossier in rows_of(sample.home, f"select {key}, dossierId from {table}")}
        for label in labels[f"hn_motcua.{table}"]:
            outcome = held.get(parent[label["source_key"]])
            assert outcome != "filtered"
            if label["outcome"] != "filtered":
                assert (label["outcome"] == "quarantined") == (outcome != "published")


def test_change_touches_what_it_says(tmp_path: Path) -> None:
    build(tmp_path, rows=2_000, use_mariadb=False)
    before = dict(rows_of(tmp_path, "select cast(dossierId as text), contactTelNo || modifiedDate from opencps_dossier"))
    latest = max(row[0] for row in rows_of(tmp_path, "select modifiedDate from opencps_dossier"))
    keys = change(tmp_path, share=0.05)
    after = dict(rows_of(tmp_path, "select cast(dossierId as text), contactTelNo || modifiedDate from opencps_dossier"))
    assert len(keys) == 100
    assert sorted(key for key in before if before[key] != after[key]) == keys
    delta = rows_of(tmp_path, f"select cast(dossierId as text) from opencps_dossier where modifiedDate > '{latest}'")
    assert sorted(row[0] for row in delta) == keys
    again = change(tmp_path, share=0.05, seed=2)
    assert again != keys


def test_labels_are_written_whole_or_not_at_all(sample: SampleSystems) -> None:
    assert not list((sample.home / "labels").glob("*.new"))
    assert {pq.read_schema(path).names[0] for path in sample.labels.values()} == {"source_key"}
