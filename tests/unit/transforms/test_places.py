"""Where rows belong: one explained answer per distinct value, asked once, with the era told by the row before the system."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.units.registry import Registry, load_registry
from transforms import places
from transforms.places import Placer, distinct_rows, empty_to_null, unit_reason
from transforms.units import resolve
from transforms.units_answer import Answer
from transforms.units_answers import Scope, answers


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture
def placer(registry: Registry) -> Placer:
    return Placer(registry, Scope(), "people", "2025-06-30")


def text(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string())


def test_one_answer_per_distinct_value_points_back_to_every_row(placer: Placer) -> None:
    placed = placer.place({"commune_code": text("09694", "00001", "09694"), "commune": text("Xã Tản Lĩnh", "Phường Phúc Xá", "Xã Tản Lĩnh")})
    assert placed.column("new_code").to_pylist() == ["09694", "00097", "09694"]
    assert len(placed.known) == len(np.unique(placed.codes)) == 2
    assert placed.reasons().to_pylist() == [None, None, None]


def test_an_old_code_without_a_name_is_read_in_the_era_of_the_system(placer: Placer, registry: Registry) -> None:
    """00004 is Trúc Bạch before the reform and Ba Đình after it; 00622 is two places far apart."""
    assert placer.place({"commune_code": text("00001")}).column("new_code").to_pylist() == ["00097"]
    for code in ("00004", "00622"):
        expected = resolve(_query(code), registry, scope=Scope(era="old"), carries="people").iloc[0]
        found = placer.place({"commune_code": text(code)})
        assert found.column("old_code").to_pylist() == [code]
        assert found.column("new_code").to_pylist() == [expected.new_code or None]


def _query(code: str):  # type: ignore[no-untyped-def]
    import pandas as pd

    return pd.DataFrame([{"commune_code": code}], dtype="str")


def test_a_row_that_already_speaks_the_new_units_is_seen_as_such(placer: Placer) -> None:
    placed = placer.place({"commune_code": text("00004", "00004"), "commune": text("Phường Trúc Bạch", "Phường Ba Đình")})
    assert placed.column("era").to_pylist() == ["old", "new"]
    assert placed.column("new_code").to_pylist() == ["00004", "00004"]
    assert placed.column("old_code").to_pylist() == ["00004", None]


def test_the_address_is_asked_only_where_codes_and_names_leave_it_open(placer: Placer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counting(queries, *args, **kwargs):  # type: ignore[no-untyped-def]
        given = list(queries)
        asked.extend([len(given)] if any(query.text for query in given) else [])
        return answers(given, *args, **kwargs)

    monkeypatch.setattr(places, "answers", counting)
    inputs = {
        "commune": text("Xã Tản Lĩnh", None), "district": text("Huyện Ba Vì", None),
        "text": text("thôn Hà Tân", "12/3 Lê Lợi, Phường 1, Quận Gò Vấp, TP Hồ Chí Minh"),
    }  # fmt: skip
    placed = placer.place(inputs)
    assert asked == [1]
    assert placed.column("old_code").to_pylist() == ["09694", "26890"]


def test_what_was_asked_once_is_not_asked_again(placer: Placer, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = {"commune_code": text("09694", "00001"), "commune": text("Xã Tản Lĩnh", "Phường Phúc Xá")}
    first = placer.place(inputs)

    def never(*args, **kwargs):  # type: ignore[no-untyped-def]
        raise AssertionError("asked again")

    monkeypatch.setattr(places, "answers", never)
    again = placer.place({name: values.take(pa.array([1, 0, 1])) for name, values in inputs.items()})
    assert again.column("new_code").to_pylist() == [first.column("new_code").to_pylist()[i] for i in (1, 0, 1)]


def test_the_memory_for_answers_is_bounded(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_MEMO_LIMIT", 2)
    placer = Placer(registry, Scope(), "people", "2025-06-30")
    codes = ["00001", "09694", "09697", "00097"]
    placed = placer.place({"commune_code": text(*codes)})
    assert len(placed.codes) == 4
    assert len(placer.memo) <= 2


def test_an_answer_is_identified_by_what_was_asked(registry: Registry) -> None:
    inputs = {"commune_code": text("00001", "09694"), "commune": text("Phường Phúc Xá", "Xã Tản Lĩnh")}
    first, again = (Placer(registry, Scope(), "people", "2025-06-30").place(inputs).column("resolution_id").to_pylist() for _ in range(2))
    other = Placer(registry, Scope(), "area", "2025-06-30").place(inputs).column("resolution_id").to_pylist()
    assert first == again
    assert len({*first, *other}) == 4


def test_a_split_waits_with_its_candidates(placer: Placer) -> None:
    placed = placer.place({"commune_code": text("00007"), "commune": text("Phường Cống Vị"), "district": text("Quận Ba Đình")})
    assert placed.reasons().to_pylist() == ["unit-ambiguous"]
    assert placed.column("candidates").to_pylist() == ["00008|00025"]
    assert placed.column("new_code").to_pylist() == [None]


@pytest.mark.parametrize(
    ("code", "commune", "reason"),
    [
        (None, None, "unit-missing"),
        ("00004", "Phường Cống Vị", "unit-conflict"),
        (None, "Xã Không Có Ở Đâu", "unit-unmatched"),
        ("09694", "Xã Tản Lĩnh", None),
    ],
)
def test_reasons(placer: Placer, code: str | None, commune: str | None, reason: str | None) -> None:
    placed = placer.place({"commune_code": text(code), "commune": text(commune), "district": text("Quận Ba Đình" if reason == "unit-conflict" else None)})
    assert placed.reasons().to_pylist() == [reason]


def test_an_undecided_era_is_a_reason_of_its_own() -> None:
    answer = Answer._make([""] * len(Answer._fields))._replace(status="ambiguous", era="undecided", rule="code")
    assert unit_reason(answer, {"commune_code": "00091"}) == "unit-era-undecided"
    assert unit_reason(answer._replace(status="resolved"), {"commune_code": "00091"}) is None


def test_empty_is_absent() -> None:
    assert empty_to_null(text("", "a", None)).to_pylist() == [None, "a", None]


CELL = st.one_of(st.none(), st.sampled_from(["", "a", "b", "|"]))


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=20))
def test_distinct_rows_number_equal_rows_alike_and_no_others(rows: list[tuple[str | None, ...]]) -> None:
    codes, first = distinct_rows([text(*column) for column in zip(*rows, strict=True)])
    assert len(first) == len(set(rows))
    assert [rows[first[code]] for code in codes] == rows
    assert np.array_equal(np.unique(codes), np.arange(len(first)))
