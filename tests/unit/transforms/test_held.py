"""What goes to quarantine: the raw row whole, every reason, no personal value beside it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.conform import Finding
from transforms.held import problems_of, raw_payloads

PART = pa.table(
    {
        "_row": pa.array([2, 3, 4], pa.int64()),
        "ten": pa.array(["Nguyễn Văn A".encode(), b"Nguy\xd4n V\xa8n B", None], pa.binary()),
        "ma": pa.array([b"5", b"", b"a\x00b"], pa.binary()),
    }
)


def rows(*numbers: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.array(numbers, np.int64)


def reasons(*codes: str | None) -> pa.Array:
    return pa.array(codes, pa.string())


def test_the_payload_is_the_row_as_read() -> None:
    assert list(map(json.loads, raw_payloads(PART, rows(0, 1, 2)).to_pylist())) == [
        {"_row": 2, "ten": "Nguyễn Văn A", "ma": "5"},
        {"_row": 3, "ten": {"hex": b"Nguy\xd4n V\xa8n B".hex()}, "ma": ""},
        {"_row": 4, "ten": None, "ma": {"hex": "610062"}},
    ]


def test_rows_are_chosen_in_the_order_asked() -> None:
    assert [json.loads(payload)["_row"] for payload in raw_payloads(PART, rows(2, 0)).to_pylist()] == [4, 2]
    assert raw_payloads(PART, rows()).to_pylist() == []


@settings(max_examples=200)
@given(st.lists(st.one_of(st.none(), st.binary(max_size=12)), min_size=1, max_size=8))
def test_every_byte_can_be_read_back(values: list[bytes | None]) -> None:
    part = pa.table({"v": pa.array(values, pa.binary())})
    payloads = raw_payloads(part, np.arange(len(values))).to_pylist()
    assert [back(json.loads(payload)["v"]) for payload in payloads] == values
    assert not any("\\u0000" in payload for payload in payloads)  # jsonb refuses it


@settings(max_examples=200)
@given(st.text(st.sampled_from('\t\n\x01\x1f\x7f "\\/ếa\u2028'), min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_text_and_names_are_escaped(value: str, name: str) -> None:
    part = pa.table({name: pa.array([b"plain", value.encode(), None], pa.binary()), "other": pa.array([b"a", b"b", b"c"], pa.binary())})
    assert [json.loads(payload)[name] for payload in raw_payloads(part, np.arange(3)).to_pylist()] == ["plain", value, None]


def back(value: object) -> bytes | None:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return value.encode() if isinstance(value, str) else None


def test_every_reason_of_a_row_is_kept() -> None:
    findings = [
        Finding("status", "ma", reasons("code-unknown", None, "text-nul")),
        Finding("received_at", "ngay", reasons("date-impossible", "date-partial", None)),
        Finding("status", "ma", reasons("text-control", None, None)),
    ]
    found = [json.loads(row) for row in problems_of(findings, PART, rows(0, 1), frozenset())]
    assert [[p["reason"] for p in row] for row in found] == [["code-unknown", "date-impossible", "text-control"], ["date-partial"]]
    assert found[0][0] == {"field": "status", "column": "ma", "reason": "code-unknown", "value": "5"}


def test_personal_values_are_not_repeated_beside_the_reason() -> None:
    findings = [Finding("applicant_name", "ten", reasons("text-lossy", "text-undecodable", None)), Finding("status", "ma", reasons("code-unknown", None, None))]
    found = [json.loads(row) for row in problems_of(findings, PART, rows(0, 1), frozenset({"applicant_name"}))]
    assert found[0] == [
        {"field": "applicant_name", "column": "ten", "reason": "text-lossy", "value": None},
        {"field": "status", "column": "ma", "reason": "code-unknown", "value": "5"},
    ]
    assert found[1][0]["value"] is None
    assert "Nguy" not in json.dumps(found, ensure_ascii=False)


def test_a_reason_over_several_columns_names_them_and_no_value() -> None:
    [found] = problems_of([Finding("unit", "ma|ten", reasons("unit-conflict", None, None))], PART, rows(0), frozenset())
    assert json.loads(found) == [{"field": "unit", "column": "ma|ten", "reason": "unit-conflict", "value": None}]


def test_a_row_without_reasons_has_an_empty_list() -> None:
    assert problems_of([Finding("status", "ma", reasons("code-unknown", None, None))], PART, rows(1, 2), frozenset()) == ["[]", "[]"]
