"""The cleaning, recoding and placing of real frames, held against the labels row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from hopnhat.extract.contract import ROW, KeyRange
from hopnhat.extract.technologies import open_source
from hopnhat.sample.build import SampleSystems
from mappings.read import load_domain, load_system
from mappings.spec import System, Table
from mappings.units.registry import load_registry
from transforms.conform import Conformed, conform
from transforms.places import Placer
from transforms.units import Scope, resolve

Labels = dict[str, list[dict[str, Any]]]
DOSSIERS = {"hn_motcua": "opencps_dossier", "thanhtri_motcua": "HOSO", "so_tay_xa": "SoTiepNhan"}


def conformed(sample: SampleSystems, system: System, table: Table) -> tuple[pa.Table, Conformed]:
    url = sample.connections[system.connection]
    technology = "sqlite" if url.startswith("sqlite:") else system.technology
    source = open_source(technology, url, {**system.options, "system": system.id})
    frame = source.read(table.name, table.key, KeyRange(0, None, None), table.used_columns())
    source.close()
    assert table.unit
    placer = Placer(
        load_registry(), Scope(era="old", provinces=tuple(system.provinces)), table.unit.carries, system.units_as_of.isoformat()
    )
    return frame, conform(frame, system, table, load_domain(system.domain).entities[table.entity], placer)


def told_of(findings: list[Any], rows: int) -> list[set[str]]:
    told: list[set[str]] = [set() for _ in range(rows)]
    for finding in findings:
        for at in np.flatnonzero(finding.reasons.is_valid().to_numpy(zero_copy_only=False)):
            told[at].add(f"{finding.field}:{finding.reasons[int(at)].as_py()}")
    return told


def may_wait(label: dict[str, Any]) -> bool:
    """Its place may be held back, alone or beside the row's other reasons."""
    return "quarantined" in label["also_ok"] or "new-era" in label["defects"]


@pytest.mark.parametrize("system_id", list(DOSSIERS))
def test_every_row_is_read_as_its_label_says(system_id: str, sample: SampleSystems, labels: Labels) -> None:
    system = load_system(system_id)
    table = next(t for t in system.tables if t.name == DOSSIERS[system_id])
    frame, result = conformed(sample, system, table)
    by = ROW if ROW in frame.column_names else table.key[0]
    coordinates = frame[by].to_pylist() if by == ROW else [key.decode() for key in frame[by].to_pylist()]
    told = {label["row" if by == ROW else "source_key"]: label for label in labels[system.source_id(table)]}
    problems, warnings = told_of(result.problems, frame.num_rows), told_of(result.warnings, frame.num_rows)
    columns = {
        name: result.columns[name].to_pylist()
        for name in ("applicant_name", "status", "old_commune_code", "new_commune_code", "new_province_code")
    }
    days = pc.cast(result.columns["received_at"], pa.date32()).to_pylist()
    wrong = []
    for at, coordinate in enumerate(coordinates):
        label = told[coordinate]
        # Copies and keys are judged where rows meet, not where one is read.
        if label["outcome"] in ("filtered", "merged") or "key-clash" in label["defects"]:
            continue
        reasons = {reason for reason in label["reasons"] if not reason.startswith("source_key:")}
        if problems[at]:
            held = {reason for reason in problems[at] if reason.startswith("unit:")} if may_wait(label) else set()
            if problems[at] - held != reasons:
                wrong.append((label["source_key"], label["defects"], sorted(problems[at])))
            continue
        got = (
            columns["old_commune_code"][at],
            columns["new_commune_code"][at],
            columns["new_province_code"][at],
            columns["status"][at],
            days[at],
        )
        expected = (label["old_code"], label["new_code"], label["new_province_code"], label["status"], label["received_on"])
        if reasons or got != expected or not set(label["warnings"]) <= warnings[at]:
            wrong.append((label["source_key"], label["defects"], sorted(reasons), got, expected, sorted(warnings[at])))
        elif columns["applicant_name"][at].casefold() != label["applicant_name"].casefold():
            wrong.append((label["source_key"], label["defects"], columns["applicant_name"][at]))
    assert not wrong, wrong[:20]


def test_code_with_the_name_of_a_near_neighbour_is_a_conflict() -> None:
    """Hàng Bài (00088) and Hàng Bạc are two communes of quận Hoàn Kiếm: the name of one does not confirm the code of the other."""
    asked = {
        "commune_code": "00088",
        "commune": "Phường Hàng Bạc",
        "district_code": "002",
        "district": "Quận Hoàn Kiếm",
        "province_code": "01",
    }
    found = resolve(pd.DataFrame([asked], dtype="str").assign(as_of="2025-06-30"), load_registry(), scope=Scope(era="old"))
    assert found["status"].tolist() == ["ambiguous"]
    assert found["rule"].tolist() == ["conflict"]


def test_no_name_is_not_taken_for_a_commune() -> None:
    """Somebody wrote "no name"; Thông Tân, a commune of that district, is not what he meant."""
    asked = {"commune": "Xã Không Tên", "district_code": "431", "district": "Huyện Hưng Nguyên", "province_code": "40"}
    found = resolve(pd.DataFrame([asked], dtype="str").assign(as_of="2025-06-30"), load_registry(), scope=Scope(era="old"))
    assert found["status"].tolist() != ["resolved"]
