"""Digest and verdicts of a reconciliation."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validators.reconciliation import Line, Verdict, as_table, broken, compared, compared_groups, digest, not_applicable

NUMBER = st.integers(-(2**62), 2**62)
LINES = st.lists(
    st.builds(
        Line, source=st.sampled_from(["a.t", "b.t"]), leg=st.just("1"), measure=st.text(max_size=5),
        **dict.fromkeys(("source_value", "landing_value", "published_value", "quarantined_value", "other_value"), st.none() | NUMBER), difference=NUMBER,
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@given(LINES, st.randoms())
def test_the_order_of_lines_does_not_change_the_digest(lines: list[Line], random: object) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert digest(as_table(shuffled)) == digest(as_table(lines))


@given(LINES)
def test_any_changed_number_changes_the_digest(lines: list[Line]) -> None:
    changed = [lines[0]._replace(landing_value=(lines[0].landing_value or 0) + 1), *lines[1:]]
    assert digest(as_table(changed)) != digest(as_table(lines))


def test_a_run_is_not_part_of_the_digest() -> None:
    lines = as_table([Line("s", "1", "rows", landing_value=3)])
    assert Verdict("a", "r1", lines).digest == Verdict("a", "r2", lines).digest


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ([compared("s", "1", "rows", 0)], "pass"),
        ([compared("s", "1", "rows", 0), compared("s", "1", "rows", -1)], "fail"),
        ([compared("s", "1", "rows", 2), broken("s", "1", "rows", "gone")], "error"),
        ([not_applicable("s", "1", "rows", "why")], "not applicable"),
    ],
)
def test_the_worst_line_decides(lines: list[Line], outcome: str) -> None:
    verdict = Verdict("a", "r", as_table(lines))
    assert verdict.outcome == outcome
    assert verdict.failed == sum(line.verdict in ("fail", "error") for line in lines)


def test_a_blind_comparison_says_why_and_never_passes() -> None:
    line = compared("s", "1", "rows", 7, blind="cannot be read", note="3 rows")
    assert (line.verdict, line.difference, line.note) == ("not applicable", 0, "3 rows; cannot be read")


@given(LINES)
def test_lines_come_back_from_their_table(lines: list[Line]) -> None:
    assert Verdict("a", "r", as_table(lines)).lines == tuple(lines)


def test_a_group_that_differs_fails_alone() -> None:
    groups = pa.table({"month": ["2024-01", "2024-02"], "landing_value": [3, 5], "difference": [0, -1]})
    found = Verdict("a", "r", as_table([compared("s", "2", "rows", 0), compared_groups("s", "2", "rows by-month", groups)]))
    assert found.lines[1] == Line("s", "2", "rows by-month", month="2024-01", landing_value=3)
    assert found.failures() == [Line("s", "2", "rows by-month", month="2024-02", landing_value=5, difference=-1, verdict="fail")]
    assert found.counts() == {"pass": 2, "fail": 1}
