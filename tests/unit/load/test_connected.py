"""A session on the unified database that is lost, inside a transaction or not."""

from __future__ import annotations

import pytest

from hopnhat.load.target import Connection, connect
from hopnhat.model.errors import TargetUnavailableError
from hopnhat.opened import connected


def _end(url: str, connection: Connection) -> None:
    other = connect(url)
    with other.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
    other.close()


def _read_after_the_end(url: str) -> None:
    with connected(url) as connection, connection.cursor() as cursor:
        _end(url, connection)
        cursor.execute("select 1")


def test_a_server_lost_between_two_transactions_is_unavailable(database: str) -> None:
    with pytest.raises(TargetUnavailableError, match="went away"):
        _read_after_the_end(database)
