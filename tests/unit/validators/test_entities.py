"""The last check before staging: each failing row is named with field and reason, the others go on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from mappings.read import load_domain
from validators.entities import failures, row_schema

ENTITY = load_domain("dossiers").entities["dossier"]
SCHEMA = row_schema(ENTITY)
GOOD: dict[str, Any] = {
    "source_key": "1", "dossier_no": "H26-250310-0001", "status": "10", "channel": "1", "received_at": datetime(2025, 3, 10),  # noqa: DTZ001
    "fee_amount": 50_000, "old_commune_code": "00001", "new_commune_code": "00097", "applicant_name": "Nguyễn Văn Mẫu",
}  # fmt: skip
TYPES = {"timestamp": pa.timestamp("us"), "amount": pa.int64(), "integer": pa.int64()}


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    def kind(name: str) -> pa.DataType:
        return TYPES.get(ENTITY.columns[name].kind, pa.string()) if name in ENTITY.columns else pa.string()

    whole = [{**GOOD, **row} for row in rows]
    return pd.DataFrame({name: pa.array([row.get(name) for row in whole], kind(name)).to_pandas() for name in SCHEMA.columns})


def test_good_rows_pass() -> None:
    assert failures(frame({}, {"old_commune_code": None, "channel": None, "received_at": None, "fee_amount": 0}), SCHEMA) == []


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"status": "11"}, ("status", "code-outside-list")),
        ({"status": None}, ("status", "required-missing")),
        ({"dossier_no": None}, ("dossier_no", "required-missing")),
        ({"channel": "9"}, ("channel", "code-outside-list")),
        ({"received_at": datetime(1900, 1, 1)}, ("received_at", "date-out-of-range")),  # noqa: DTZ001
        ({"received_at": datetime(2205, 1, 1)}, ("received_at", "date-out-of-range")),  # noqa: DTZ001
        ({"fee_amount": -1}, ("fee_amount", "amount-negative")),
        ({"applicant_name": "Nguyễn\x00"}, ("applicant_name", "text-not-storable")),
        ({"subject": "x" * 20_001}, ("subject", "text-not-storable")),
        ({"new_commune_code": None}, ("new_commune_code", "required-missing")),
        ({"new_commune_code": "97"}, ("new_commune_code", "unit-code-malformed")),
        ({"old_commune_code": "0000A"}, ("old_commune_code", "unit-code-malformed")),
        ({"source_key": "a\x00"}, ("source_key", "text-not-storable")),
    ],
)
def test_a_row_that_breaks_a_rule_is_named_and_its_neighbours_are_not(change: dict[str, Any], failure: tuple[str, str]) -> None:
    assert failures(frame({}, change, {}), SCHEMA) == [(*failure, 1)]


def test_every_reason_of_every_row_is_found() -> None:
    found = failures(frame({"status": "11", "fee_amount": -5}, {}, {"status": "12"}), SCHEMA)
    assert found == [("fee_amount", "amount-negative", 0), ("status", "code-outside-list", 0), ("status", "code-outside-list", 2)]


def test_no_rows() -> None:
    assert failures(frame(), SCHEMA) == []


def test_a_missing_column_is_a_fault_of_the_program() -> None:
    with pytest.raises(ValueError, match="not as declared"):
        failures(frame({}).drop(columns="status"), SCHEMA)


@pytest.mark.parametrize("name", list(load_domain("dossiers").entities))
def test_every_entity_has_a_schema(name: str) -> None:
    entity = load_domain("dossiers").entities[name]
    assert row_schema(entity).columns.keys() >= {"source_key", *entity.columns}
