"""Deltas, drift and volume: the pure judgements around an extract."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopnhat.extract.contract import Column, TableShape
from hopnhat.extract.delta import compare_keys, high_mark, window_start
from hopnhat.extract.drift import compare, judge, shape_from_json, shape_to_json
from hopnhat.extract.volume import VolumeLimits, volume_problem


@pytest.mark.parametrize(
    ("mark", "overlap", "start"),
    [
        ("2026-01-01 00:00:00.1234567", 1, "2025-12-31 23:59:59.1234567"),  # datetime2(7)
        ("2026-01-01 00:00:00.123456789 +07:00", 0, None),
        ("2026-01-01 00:00:00.123456789+07:00", 60, "2025-12-31 23:59:00.123456789+07:00"),  # TIMESTAMP(9)
        ("2026-03-01", 1, "2026-02-28"), ("12345678901234567890", 1, "12345678901234567889"), ("10.50", 0, "10.50"), ("hôm qua", 1, None),
    ],
)  # fmt: skip
def test_window_starts_at_native_precision(mark: str, overlap: int, start: str | None) -> None:
    if start is None:
        with pytest.raises(ValueError, match="watermark"):
            window_start(mark, overlap)
    else:
        assert window_start(mark, overlap) == start


def test_high_mark_compares_numbers_as_numbers_and_fractions_as_fractions() -> None:
    assert high_mark(pa.array([b"9", b"10", None], pa.binary())) == "10"
    assert high_mark(pa.array([b"2026-01-01 00:00:00.45", b"2026-01-01 00:00:00.5"], pa.binary())) == "2026-01-01 00:00:00.5"
    assert high_mark(pa.array([None], pa.binary()), "7") == "7"
    assert high_mark(pa.array([], pa.binary())) is None


KEYS = st.lists(st.tuples(st.none() | st.binary(max_size=2), st.binary(max_size=1), st.binary(max_size=1)), max_size=15, unique_by=lambda row: row[:2])


def _table(rows: list[tuple[bytes | None, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.table({name: pa.array(values, pa.binary()) for name, values in zip(("a", "b", "f"), columns, strict=True)})


@given(before=KEYS, now=KEYS)
def test_key_sets_show_deletes_additions_and_changes(before: list[tuple[bytes | None, ...]], now: list[tuple[bytes | None, ...]]) -> None:
    found = compare_keys(_table(before), _table(now), ["a", "b"], "f")

    def keys(table: pa.Table) -> set[tuple[bytes | None, ...]]:
        return {tuple(row.values()) for row in table.to_pylist()}

    old, new = {row[:2]: row[2] for row in before}, {row[:2]: row[2] for row in now}
    assert keys(found.gone) == old.keys() - new.keys()
    assert keys(found.added) == new.keys() - old.keys()
    assert keys(found.changed) == {key for key in old.keys() & new.keys() if old[key] != new[key]}


SHAPE = TableShape((Column("id", "int", False, "text"), Column("ten", "varchar(50)", True, "bytes"), Column("ma", "char(5)", True, "bytes")), ("id",), 9)


@pytest.mark.parametrize(
    ("after", "text", "outcome"),
    [
        (replace(SHAPE, row_estimate=99), "no change", "accept"),
        (replace(SHAPE, columns=(*SHAPE.columns, Column("moi", "int", True, "text"))), "+ moi: added (int)", "freeze"),
        (replace(SHAPE, columns=SHAPE.columns[:2]), "- ma: dropped (char(5))", "freeze"),
        (replace(SHAPE, columns=(*SHAPE.columns[:2], Column("ma", "int", True, "text"))), "~ ma: retyped (char(5) as bytes → int as text)", "freeze"),
        (replace(SHAPE, columns=(SHAPE.columns[0], SHAPE.columns[2], SHAPE.columns[1])), "~ ten: moved (place 2 → place 3)\n~ ma: moved (place 3 → place 2)", "accept"),
        (replace(SHAPE, columns=(Column("id", "int", True, "text"), *SHAPE.columns[1:])), "~ id: nullable (never NULL → may be NULL)", "accept"),
        (replace(SHAPE, primary_key=()), "~ primary key: key (id → none)", "freeze"),
    ],
)  # fmt: skip
def test_each_kind_of_drift_is_told_and_judged(after: TableShape, text: str, outcome: str) -> None:
    verdict = judge(compare(SHAPE, after))
    assert (verdict.text, verdict.outcome) == (text, outcome)


def test_contract_per_table_decides() -> None:
    added = compare(SHAPE, replace(SHAPE, columns=(*SHAPE.columns, Column("moi", "int", True, "text"))))
    dropped = compare(SHAPE, replace(SHAPE, columns=SHAPE.columns[:2]))
    assert judge(added, "accept").outcome == "accept"
    assert judge(added, "quarantine").outcome == "quarantine"
    assert judge([*added, *dropped], {"added": "accept"}).outcome == "freeze"
    assert judge([*added, *dropped], {"added": "accept", "dropped": "quarantine"}).outcome == "quarantine"


def test_shape_goes_through_json_without_the_estimate() -> None:
    assert shape_from_json(shape_to_json(SHAPE)) == replace(SHAPE, row_estimate=None)


@pytest.mark.parametrize(("rows", "good", "bad"), [(0, None, True), (0, 5, True), (1, None, False), (80, 100, False), (79, 100, True), (200, 100, False), (201, 100, True)])
def test_volume_guard(rows: int, good: int | None, bad: bool) -> None:
    assert (volume_problem(rows, good) is not None) is bad


def test_declared_empty_table_may_be_empty() -> None:
    assert volume_problem(0, 100, VolumeLimits(may_be_empty=True)) is None
