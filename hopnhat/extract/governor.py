"""Reading a legacy server without hurting it: short queries, pauses, and hours in which it is left alone.

A range (one landing part) is read in pieces whose size follows the measured speed, so that each query takes about
`target_seconds` however slow the server is at that moment; the part stays the same. When a piece took much longer, or
the server has more sessions at work than `max_running`, we wait; in blackout hours we stop with a retryable error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Protocol

import pyarrow as pa

from hopnhat.extract.contract import KeyRange, TableShape
from hopnhat.extract.failures import SourceBusyError
from hopnhat.model.errors import MappingError, SourceUnavailableError

VIET_NAM = timezone(timedelta(hours=7))


@dataclass(frozen=True)
class Limits:
    target_seconds: float = 0.5
    first_rows: int = 2_000
    most_rows: int = 200_000
    fewest_rows: int = 100
    pause: float = 0.0
    """Seconds of rest for each second of reading: 1.0 leaves the server idle half the time."""
    max_running: int = 0
    """Wait while more sessions than this are at work; 0 = do not ask."""
    patience: float = 600.0
    """Seconds to wait for a busy server before the task gives up (and is retried later)."""
    blackout: tuple[tuple[int, int], ...] = ()
    """Minutes of the day, Viet Nam time, [from, to); a window over midnight has from > to."""


def read_limits(options: object) -> Limits:
    """The `governor` option of a mapping file. MappingError for an unknown or ill-typed entry."""
    if not isinstance(options, dict):
        raise MappingError("option `governor` must be a list of settings", hint="governor: {target_seconds: 0.5}")
    given = dict(options)
    hours = given.pop("blackout", ())
    if not isinstance(hours, list | tuple):
        raise MappingError("`governor.blackout` must be a list such as [07:30-11:30, 13:00-17:00]")
    numbers = {name: kind for name, kind in Limits.__annotations__.items() if name != "blackout"}
    for name, value in given.items():
        if name not in numbers or isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise MappingError(f"`governor.{name}` is unknown or no number", hint=f"known: {', '.join([*numbers, 'blackout'])}")
    return Limits(blackout=tuple(_window(text) for text in hours), **given)


def _window(text: object) -> tuple[int, int]:
    try:
        (start, end) = str(text).split("-")
        return _minutes(start), _minutes(end)
    except ValueError:
        raise MappingError(f"`governor.blackout`: {text!r} is not like 07:30-17:00") from None


def _minutes(text: str) -> int:
    hours, minutes = (int(part) for part in text.strip().split(":"))
    if not (0 <= hours <= 24 and 0 <= minutes < 60):
        raise ValueError(text)
    return hours * 60 + minutes


def blackout_end(limits: Limits, now: datetime) -> str | None:
    """When the current blackout ends (HH:MM), None outside of one.

    >>> blackout_end(Limits(blackout=((450, 1020),)), datetime(2026, 1, 5, 9, 0, tzinfo=VIET_NAM))
    '17:00'
    """
    local = now.astimezone(VIET_NAM)
    minute = local.hour * 60 + local.minute
    for start, end in limits.blackout:
        if (start <= minute < end) if start <= end else (minute >= start or minute < end):
            return f"{end // 60:02d}:{end % 60:02d}"
    return None


def next_rows(limits: Limits, rows: int, seconds: float) -> int:
    """How many rows the next piece may have: towards the target, at most four times more or less at once.

    >>> next_rows(Limits(), 10_000, 2.0), next_rows(Limits(), 10_000, 0.01)
    (2500, 40000)
    """
    factor = limits.target_seconds / max(seconds, 1e-6)
    wanted = int(rows * min(4.0, max(0.25, factor)))
    return max(limits.fewest_rows, min(limits.most_rows, wanted))


class CuttableSource(Protocol):
    """An SQL source: the contract, and where the next piece of a range ends."""

    def tables(self) -> list[str]: ...
    def shape(self, table: str) -> TableShape: ...
    def count(self, table: str) -> int: ...
    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]: ...
    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str], since: tuple[str, str] | None = None
    ) -> pa.Table: ...
    def snapshot(self) -> str: ...
    def close(self) -> None: ...
    def boundary(
        self, table: str, key: Sequence[str], rows: int, low: tuple[str, ...] | None, high: tuple[str, ...] | None
    ) -> tuple[str, ...] | None: ...
    def running(self) -> int | None: ...


@dataclass(frozen=True)
class Clock:
    """Time as an argument, so that tests need not wait."""

    measure: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(VIET_NAM)


class GentleSource:
    """A source behind the governor. What it reads is what the source reads; only the queries are shorter."""

    def __init__(self, source: CuttableSource, limits: Limits, clock: Clock | None = None) -> None:
        self._source, self._limits, self._clock = source, limits, clock or Clock()
        self._rows = limits.first_rows
        self.pieces: list[tuple[int, float]] = []
        """Rows and seconds of every query: what a report shows the server's operator."""

    @property
    def inner(self) -> CuttableSource:
        """The governed source, for a query that is not one of the contract's. Call `wait` before it."""
        return self._source

    def wait(self) -> None:
        """Until the server may be asked. Raises in blackout hours, or when it stays too busy."""
        self._wait_for_permission()

    def tables(self) -> list[str]:
        return self._source.tables()

    def shape(self, table: str) -> TableShape:
        return self._source.shape(table)

    def count(self, table: str) -> int:
        self._wait_for_permission()
        return self._source.count(table)

    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
        self._wait_for_permission()
        return self._source.ranges(table, key, rows, known)

    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str], since: tuple[str, str] | None = None
    ) -> pa.Table:
        # A keyless table is scanned whole for each range: cutting it further would only add scans. Files and pages are not cut either.
        if not key or not hasattr(self._source, "boundary"):
            self._wait_for_permission()
            return self._source.read(table, key, key_range, columns, since)
        pieces: list[pa.Table] = []
        rest: KeyRange | None = key_range
        while rest is not None:
            self._wait_for_permission()
            piece, rest = self._patiently(table, key, rest, columns, since)
            pieces.append(piece)
        return pa.concat_tables(pieces).combine_chunks()

    def snapshot(self) -> str:
        return self._source.snapshot()

    def close(self) -> None:
        self._source.close()

    def _learn(self, rows: int, seconds: float) -> None:
        self.pieces.append((rows, seconds))
        if rows >= self._rows // 2 or seconds > self._limits.target_seconds:  # a short last piece says nothing about speed
            self._rows = next_rows(self._limits, max(rows, 1), seconds)
        if rest := self._limits.pause * seconds + (seconds if seconds > 2 * self._limits.target_seconds else 0.0):
            self._clock.sleep(rest)

    def _piece(
        self, table: str, key: Sequence[str], rest: KeyRange, columns: Sequence[str], since: tuple[str, str] | None
    ) -> tuple[pa.Table, KeyRange | None]:
        """The next piece of a range, and what is left of it."""
        started = self._clock.measure()
        high = self._source.boundary(table, key, self._rows, rest.low, rest.high)
        piece = self._source.read(table, key, KeyRange(rest.number, rest.low, high or rest.high), columns, since)
        self._learn(piece.num_rows, self._clock.measure() - started)
        return piece, None if high is None else KeyRange(rest.number, high, rest.high)

    def _patiently(
        self, table: str, key: Sequence[str], rest: KeyRange, columns: Sequence[str], since: tuple[str, str] | None
    ) -> tuple[pa.Table, KeyRange | None]:
        """A piece that the server cut off at its limit is asked again, later and smaller."""
        for wait in (1.0, 4.0, 16.0):
            try:
                return self._piece(table, key, rest, columns, since)
            except SourceBusyError:
                self._rows = max(self._limits.fewest_rows, self._rows // 4)
                self._clock.sleep(wait)
        return self._piece(table, key, rest, columns, since)

    def _wait_for_permission(self) -> None:
        end = blackout_end(self._limits, self._clock.now())
        if end is not None:
            hint = f"start it again after {end}: what is loaded stays, it goes on where it stopped"
            raise SourceUnavailableError(f"this server must not be read before {end} (blackout hours)", hint=hint)
        waited = 0.0
        running = getattr(self._source, "running", None)
        while running is not None and self._limits.max_running and (running() or 0) > self._limits.max_running:
            if waited >= self._limits.patience:
                raise SourceBusyError(f"the server has been busy for {waited:.0f} s", hint="retry in quieter hours, or raise governor.max_running")
            self._clock.sleep(5.0)
            waited += 5.0
