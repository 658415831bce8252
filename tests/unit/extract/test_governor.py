"""The governor: pieces follow the speed, pauses and blackout hours hold, a cut-off query is asked again for less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pytest

from hopnhat.extract.contract import KeyRange, TableShape
from hopnhat.extract.failures import SourceBusyError
from hopnhat.extract.governor import VIET_NAM, Clock, GentleSource, Limits, blackout_end, read_limits
from hopnhat.model.errors import MappingError, SourceUnavailableError

NINE = datetime(2026, 1, 5, 9, 0, tzinfo=VIET_NAM)


@dataclass
class Time:
    """A clock that only the source and the sleeps move."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def clock(self, now: datetime = NINE) -> Clock:
        return Clock(measure=lambda: self.at, sleep=self.sleep, now=lambda: now)


class Numbers:
    """Keys 1…rows; every row costs `cost` seconds; a query above `limit` seconds is cut off by the server."""

    def __init__(self, time: Time, rows: int, cost: float, limit: float = 1e9) -> None:
        self.time, self.rows, self.cost, self.limit = time, rows, cost, limit
        self.asked: list[int] = []

    def boundary(self, table: str, key: Sequence[str], rows: int, low: tuple[str, ...] | None, high: tuple[str, ...] | None) -> tuple[str, ...] | None:
        start, stop = int(low[0]) if low else 0, int(high[0]) if high else self.rows
        return (str(start + rows),) if start + rows < stop else None

    def read(self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str], since: tuple[str, str] | None = None) -> pa.Table:
        start, stop = int(key_range.low[0]) if key_range.low else 0, int(key_range.high[0]) if key_range.high else self.rows
        seconds = (stop - start) * self.cost
        self.time.at += min(seconds, self.limit)
        if seconds > self.limit:
            raise SourceBusyError("limit")
        self.asked.append(stop - start)
        return pa.table({"k": pa.array([str(n).encode() for n in range(start + 1, stop + 1)], pa.binary())})

    def running(self) -> int | None:
        return 0

    def tables(self) -> list[str]:
        return ["t"]

    def shape(self, table: str) -> TableShape:
        return TableShape((), (), None)

    def count(self, table: str) -> int:
        return self.rows

    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
        return [KeyRange(0, None, None)]

    def snapshot(self) -> str:
        return "s"

    def close(self) -> None:
        """Nothing to close."""


def test_piece_size_settles_at_the_target_time_and_no_row_is_lost() -> None:
    time = Time()
    numbers = Numbers(time, 200_000, 0.0001)
    gentle = GentleSource(numbers, Limits(target_seconds=0.5, first_rows=1000), time.clock())
    frame = gentle.read("t", ["k"], KeyRange(0, None, None), ["k"])
    assert frame.num_rows == 200_000
    assert frame.column("k").to_pylist()[-1] == b"200000"
    assert [rows for rows in numbers.asked[3:-1] if not 4_500 <= rows <= 5_500] == []


def test_injected_load_shrinks_the_pieces_within_two_and_adds_rest() -> None:
    time = Time()
    numbers = Numbers(time, 100_000, 0.0001)
    gentle = GentleSource(numbers, Limits(target_seconds=0.5, first_rows=5000), time.clock())
    gentle.read("t", ["k"], KeyRange(0, None, ("50000",)), ["k"])
    numbers.cost, before = 0.001, len(numbers.asked)
    gentle.read("t", ["k"], KeyRange(0, ("50000",), ("60000",)), ["k"])
    assert numbers.asked[before + 2] <= 600
    assert time.slept


def test_cut_off_query_is_asked_again_for_less() -> None:
    time = Time()
    numbers = Numbers(time, 5_000, 0.001, limit=1.0)
    gentle = GentleSource(numbers, Limits(first_rows=4000), time.clock())
    assert gentle.read("t", ["k"], KeyRange(0, None, None), ["k"]).num_rows == 5_000
    assert max(numbers.asked) <= 1_000
    assert time.slept[0] == 1.0


def test_endlessly_busy_server_is_given_up_with_a_retryable_error() -> None:
    time = Time()
    gentle = GentleSource(Numbers(time, 5_000, 1.0, limit=0.001), Limits(), time.clock())
    with pytest.raises(SourceUnavailableError):
        gentle.read("t", ["k"], KeyRange(0, None, None), ["k"])


@pytest.mark.parametrize(("hour", "end"), [(9, "11:30"), (12, None), (13, "17:00"), (17, None), (23, "05:00"), (3, "05:00")])
def test_blackout_hours(hour: int, end: str | None) -> None:
    limits = read_limits({"blackout": ["07:30-11:30", "13:00-17:00", "22:00-05:00"]})
    assert blackout_end(limits, NINE.replace(hour=hour)) == end
    time = Time()
    gentle = GentleSource(Numbers(time, 1, 0.0), limits, time.clock(NINE.replace(hour=hour)))
    if end is None:
        assert gentle.count("t") == 1
    else:
        with pytest.raises(SourceUnavailableError, match=end):
            gentle.count("t")


@pytest.mark.parametrize("options", ["0.5", {"target": 1}, {"target_seconds": "x"}, {"blackout": ["7-8"]}, {"blackout": "07:30-08:00"}, {"pause": -1}])
def test_wrong_settings_are_mapping_errors(options: object) -> None:
    with pytest.raises(MappingError):
        read_limits(options)
