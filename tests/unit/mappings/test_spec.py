"""The shape of mapping files: identifiers, codes as text, and a JSON Schema that says the same as the models."""

from __future__ import annotations

from typing import Any, get_args

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mappings.byte_tables import ENCODINGS
from mappings.read import load_domain
from mappings.spec import PG_TYPES, Code, DateFormat, Encoding, Identifier, System, Table, UnitMap
from transforms.conform import _CONVERT
from transforms.dates import FORMATS
from transforms.encodings_decode import decode

TABLE: dict[str, Any] = {
    "name": "t", "entity": "dossier", "key": ["id"], "columns": {"dossier_no": "no"}, "expect": {"min_rows": 0, "max_rows": 1},
}  # fmt: skip


@given(st.one_of(st.integers(), st.booleans(), st.floats(allow_nan=False)))
def test_a_code_that_is_not_text_is_refused(value: object) -> None:
    with pytest.raises(ValidationError, match="in quotes"):
        TypeAdapter(Code).validate_python(value)


@given(st.from_regex(r"\A0{1,4}[0-9]{1,3}\Z"))
def test_leading_zeros_of_a_code_stay(value: str) -> None:
    assert TypeAdapter(Code).validate_python(value) == value


@pytest.mark.parametrize("name", ["Ho_So", "1_ho_so", "ho-so", "hồ_sơ", "a", "h" * 42, "", "ho so", "x'; drop"])
def test_identifiers_become_names_of_tables_and_files(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Identifier).validate_python(name)


def test_every_kind_has_a_database_type_and_a_conversion() -> None:
    kinds = {column.kind for entity in load_domain("dossiers").entities.values() for column in entity.columns.values()}
    assert kinds <= PG_TYPES.keys()
    assert PG_TYPES.keys() == _CONVERT.keys()


def test_used_columns_come_once_in_a_fixed_order() -> None:
    table = Table.model_validate(
        TABLE
        | {
            "key": ["id", "no"], "watermark": "changed", "unit": {"carries": "area", "commune": "xa", "address": "noi_o", "text": "noi_o"},
            "filters": [{"rule": "trial", "column": "no", "values": ["x"], "why": "thử"}],
        }
    )  # fmt: skip
    assert table.used_columns() == ["id", "no", "xa", "noi_o", "changed"]


def test_unit_inputs_are_those_that_are_named() -> None:
    unit = UnitMap(carries="people", commune_code="MAXA", text="DIACHI", address="NOIO")
    assert unit.inputs() == {"commune_code": "MAXA", "text": "DIACHI"}


def test_a_unit_that_names_no_column_is_refused() -> None:
    with pytest.raises(ValidationError, match="column"):
        UnitMap(carries="people", address="NOIO")


def test_the_json_schema_is_as_strict_as_the_models() -> None:
    schema = System.model_json_schema()
    assert schema["additionalProperties"] is False
    assert all(part.get("additionalProperties") is False for part in schema["$defs"].values() if part["type"] == "object")


def test_the_date_formats_of_a_mapping_are_those_that_can_be_read() -> None:
    assert get_args(DateFormat) == FORMATS


@pytest.mark.parametrize("encoding", ["utf-8", "mojibake", *(n + how for n in ENCODINGS for how in ("", "-as-utf8", "-as-cp1258"))])
def test_every_declared_encoding_can_be_decoded(encoding: str) -> None:
    assert TypeAdapter(Encoding).validate_python(encoding) == encoding
    assert decode(pa.array([b"abc"]), transport="bytes", encoding=encoding).values.to_pylist() == ["abc"]


def test_an_encoding_that_no_one_reads_is_refused() -> None:
    with pytest.raises(ValidationError, match="no encoding 'cp437'"):
        TypeAdapter(Encoding).validate_python("cp437")
    with pytest.raises(ValueError, match="cp437"):
        decode(pa.array([b"abc"]), transport="bytes", encoding="cp437")
