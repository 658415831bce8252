"""When a task that met blackout hours goes on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopnhat.extract.governor import VIET_NAM, Limits, blackout_end
from hopnhat.orchestrate import hours
from mappings.read import systems_dir

CITY = "hn_motcua"


def mapped(folder: Path, monkeypatch: pytest.MonkeyPatch, blackout: list[str] | None) -> None:
    """The city system with these blackout hours, None = without a governor."""
    text = (systems_dir() / f"{CITY}.yml").read_text(encoding="utf-8")
    folder.mkdir()
    (folder / f"{CITY}.yml").write_text(text if blackout is None else f"{text}\ngovernor: {{blackout: {blackout}}}\n", encoding="utf-8")
    hours.settings.cache_clear()
    monkeypatch.setenv("HOPNHAT_MAPPINGS", str(folder))


@pytest.fixture(autouse=True)
def forget() -> object:
    yield
    hours.settings.cache_clear()


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-01-05T07:29:59+07:00", None),
        ("2026-01-05T07:30:00+07:00", "2026-01-05T11:30:00+07:00"),
        ("2026-01-05T11:29:59.9+07:00", "2026-01-05T11:30:00+07:00"),
        ("2026-01-05T11:30:00+07:00", None),
        ("2026-01-05T02:00:00+00:00", "2026-01-05T11:30:00+07:00"),  # the clock of a worker in UTC
        ("2026-01-05T22:00:00+07:00", "2026-01-06T05:00:00+07:00"),
        ("2026-12-31T23:59:00+07:00", "2027-01-01T05:00:00+07:00"),
        ("2027-01-01T04:59:00+07:00", "2027-01-01T05:00:00+07:00"),
        ("2026-01-05T20:15:00+07:00", "2026-01-05T20:30:00+07:00"),
    ],
)
def test_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, end: str | None) -> None:
    mapped(tmp_path / "m", monkeypatch, ["07:30-11:30", "20:00-20:30", "22:00-05:00"])
    found = hours.opening(CITY, datetime.fromisoformat(now))
    assert found == (end and datetime.fromisoformat(end))


def test_the_whole_day_closed_and_no_hours_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped(tmp_path / "closed", monkeypatch, ["00:00-24:00"])
    assert hours.opening(CITY, datetime(2026, 1, 5, 9, tzinfo=VIET_NAM)) == datetime(2026, 1, 6, tzinfo=VIET_NAM)
    for name, blackout in (("open", []), ("plain", None)):
        mapped(tmp_path / name, monkeypatch, blackout)
        assert hours.opening(CITY) is None


minutes = st.integers(0, 24 * 60 - 1)


@given(st.lists(st.tuples(minutes, minutes), min_size=1, max_size=3), st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # fmt: skip  # noqa: DTZ001
def test_the_window_is_over_at_its_end_and_not_before(blackout: list[tuple[int, int]], now: datetime) -> None:
    limits = Limits(blackout=tuple(blackout))
    end = hours._end_of_window(limits, now)
    assert (end is None) == (blackout_end(limits, now) is None)
    if end is not None:
        assert 0 < (end - now).total_seconds() <= 24 * 3600
        one = next(Limits(blackout=(window,)) for window in blackout if blackout_end(Limits(blackout=(window,)), now))
        assert blackout_end(one, end) is None  # of this window; the next may begin there
