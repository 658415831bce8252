"""Files in, files out, and look-ups in both directions as people and scripts use them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hopnhat.cli import app
from hopnhat.lookup import lookup, registry, resolve_file
from hopnhat.model.errors import MappingError
from mappings.units.evidence import load_rules
from transforms.units_lookup import full_name, new_to_old, old_to_new, units_of_code

COLUMNS = [
    "id", "status", "new_commune_code", "new_commune", "new_province_code", "old_commune_code", "rule", "score", "candidates",
]  # fmt: skip


def through(folder: Path, text: str) -> list[dict[str, str]]:
    (folder / "in.csv").write_text(text, "utf-8")
    resolve_file(folder / "in.csv", folder / "out.csv")
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_out_for_one_row_in_in_order(tmp_path: Path) -> None:
    rows = through(
        tmp_path,
        "id,text\n"
        'b,"Phường Cống Vị, Quận Ba Đình, Hà Nội"\n'
        'a,"Xã Tản Lĩnh, Huyện Ba Vì, Hà Nội"\n'
        'b,"Phường Cống Vị, Quận Ba Đình, Hà Nội"\n'
        "c,\n"
        "d,test\n",
    )
    assert list(rows[0]) == COLUMNS
    assert [row["id"] for row in rows] == ["b", "a", "b", "c", "d"]
    assert [row["status"] for row in rows] == ["ambiguous", "resolved", "ambiguous", "unmatched", "unmatched"]
    assert rows[0]["candidates"] == "00008|00025"
    assert rows[1]["new_commune_code"] == "09694"


def test_codes_keep_their_zeros_and_columns_mix(tmp_path: Path) -> None:
    rows = through(tmp_path, "id,commune_code,district,province\n1,00004,Quận Ba Đình,Hà Nội\n2,4,Ba Đình,\n")
    assert [row["old_commune_code"] for row in rows] == ["00004", "00004"]


@pytest.mark.parametrize(
    "text",
    [
        "X· T¶n LÜnh, HuyÖn Ba V×, Thµnh phè Hµ Néi",  # TCVN3
        "Xaõ Taûn Lónh, Huyeän Ba Vì, Thaønh phoá Haø Noäi",  # VNI
        "XÃ£ Táº£n LÄ©nh, Huyá»‡n Ba VÃ¬, ThÃ nh phá»‘ HÃ  Ná»™i",  # UTF-8 read as Windows-1252
    ],
)
def test_legacy_encodings_are_repaired_first(tmp_path: Path, text: str) -> None:
    rows = through(tmp_path, f'id,text\n1,"{text}"\n')
    assert rows[0]["status"] in ("resolved", "unmatched")
    assert rows[0]["new_commune_code"] in ("09694", "")
    if not text.startswith("XÃ£"):
        assert rows[0]["new_commune_code"] == "09694"


def test_a_file_without_known_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="no column to resolve"):
        through(tmp_path, "id,name\n1,x\n")


def test_a_file_without_rows_gives_a_file_without_rows(tmp_path: Path) -> None:
    assert through(tmp_path, "id,text\n") == []
    assert (tmp_path / "out.csv").read_text("utf-8").count("\n") == 1


def test_old_to_new_and_back() -> None:
    units = registry()
    assert [one.code for one in old_to_new(units, "00007")] == ["00008", "00025"]
    assert "00007" in {one.code for one in new_to_old(units, "00008")}
    assert {one.legal_ref for one in old_to_new(units, "00007")} == {"NQ 1656/NQ-UBTVQH15 k.4", "NQ 1656/NQ-UBTVQH15 k.5"}


def test_round_trip_is_identity_for_units_that_were_not_split() -> None:
    units = registry()
    live = [unit.code for unit in units.instances if unit.level == "commune" and unit.valid_to == "2025-07-01"][::97]
    for code in live:
        heirs = old_to_new(units, code)
        assert all(code in {one.code for one in new_to_old(units, heir.code)} for heir in heirs)


def test_as_of() -> None:
    units = registry()
    assert [unit.name for unit in units_of_code(units, "00004", "2025-06-30")] == ["Phường Trúc Bạch"]
    assert full_name(units, "00004", "2025-06-30") == "Phường Trúc Bạch, Quận Ba Đình, Thành phố Hà Nội"
    assert full_name(units, "26368", "2026-05-01") == "Phường Long Thành, Thành phố Đồng Nai"


def test_lookup_speaks_vietnamese_and_cites() -> None:
    split = lookup("Phường Cống Vị, Quận Ba Đình, Hà Nội")
    assert "chưa xác định" in split
    assert split.count("có thể là") == 2
    code = lookup("00004")
    assert "Phường Trúc Bạch, Quận Ba Đình" in code
    assert "Phường Ba Đình" in code
    assert "NQ 1656/NQ-UBTVQH15" in code
    assert "không có đơn vị nào" in lookup("99999")


def test_a_place_rule_without_a_decision_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text("old_code,place,new_code,decision,decided_by,decided_on\n00007,Đội Cấn,00008,,a,2026-01-01\n", "utf-8")
    with pytest.raises(MappingError, match="decision"):
        load_rules(path)


def test_a_file_longer_than_a_piece_keeps_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces and forgetting of answers are invisible in the result."""
    names = ["Phường Cống Vị, Quận Ba Đình, Hà Nội", "Xã Tản Lĩnh, Huyện Ba Vì, Hà Nội", "test"]
    text = "id,text\n" + "".join(f'{n},"{names[n % 3]}"\n' for n in range(400))
    whole = through(tmp_path, text)
    monkeypatch.setattr("hopnhat.resolve_csv.PIECE", 2_000)
    monkeypatch.setattr("hopnhat.resolve.SEEN", 1)
    assert through(tmp_path, text) == whole
    assert [row["id"] for row in whole] == [str(n) for n in range(400)]
    assert [row["status"] for row in whole[:3]] == ["ambiguous", "resolved", "unmatched"]


@pytest.mark.parametrize(
    ("options", "status"), [([], "ambiguous"), (["--carries", "people"], "resolved"), (["--carries", "area"], "ambiguous")]
)
def test_the_command_is_told_whose_place_and_which_era(tmp_path: Path, options: list[str], status: str) -> None:
    (tmp_path / "in.csv").write_text("id,commune_code\n1,09802\n", "utf-8")
    done = CliRunner().invoke(app, ["resolve", str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), "--era", "old", *options])
    assert done.exit_code == 0
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == [status]


def test_an_unknown_option_value_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,commune_code\n1,09802\n", "utf-8")
    done = CliRunner().invoke(app, ["resolve", str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), "--carries", "houses"])
    assert done.exit_code == 2
