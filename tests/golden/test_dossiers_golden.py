"""Hand-written dossiers with the answer that a person would give, row by row: DOMAIN's golden cases that fit dossiers."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pytest

from mappings.byte_tables import letter_bytes
from mappings.read import load_domain
from mappings.spec import System
from mappings.units.registry import load_registry
from transforms.conform import Finding, conform
from transforms.places import Placer
from transforms.units import Scope

FOLDER = Path(__file__).parent / "dossiers"
SHOWN = ("dossier_no", "applicant_name", "applicant_id_no", "phone", "received_at", "status", "fee_amount", "old_commune_code", "new_commune_code")
TABLE = {
    "name": "ho_so", "entity": "dossier", "key": ["ma"], "expect": {"min_rows": 0, "max_rows": 99},
    "columns": {
        "dossier_no": "ma", "applicant_name": {"from": "ten", "encoding": "tcvn3"}, "applicant_id_no": "cccd", "phone": "dien_thoai",
        "received_at": {"from": "ngay_nhan", "formats": ["dd/mm/yyyy"]}, "status": {"from": "trang_thai", "codes": "status"}, "fee_amount": "phi",
    },
    "unit": {"carries": "people", "commune_code": "ma_xa", "commune": "xa", "district": "huyen", "province": "tinh", "address": "dia_chi"},
}  # fmt: skip
VENDOR_A = System.model_validate(
    {
        "id": "vendor_a", "title": "A", "domain": "dossiers", "technology": "csv", "connection": "vendor_a", "server": "vendor_a", "units_as_of": "2025-06-30",
        "codes": {"status": {"1": "4", "5": "10", "9": "6"}}, "tables": [TABLE],
    }
)  # fmt: skip


def landed(value: str) -> bytes | None:
    """`tcvn3:` marks what is stored in TCVN3, which has no toned capitals: they are small letters there, shown by the font."""
    if not value.startswith("tcvn3:"):
        return value.encode() or None
    table, text = letter_bytes("tcvn3"), value.removeprefix("tcvn3:")
    return b"".join(table.get(letter) or table.get(letter.lower()) or letter.encode() for letter in text)


def read(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def reasons(findings: list[Finding], row: int) -> str:
    return " ".join(sorted({f"{f.field}:{code}" for f in findings if (code := f.reasons[row].as_py())}))


def answers() -> list[dict[str, str]]:
    rows = read("input.csv")
    part = pa.table({n: pa.array([landed(r[n]) for r in rows], pa.binary()) for n in rows[0] if n != "case"})
    placer = Placer(load_registry(), Scope(), "people", "2025-06-30")
    done = conform(part, VENDOR_A, VENDOR_A.tables[0], load_domain("dossiers").entities["dossier"], placer)
    found = []
    for number, row in enumerate(rows):
        values = {name: done.columns[name][number].as_py() for name in SHOWN}
        shown = {name: "" if value is None else f"{value:%Y-%m-%d}" if name == "received_at" else str(value) for name, value in values.items()}
        found.append({"case": row["case"], **shown, "problems": reasons(done.problems, number), "warnings": reasons(done.warnings, number)})
    return found


EXPECTED = read("expected.csv")
FOUND = {row["case"]: row for row in answers()}


def test_every_case_has_an_expected_row() -> None:
    assert list(FOUND) == [row["case"] for row in EXPECTED]
    assert len(EXPECTED) >= 20


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda row: row["case"])
def test_the_unified_row_or_its_reasons(expected: dict[str, str]) -> None:
    assert FOUND[expected["case"]] == expected
