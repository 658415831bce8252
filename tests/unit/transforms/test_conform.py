"""Legacy columns to ours, row by row: nothing dropped, nothing silently null, personal numbers kept as written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.read import load_domain
from mappings.spec import System
from mappings.units.registry import load_registry
from transforms.conform import Conformed, conform
from transforms.places import Placer
from transforms.units import Scope

SYSTEM = System.model_validate(
    {
        "id": "mau", "title": "Mẫu", "domain": "dossiers", "technology": "csv", "connection": "mau", "server": "mau", "units_as_of": "2025-06-30",
        "codes": {"status": {"5": "10", "1": "2"}},
        "tables": [
            {
                "name": "ho_so", "entity": "dossier", "key": ["ma"], "expect": {"min_rows": 0, "max_rows": 9},
                "columns": {
                    "dossier_no": "ma", "alias_no": "ma", "applicant_name": {"from": "ten", "encoding": "tcvn3"}, "applicant_id_no": "cccd",
                    "received_at": {"from": "ngay", "formats": ["dd/mm/yyyy"]}, "status": {"from": "tt", "codes": "status"}, "fee_amount": "phi",
                },
                "unit": {"carries": "people", "commune": "xa", "district": "huyen", "address": "noi_o"},
            }
        ],
    }
)  # fmt: skip
TABLE = SYSTEM.tables[0]
ENTITY = load_domain("dossiers").entities["dossier"]
GOOD: dict[str, Any] = {
    "ma": "H26.15-250310-0001", "ten": b"Nguy\xd4n V\xa8n A", "cccd": "001085012345", "ngay": "10/3/2025",
    "tt": "5", "phi": "50000", "xa": "Xã Tản Lĩnh", "huyen": "Huyện Ba Vì", "noi_o": "thôn Hà Tân, Tản Lĩnh",
}  # fmt: skip


PLACER = Placer(load_registry(), Scope(), "people", "2025-06-30")


def part(*rows: dict[str, Any]) -> pa.Table:
    def raw(value: Any) -> bytes | None:
        return value.encode() if isinstance(value, str) else value

    return pa.table({name: pa.array([raw({**GOOD, **row}[name]) for row in rows], pa.binary()) for name in GOOD})


def run(*rows: dict[str, Any]) -> Conformed:
    return conform(part(*rows), SYSTEM, TABLE, ENTITY, PLACER)


def found(conformed: Conformed, kind: str = "problems") -> list[tuple[str, str, str]]:
    findings = getattr(conformed, kind)
    return [(f.field, f.column, code) for f in findings for code in f.reasons.to_pylist() if code]


def test_a_good_row_comes_out_typed() -> None:
    done = run({})
    values = {name: column.to_pylist()[0] for name, column in done.columns.items()}
    assert found(done) == []
    assert values["dossier_no"] == "H26.15-250310-0001"
    assert (values["status"], values["status_raw"]) == ("10", "5")
    assert values["received_at"] == datetime(2025, 3, 10)  # noqa: DTZ001
    assert values["fee_amount"] == 50_000
    assert (values["old_commune_code"], values["new_commune_code"], values["address_old"]) == ("09694", "09694", "thôn Hà Tân, Tản Lĩnh")


def test_every_column_of_the_entity_is_there_whether_mapped_or_not() -> None:
    done = run({}, {})
    codes = {f"{n}_raw" for n, c in ENTITY.columns.items() if c.kind == "code"}
    assert done.columns.keys() == {*ENTITY.columns, *codes, "address_old", "old_commune_code", "old_unit_name", "new_commune_code", "new_province_code", "resolution_id"}
    assert {len(column) for column in done.columns.values()} == {2}
    assert done.columns["channel"].null_count == done.columns["channel_raw"].null_count == 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"tt": "6"}, ("status", "tt", "code-unknown")),
        ({"tt": None}, ("status", "tt", "required-missing")),
        ({"tt": ""}, ("status", "tt", "required-missing")),
        ({"ma": " "}, ("dossier_no", "ma", "required-missing")),
        ({"ngay": "31/02/2025"}, ("received_at", "ngay", "date-impossible")),
        ({"ngay": "00/03/2025"}, ("received_at", "ngay", "date-partial")),
        ({"ngay": "hôm qua"}, ("received_at", "ngay", "date-unreadable")),
        ({"phi": "50000.5"}, ("fee_amount", "phi", "amount-fraction")),
        ({"phi": "1.23E+11"}, ("fee_amount", "phi", "number-scientific")),
        ({"ten": b"Nguy?n V?n ???ng"}, ("applicant_name", "ten", "text-lossy")),
        ({"xa": None, "huyen": None}, ("unit", "commune|district", "unit-missing")),
        ({"xa": "Xã Không Có", "huyen": "Huyện Ba Vì"}, ("unit", "commune|district", "unit-unmatched")),
        ({"xa": b"X\xe3 T\xb6n"}, ("unit", "xa", "text-undecodable")),
    ],
)
def test_a_bad_value_is_a_reason_never_a_silent_null(change: dict[str, Any], problem: tuple[str, str, str]) -> None:
    field, column, code = problem
    column = "xa|huyen" if column == "commune|district" else column
    assert (field, column, code) in found(run(change))


@pytest.mark.parametrize(
    ("change", "warning", "value"),
    [
        ({"cccd": "36085012345"}, "id-zero-restored", "036085012345"),
        ({"cccd": "1085012345"}, "id-length", "1085012345"),
        ({"cccd": "000000001"}, None, None),
        ({"cccd": "12-ABC"}, "id-unreadable", "12-ABC"),
        ({"ngay": "00/00/0000"}, "date-zero", None),
    ],
)
def test_what_was_changed_is_said_and_the_row_goes_on(change: dict[str, Any], warning: str | None, value: str | None) -> None:
    done = run(change)
    assert found(done) == []
    if warning:
        assert warning in {code for _, _, code in found(done, "warnings")}
    if value:
        assert done.columns["applicant_id_no"].to_pylist() == [value]


def test_one_bad_row_does_not_touch_its_neighbours() -> None:
    done = run({}, {"tt": "6", "ngay": "31/02/2025"}, {})
    for finding in done.problems:
        assert [row for row, code in enumerate(finding.reasons.to_pylist()) if code] == [1]
    assert done.columns["status"].to_pylist() == ["10", None, "10"]
    assert done.columns["status_raw"].to_pylist() == ["5", "6", "5"]


def test_an_address_with_a_character_the_database_cannot_hold_is_a_reason() -> None:
    assert ("address_old", "noi_o", "text-not-storable") in found(run({"noi_o": "thôn\x00 Hà Tân"}))


def test_a_value_used_twice_is_decoded_once_and_the_same() -> None:
    done = run({"ma": "TL/01"})
    assert done.columns["dossier_no"].to_pylist() == done.columns["alias_no"].to_pylist() == ["TL/01"]


def test_the_row_number_of_a_file_is_a_value_too() -> None:
    table = TABLE.model_copy(update={"columns": {**TABLE.columns, "dossier_no": TABLE.columns["alias_no"].model_copy(update={"source": "_row"})}})
    frame = part({}, {}).add_column(0, "_row", pa.array([6, 7], pa.int64()))
    done = conform(frame, SYSTEM, table, ENTITY, PLACER)
    assert done.columns["dossier_no"].to_pylist() == ["6", "7"]


CELL = st.one_of(st.none(), st.binary(max_size=12), st.text(max_size=12).map(lambda t: t.encode("utf-8", "surrogatepass")))


@settings(max_examples=25)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(("ma", "ten", "cccd", "ngay", "tt", "phi"), CELL)), min_size=1, max_size=6))
def test_whatever_is_in_the_cells_a_value_is_read_or_has_a_reason(rows: list[dict[str, Any]]) -> None:
    done = run(*rows)
    assert {len(column) for column in done.columns.values()} == {len(rows)}
    for field, source in (("dossier_no", "ma"), ("status", "tt"), ("received_at", "ngay"), ("fee_amount", "phi"), ("applicant_name", "ten")):
        explained = {n for kind in (done.problems, done.warnings) for f in kind if f.field == field for n, code in enumerate(f.reasons.to_pylist()) if code}
        for number, row in enumerate(rows):
            given = row[source]
            blank = given is None or not given.decode("utf-8", "replace").strip("\u200b\ufeff\u00ad \t\r\n\u00a0")
            silent = done.columns[field].to_pylist()[number] is None and number not in explained
            assert blank or not silent or not _letters(given), (field, given)


def _letters(value: bytes) -> bool:
    """Is there anything but space and invisible characters? (What cleaning removes without a reason.)"""
    return any(chr(byte).isalnum() for byte in value if byte < 0x80)
