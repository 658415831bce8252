"""Connections to the unified database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection

from hopnhat.model.errors import HopNhatError, LandingError, MappingError, TargetUnavailableError
from hopnhat.urls import place_of

__all__ = ["Connection", "connect", "hurry", "transaction", "translated"]

_FULL = ("53100", "53200")  # disk_full, out_of_memory
_ACCESS = ("28",)  # invalid_authorization_specification
_AWAY = ("08", "57P")  # connection_exception, operator intervention (server shut down)


def connect(url: str) -> Connection:
    """Open the unified database from a SQLAlchemy URL `postgresql+psycopg2://…`.

    Raises:
        TargetUnavailableError: it does not answer. MappingError: the URL is none, or has an option that PostgreSQL does not know.
    """
    place = place_of(url)
    options = {"host": place.host, "port": place.port, "user": place.user, "password": place.password, "dbname": place.database}
    given: dict[str, Any] = {k: v for k, v in options.items() if v} | place.query | {"application_name": "hopnhat"}
    try:
        connection: Connection = psycopg2.connect(**given)
    except psycopg2.OperationalError as exc:
        problem = f"unified database {given.get('host', 'local socket')}/{place.database} does not answer"
        raise TargetUnavailableError(problem, hint="is it running, and is HOPNHAT_DATABASE_URL right?") from exc
    except psycopg2.ProgrammingError as exc:
        raise MappingError("the URL of the unified database has an option that PostgreSQL does not know", hint="look at what follows `?` in HOPNHAT_DATABASE_URL") from exc
    connection.autocommit = False
    return connection


def hurry(connection: Connection) -> None:
    """Let this session's commits not wait for the disk. For what a run stages: when the server crashes, rows and ledger
    are lost together and the run does those parts again; publishing waits, and all that was committed before with it."""
    with connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = off")
    connection.commit()


@contextmanager
def transaction(connection: Connection) -> Iterator[Connection]:
    """One commit or none. A lost server becomes TargetUnavailableError: nothing of the block remains."""
    try:
        yield connection
        connection.commit()
    except HopNhatError:
        _rollback(connection)
        raise
    except psycopg2.Error as exc:
        _rollback(connection)
        raise translated(exc) from exc
    except BaseException:
        _rollback(connection)
        raise


def _rollback(connection: Connection) -> None:
    if not connection.closed:
        try:
            connection.rollback()
        except psycopg2.Error:  # the server is gone: it has rolled back itself
            connection.close()


def translated(exc: psycopg2.Error) -> Exception:
    """The same failure as the caller's next step; an error that tells of none stays as it is."""
    code = exc.pgcode or ""
    if code in _FULL:
        return LandingError("unified database is out of disk or memory", hint="free space there, then run again")
    if code.startswith(_AWAY) or (isinstance(exc, psycopg2.OperationalError | psycopg2.InterfaceError) and not code):
        return TargetUnavailableError("unified database went away in the middle", hint="nothing was half-published; run again")
    return exc
