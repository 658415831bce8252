"""One key with contradicting rows, some of them in another part of the file: all of them wait, none is picked."""

from __future__ import annotations

from pathlib import Path

from tests.support.migration import Machine

MAPPING = """
id: so_kiem
title: Sổ thử khóa trùng qua nhiều phần
domain: dossiers
technology: csv
connection: so_kiem
server: so_kiem
units_as_of: 2025-06-30
codes: {status: {"5": "10"}}
tables:
  - name: so
    entity: dossier
    key: [ma]
    chunk_rows: 1000
    expect: {min_rows: 1, max_rows: 10000}
    columns: {dossier_no: ma, applicant_name: ten, status: {from: tt, codes: status}}
    unit: {carries: people, commune_code: xa, commune: ten_xa, district: huyen}
"""


def test_a_key_that_contradicts_itself_across_parts_is_published_nowhere(furnished: str, tmp_path: Path) -> None:
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "so_kiem.yml").write_text(MAPPING, encoding="utf-8")
    rows = [f"S{n},Người {n},5,00004,Phường Trúc Bạch,Quận Ba Đình" for n in range(2_500)]
    rows[10] = rows[10].replace("S10,", "S7,")  # the same part
    rows[2_400] = rows[2_400].replace("S2400,", "S7,")  # another part
    rows[2_401] = rows[900].replace("S2401,", "S900,")  # an exact copy in another part
    file = tmp_path / "so.csv"
    file.write_text("\n".join(["ma,ten,tt,xa,ten_xa,huyen", *rows]) + "\n", encoding="utf-8")
    machine = Machine(tmp_path / "home", furnished, {"so_kiem": file.as_uri()}, mappings)
    for _ in range(2):
        summary = machine.migrated("so_kiem")
        assert summary["balance"] == 0
        assert (summary["quarantined"], summary["merged"]) == (3, 1)
        assert summary["published"] + summary["unchanged"] == 2_496
        assert machine.query("select count(*) from unified.dossier where source_key = 'S7'") == [(0,)]
        assert machine.query("select count(*) from unified.dossier where source_key = 'S900'") == [(1,)]
