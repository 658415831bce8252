"""Codes go through the map of their own system; an unknown one is refused."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.codes import recode

STATUS = {"5": "returned", "05": "other", "đã trả": "returned", "A": "upper"}


def test_known_unknown_and_empty() -> None:
    done = recode(pa.array(["5", " 5 ", "05", "9", "a", "", " ", None, "A\u00a0"]), STATUS)
    assert done.values.to_pylist() == ["returned", "returned", "other", None, None, None, None, None, "upper"]
    assert done.reject is not None
    assert done.reject.to_pylist() == [None, None, None, "code-unknown", "code-unknown", None, None, None, None]
    assert done.warn is None


def test_words_are_composed_before_they_are_looked_up() -> None:
    assert recode(pa.array(["đa\u0303 tra\u0309"]), STATUS).values.to_pylist() == ["returned"]


def test_an_empty_code_may_have_a_meaning() -> None:
    assert recode(pa.array([""]), {"": "none"}).values.to_pylist() == ["none"]


def test_one_meaning_of_a_number_is_not_anothers() -> None:
    column = pa.array(["5", "5"])
    assert recode(column, {"5": "returned"}).values != recode(column, {"5": "more-papers-asked"}).values


@given(st.lists(st.one_of(st.none(), st.sampled_from([*STATUS, "x", "7"])), max_size=30))
def test_a_row_is_read_or_refused(values: list[str | None]) -> None:
    done = recode(pa.array(values, pa.string()), STATUS)
    rejects = [None] * len(values) if done.reject is None else done.reject.to_pylist()
    for value, got, reject in zip(values, done.values.to_pylist(), rejects, strict=True):
        assert got == STATUS.get(value or "")
        assert (reject is not None) == (value is not None and value not in STATUS)


def test_dictionary_and_empty_columns() -> None:
    assert recode(pa.array(["5", "9"]).dictionary_encode(), STATUS).values.to_pylist() == ["returned", None]
    assert len(recode(pa.array([], pa.string()), STATUS).values) == 0
    assert recode(pa.nulls(2), STATUS).values.to_pylist() == [None, None]
