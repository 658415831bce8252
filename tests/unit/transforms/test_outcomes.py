"""Law 1: every row gets exactly one outcome, and the counts add up, whatever keys, copies, rules and history there are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.spec import Filter
from transforms.outcomes import NO_UNIT, OUTCOMES, UNKNOWN_UNIT, Known, Outcomes, decide, filter_rules, unit_counts


@dataclass(frozen=True)
class Row:
    key: str
    content: int
    rule: str = ""
    rejected: bool = False
    unit: str | None = None


def outcome(rows: list[Row], known: Known | None = None) -> Outcomes:
    return decide(
        pa.array([r.key for r in rows], pa.string()), pa.array([r.content for r in rows], pa.int64()),
        rules=np.array([r.rule for r in rows], object), rejected=np.array([r.rejected for r in rows], bool), known=known,
    )  # fmt: skip


def names(rows: list[Row], known: Known | None = None) -> list[str]:
    return [OUTCOMES[code] for code in outcome(rows, known).code]


def before(*rows: tuple[str, int], held: tuple[str, ...] = ()) -> Known:
    return Known(pa.array([k for k, _ in rows], pa.string()), pa.array([c for _, c in rows], pa.int64()), pa.array(held, pa.string()))


def test_good_rows_are_published_and_bad_ones_wait() -> None:
    assert names([Row("1", 10), Row("2", 20, rejected=True)]) == ["published", "quarantined"]


def test_an_exact_copy_is_merged_into_the_first() -> None:
    assert names([Row("1", 10), Row("2", 20), Row("1", 10)]) == ["published", "published", "merged"]


def test_rows_that_share_a_key_but_differ_all_wait() -> None:
    found = outcome([Row("1", 10), Row("1", 11), Row("2", 20), Row("1", 10)])
    assert [OUTCOMES[c] for c in found.code] == ["quarantined", "quarantined", "published", "merged"]
    assert found.duplicate_key.tolist() == [True, True, False, False]


def test_a_copy_of_a_held_row_is_not_held_twice() -> None:
    assert names([Row("1", 10, rejected=True), Row("1", 10, rejected=True)]) == ["quarantined", "merged"]


def test_a_rule_comes_before_everything_else() -> None:
    rows = [Row("1", 10, "draft"), Row("2", 20, "draft", rejected=True), Row("3", 30, "draft"), Row("3", 30, "draft")]
    assert names(rows, before(("1", 10))) == ["filtered"] * 4


def test_a_key_that_is_also_left_out_by_rule_waits() -> None:
    """The proof demands that no key be both left out and published, so a steward looks at it."""
    assert names([Row("1", 10), Row("1", 11, "draft")]) == ["quarantined", "filtered"]


def test_what_was_seen_before_is_unchanged_or_still_waits() -> None:
    found = outcome([Row("1", 10), Row("2", 20, rejected=True), Row("3", 31), Row("4", 40)], before(("1", 10), ("2", 20), ("3", 30), held=("2",)))
    assert [OUTCOMES[c] for c in found.code] == ["unchanged", "quarantined", "published", "published"]
    assert found.held_again.tolist() == [False, True, False, False]


def test_a_changed_row_that_waited_is_decided_anew() -> None:
    found = outcome([Row("2", 21)], before(("2", 20), held=("2",)))
    assert names([Row("2", 21)], before(("2", 20), held=("2",))) == ["published"]
    assert not found.held_again.any()


def test_a_row_whose_rival_is_gone_is_decided_anew() -> None:
    """Both versions of key 1 waited; the source has withdrawn one of them."""
    known = before(("1", 10), ("1", 11), ("2", 20), held=("1",))
    assert names([Row("1", 10), Row("2", 20)], known) == ["published", "unchanged"]
    assert names([Row("1", 11), Row("2", 20)], known) == ["published", "unchanged"]


def test_a_published_row_that_gets_a_rival_waits_with_it() -> None:
    found = outcome([Row("1", 10), Row("1", 11)], before(("1", 10)))
    assert [OUTCOMES[c] for c in found.code] == ["quarantined", "quarantined"]
    assert not found.held_again.any()


def test_no_rows() -> None:
    found = outcome([])
    assert found.counts() == dict.fromkeys(OUTCOMES, 0)
    assert unit_counts(found, None) == []


ROWS = st.lists(
    st.builds(
        Row, key=st.sampled_from("abcde"), content=st.integers(0, 3), rule=st.sampled_from(["", "", "", "draft", "trial"]),
        rejected=st.booleans(), unit=st.sampled_from([None, "00001", "00004"]),
    ),
    max_size=25,
)  # fmt: skip
HISTORY = st.one_of(
    st.none(),
    st.builds(
        lambda rows, held: before(*rows, held=tuple(held)),
        st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3)), max_size=6), st.lists(st.sampled_from("abcde"), max_size=3),
    ),
)  # fmt: skip


def consistent(rows: list[Row]) -> list[Row]:
    """Rule and rejection follow from what the row says: equal key and content, equal judgement."""
    first: dict[tuple[str, int], Row] = {}
    return [first.setdefault((r.key, r.content), r) for r in rows]


def by_unit(found: Outcomes, units: pa.Array | None) -> dict[tuple[str, str, str], int]:
    return {(unit, name, rule): n for name, rule, places, rows in unit_counts(found, units) for unit, n in zip(places, rows, strict=True)}


@settings(max_examples=300)
@given(ROWS.map(consistent), HISTORY)
def test_conservation(rows: list[Row], known: Known | None) -> None:
    found = outcome(rows, known)
    assert len(found.code) == len(rows)
    assert all(0 <= code < len(OUTCOMES) for code in found.code)
    assert sum(found.counts().values()) == len(rows)
    assert sorted(n for number in range(len(OUTCOMES)) for n in found.rows(number).tolist()) == list(range(len(rows)))
    counted = by_unit(found, pa.array([r.unit for r in rows], pa.string()))
    assert sum(counted.values()) == len(rows)
    expected = Counter((r.unit or UNKNOWN_UNIT, OUTCOMES[code], r.rule) for r, code in zip(rows, found.code, strict=True))
    assert counted == expected
    assert sum(by_unit(found, None).values()) == len(rows)
    assert {unit for unit, *_ in by_unit(found, None)} <= {NO_UNIT}


@settings(max_examples=300)
@given(ROWS.map(consistent), HISTORY)
def test_what_is_published_is_one_good_row_per_key(rows: list[Row], known: Known | None) -> None:
    found = names(rows, known)
    visible = [r for r, name in zip(rows, found, strict=True) if name in ("published", "unchanged")]
    assert not [r for r in visible if r.rule]
    assert max(Counter(r.key for r in visible).values(), default=0) <= 1
    assert not [r for r, name in zip(rows, found, strict=True) if name == "published" and r.rejected]
    assert [name == "filtered" for name in found] == [bool(r.rule) for r in rows]


@given(ROWS.map(consistent))
def test_no_content_is_lost_by_merging(rows: list[Row]) -> None:
    """Every key and content that was read is published, held or left out by rule; copies alone are merged."""
    found = names(rows)
    kept = {(r.key, r.content) for r, name in zip(rows, found, strict=True) if name != "merged"}
    assert kept == {(r.key, r.content) for r in rows}


@given(ROWS.map(consistent))
def test_held_again_means_held(rows: list[Row]) -> None:
    known = before(*{(r.key, r.content) for r in rows}, held=tuple({r.key for r in rows if r.rejected}))
    found = outcome(rows, known)
    assert not (found.held_again & (found.code != OUTCOMES.index("quarantined"))).any()


def draft_rules() -> list[Filter]:
    return [
        Filter(rule="draft", column="status", values=["", "0"], why="nháp"),
        Filter(rule="trial", column="user", values=["TEST"], why="thử"),
    ]


def test_the_first_rule_that_fits_gives_its_name() -> None:
    texts = {"status": pa.array(["0", "", "5", None, "0"]), "user": pa.array(["TEST", "lan", "TEST", None, "lan"])}
    assert filter_rules(texts, draft_rules(), 5).tolist() == ["draft", "draft", "trial", "", "draft"]


@pytest.mark.parametrize("value", ["00", "0.0", "test", None])
def test_a_rule_fits_exactly_or_not_at_all(value: str | None) -> None:
    texts = {"status": pa.array([value], pa.string()), "user": pa.array([value], pa.string())}
    assert filter_rules(texts, draft_rules(), 1).tolist() == [""]
