"""One instant of a PostgreSQL source for all workers of a machine, at no cost: the server lends a snapshot to other sessions.

A keeper exports the snapshot and holds it open; every reader session of this process, and of the workers that it forks
meanwhile, begins in it. MariaDB and MySQL can lend none: there `snapshot: true` reads everything through one session.
The keeper's transaction keeps the server from cleaning up rows that changed since: like a dump, for as long as the load.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hopnhat.model.errors import HopNhatError

_lent: dict[str, str] = {}


def lent_snapshot(url: str) -> str | None:
    """The snapshot in which a new session of this source must begin, if one is held."""
    return _lent.get(url)


@contextmanager
def held_snapshot(url: str, options: Mapping[str, object]) -> Iterator[str | None]:
    """Hold one snapshot while the block runs. None where none can be shared: another technology, `snapshot: false`, or a
    server that refuses; the reads then see one instant per range, as before."""
    if not url.startswith("postgres") or options.get("snapshot") is False:
        yield None
        return
    from sqlalchemy.engine import make_url

    from hopnhat.extract.postgres import PostgresSession

    keeper = PostgresSession("", make_url(url), {**options, "snapshot": True})
    try:
        keeper.rows("SELECT set_config('idle_in_transaction_session_timeout', '0', false)")
        found = (keeper.rows("SELECT pg_export_snapshot()")[0][0] or b"").decode()
    except HopNhatError:
        keeper.close()  # a replica, or a pooler in between: not worth stopping for
        yield None
        return
    _lent[url] = found
    try:
        yield found
    finally:
        del _lent[url]
        keeper.close()
