"""One migration of a system at a time: planning is exclusive, loading is shared. Kept by the server, so a killed
process never leaves a lock behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import connection as Connection

from hopnhat.model.errors import RunError


@contextmanager
def hold_system(connection: Connection, system: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the system's lock: shared for the session's work on parts, exclusive within the current transaction.

    Raises:
        RunError: another migration of this system is at work.
    """
    kind = "pg_advisory_lock_shared" if shared else "pg_advisory_xact_lock"
    try:
        with connection.cursor() as cursor:
            cursor.execute("set local lock_timeout = '20s'")
            cursor.execute(f"select {kind}(hashtext('hopnhat.system'), hashtext(%s))", (system,))
    except psycopg2.errors.LockNotAvailable as exc:
        connection.rollback()
        raise RunError("another migration of this system is at work", system=system, hint="wait for it, or end it") from exc
    if not shared:
        yield
        return
    connection.commit()
    try:
        yield
    finally:
        if not connection.closed:
            connection.rollback()
            with connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock_shared(hashtext('hopnhat.system'), hashtext(%s))", (system,))
            connection.commit()
