"""Keyset conditions, run by SQLite: whatever the key, ranges hold every row exactly once."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopnhat.extract.contract import KeyRange
from hopnhat.extract.keyset import KeyPart, bound_bytes, bound_text, continued, cut, within
from hopnhat.model.errors import SourceDriftError


@given(st.binary(max_size=40))
def test_bound_text_is_plain_ascii_and_reverses(raw: bytes) -> None:
    text = bound_text(raw)
    assert text.isascii()
    assert text.isprintable()
    assert bound_bytes(text) == raw


def _number(bound: str) -> str:
    return str(int(bound))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(*[st.one_of(st.none(), st.integers(0, 4))] * 3), max_size=40),
    st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=5, unique=True),
)
def test_ranges_partition_rows_with_nulls_and_ties(rows: list[tuple[int | None, ...]], cuts: list[tuple[int, ...]]) -> None:
    parts = [KeyPart(name, _number, nullable=True) for name in ("a", "b", "c")]
    bounds = [tuple(str(value) for value in bound) for bound in sorted(cuts)]
    ranges = [KeyRange(n, low, high) for n, (low, high) in enumerate(zip([None, *bounds], [*bounds, None], strict=True))]
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a, b, c)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    found = []
    for key_range in ranges:
        condition = within(parts, key_range) or "1"
        found += connection.execute(f"SELECT rowid FROM t WHERE {condition}").fetchall()
    assert sorted(row for (row,) in found) == list(range(1, len(rows) + 1))


def test_known_ranges_stay_and_only_the_open_end_is_cut() -> None:
    known = [KeyRange(0, None, ("5",)), KeyRange(1, ("5",), None)]
    assert continued(known) == ([known[0]], ("5",))
    marks = iter([("9",), ("12",), None])
    assert cut(known, lambda _: next(marks)) == [known[0], KeyRange(1, ("5",), ("9",)), KeyRange(2, ("9",), ("12",)), KeyRange(3, ("12",), None)]


def test_an_index_that_leads_back_is_an_error_not_a_loop() -> None:
    marks = iter([("5",), ("9",), ("5",)])
    with pytest.raises(SourceDriftError, match="does not advance"):
        cut([], lambda low: next(marks))
