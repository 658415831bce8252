"""Strict reading of mapping files: whatever a file leaves open or gets wrong is an error with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hopnhat.model.errors import MappingError
from mappings.read import checksum, load_domain, load_system, system_ids

GOOD = """\
id: mau
title: Hệ thống mẫu
domain: dossiers
technology: sqlite
connection: mau
server: mau
units_as_of: 2025-06-30
provinces: ["01"]
codes:
  status:
    "1": "2"
    "05": "10"
tables:
  - name: ho_so
    entity: dossier
    key: [ma]
    expect: {min_rows: 1, max_rows: 1000}
    columns:
      dossier_no: ma
      status: {from: trang_thai, codes: status}
      received_at: {from: ngay_nhan, formats: [dd/mm/yyyy]}
    unit:
      carries: people
      commune_code: ma_xa
    filters:
      - {rule: trial, column: loai, values: ["9"], why: hồ sơ nhập thử}
    ignored:
      ghi_chu: ghi chú riêng của người giữ sổ
"""


def written(folder: Path, text: str, name: str = "mau") -> Path:
    (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if part in line)


def refused(folder: Path, text: str) -> MappingError:
    with pytest.raises(MappingError) as caught:
        load_system("mau", written(folder, text))
    assert str(caught.value).startswith(f"mau.yml:{caught.value.line}: ")
    return caught.value


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    system = load_system("mau", written(tmp_path, GOOD))
    table = system.tables[0]
    assert system.codes == {"status": {"1": "2", "05": "10"}}
    assert table.columns["dossier_no"].source == "ma"
    assert table.used_columns() == ["ma", "trang_thai", "ngay_nhan", "ma_xa", "loai"]
    assert system.source_id(table) == "mau.ho_so"


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        ("server: mau\n", "", "id: mau", "server: Field required"),
        ("connection: mau", "connection: mau\npassword: x", "password", "password: Extra inputs"),
        ("    key: [ma]", "    key: [ma]\n    kye: [ma]", "kye:", "kye: Extra inputs"),
        ("{from: trang_thai, codes: status}", "{from: trang_thai, code: status}", "code: status", "code: Extra inputs"),
        ("    key: [ma]", "    key: []", "key: []", "at least 1 item"),
        ('    "1": "2"', '    "1": 2', '"1": 2', "write the code 2 in quotes"),
        ('    "1": "2"', '    1: "2"', '    1: "2"', "in quotes"),
        ('    "05": "10"', '    05: "10"', '    05: "10"', "in quotes"),
        ('    "05": "10"', '    yes: "10"', '    yes: "10"', "in quotes"),
        ('provinces: ["01"]', "provinces: [01]", "provinces:", "in quotes"),
        ('values: ["9"]', "values: [9]", "values: [9]", "write the code 9 in quotes"),
        ('    "05": "10"', '    "1": "10"', '"1": "10"', "twice"),
        ("      ghi_chu:", "      ghi_chu: x\n      ghi_chu:", "ghi_chu: ghi", "twice"),
        ("entity: dossier", "entity: dosier", "entity: dosier", "no entity 'dosier'"),
        ("      dossier_no: ma", "      dossier_no: ma\n      colour: mau", "colour:", "no column 'colour'"),
        ("      dossier_no: ma\n", "", "    columns:", "required column not mapped: dossier_no"),
        ("{from: trang_thai, codes: status}", "trang_thai", "status: trang_thai", "status is a code"),
        ("codes: status}", "codes: state}", "codes: state}", "no code map 'state'"),
        ('"05": "10"', '"05": "11"', "codes: status}", "gives 11, not in the code list"),
        (", formats: [dd/mm/yyyy]", "", "received_at", "date without `formats`"),
        ("[dd/mm/yyyy]", "[mm-dd-yy]", "mm-dd-yy", "formats.0: Input should be 'iso'"),
        ("    key: [ma]", "    key: [ma]\n    encoding: tcvn33", "tcvn33", "tcvn33"),
        ("technology: sqlite", "technology: Sqlite!", "technology:", "technology"),
        ("units_as_of: 2025-06-30", "units_as_of: sometime", "units_as_of", "units_as_of"),
        ("max_rows: 1000", "max_rows: 0", "max_rows: 0", "greater than 0"),
        ("min_rows: 1,", "min_rows: 2000,", "min_rows: 2000", "min_rows"),
        ("      commune_code: ma_xa\n", "", "    unit:", "column"),
        ("    unit:\n      carries: people\n      commune_code: ma_xa\n", "", "  - name: ho_so", "belongs to a place"),
        ("      ghi_chu:", "      ma_xa:", "      ma_xa:", "used and ignored at once: ma_xa"),
        ("      ghi_chu: ghi chú riêng của người giữ sổ", '      ghi_chu: ""', "ghi_chu", "ghi_chu"),
        ("domain: dossiers", "domain: dosiers", "domain: dosiers", "no domain 'dosiers'"),
        ("id: mau", "id: khac", "id: khac", "not the file name"),
        ("    key: [ma]", "    key: [ma]\n    changes: {table: l, key: [ma]}", "changes:", "changes.at: Field required"),
        ("    key: [ma]", "    key: [ma]\n    changes: {table: l, key: [ma, so], at: seq}", "changes:", "1 columns, that of its change table 2"),
        ("    key: [ma]", "    key: [ma]\n    watermark: x\n    changes: {table: l, key: [ma], at: seq}", "changes:", "both say where a delta starts"),
        ("codes:\n", "codes:\n\t- x\n", "\t- x", "YAML"),
        ("title: Hệ thống mẫu", 'title: "Hệ thống mẫu', 'provinces:', "YAML"),
    ],
)
def test_each_error_names_file_and_line(tmp_path: Path, old: str, new: str, at: str, says: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    error = refused(tmp_path, text)
    assert says in str(error)
    assert error.line == line_of(text, at), str(error)


def test_a_table_mapped_twice_is_refused(tmp_path: Path) -> None:
    table = GOOD[GOOD.index("  - name: ho_so") :]
    assert "mapped twice" in str(refused(tmp_path, GOOD + table))


def test_several_errors_are_counted(tmp_path: Path) -> None:
    error = refused(tmp_path, GOOD.replace("server: mau", "servr: mau").replace('"1": "2"', '"1": 2'))
    assert "more)" in str(error)


def test_a_byte_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "mau.yml").write_bytes(GOOD.replace("Hệ thống mẫu", "x").encode("utf-8").replace(b"title: x", b"title: H\xd6 th\xe8ng"))
    with pytest.raises(MappingError, match=r"mau\.yml: not UTF-8 text"):
        load_system("mau", tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError) as caught:
        load_system("mau", written(tmp_path, "# nothing yet\n"))
    assert caught.value.file == "mau.yml"


def test_an_unknown_system_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"no legacy system 'khong_co' → known: mau"):
        load_system("khong_co", written(tmp_path, GOOD))


def test_systems_are_the_files_of_the_folder(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    assert system_ids(tmp_path) == ["mau"]


def test_a_file_has_no_change_table(tmp_path: Path) -> None:
    text = GOOD.replace("technology: sqlite", "technology: csv").replace("    key: [ma]", "    key: [ma]\n    changes: {table: l, key: [ma], at: seq}", 1)
    error = refused(tmp_path, text)
    assert (error.line, "csv has no change table" in str(error)) == (line_of(text, "changes:"), True)


def test_how_changes_are_found_is_no_part_of_what_the_mapping_says_of_values(tmp_path: Path) -> None:
    first = checksum(load_system("mau", written(tmp_path, GOOD)))
    text = GOOD.replace("    key: [ma]", "    key: [ma]\n    changes: {table: l, key: [ma], at: seq}", 1)
    assert checksum(load_system("mau", written(tmp_path, text))) == first


def test_the_checksum_follows_what_the_mapping_says_not_its_layout(tmp_path: Path) -> None:
    first = checksum(load_system("mau", written(tmp_path, GOOD)))
    commented = "# a note\n" + GOOD.replace("key: [ma]", "key:\n      - ma   # khóa")
    assert checksum(load_system("mau", written(tmp_path, commented))) == first
    assert checksum(load_system("mau", written(tmp_path, GOOD.replace('"05": "10"', '"05": "9"')))) != first


def test_yaml_would_have_kept_the_last_of_two_keys_in_silence() -> None:
    """Why duplicates are looked for at all."""
    assert yaml.safe_load('"1": "2"\n"1": "10"\n') == {"1": "10"}


def test_an_unknown_domain_lists_the_known_ones() -> None:
    with pytest.raises(MappingError, match=r"known: .*dossiers"):
        load_domain("nothing")
