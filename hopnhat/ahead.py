"""Read what the proof needs of the landing zone while the run still loads and publishes: that leaves cores idle now and then."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from hopnhat.load.target import Connection
from hopnhat.opened import connected, database_url
from hopnhat.settings import settings
from mappings.read import load_system

if TYPE_CHECKING:
    from hopnhat.verify.side import LandedSide


class Ahead:
    """The landing side of one run's largest source, read in a thread that begins with the first call of `go_on`: after the
    workers were forked. What goes wrong there is not told: the proof then reads for itself, and tells."""

    def __init__(self, system_id: str, run_id: str) -> None:
        self._system, self._run = load_system(system_id, settings().mappings), run_id
        self._thread = ThreadPoolExecutor(1)
        self._asked: list[Future[None]] = []
        self._open = ExitStack()
        self._reading: tuple[Connection, LandedSide] | None = None

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.shutdown(cancel_futures=True)
        self._open.close()

    def go_on(self) -> None:
        """Parts were staged: read them when there is time."""
        self._asked.append(self._thread.submit(self._catch_up))

    def side(self) -> LandedSide | None:
        """What was read. None = nothing that could be used."""
        failed = any([asked.exception() for asked in self._asked])
        return self._reading[1] if self._reading and not failed else None

    def _catch_up(self) -> None:
        from hopnhat.verify import reconcile  # the prover pulls in DuckDB: only where it is used

        if self._reading is None:
            connection = self._open.enter_context(connected(database_url()))
            side = reconcile.side_ahead(connection, self._system, self._run, settings().landing_root())
            self._reading = connection, self._open.enter_context(side)
        connection, side = self._reading
        reconcile.catch_up(connection, self._system.id, self._run, side)
