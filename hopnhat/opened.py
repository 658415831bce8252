"""What every step opens: the unified database, a legacy system, the active unit registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psycopg2

from hopnhat.extract.contract import Source
from hopnhat.load.target import Connection, connect, translated
from hopnhat.settings import settings
from mappings.spec import System
from mappings.units.registry import Registry, load_registry


@cache
def registry() -> Registry:
    """The active unit registry, read once a process."""
    return load_registry()


def database_url() -> str:
    """The unified database: the one given, else the embedded server, started when needed."""
    if url := settings().database_url:
        return url
    from hopnhat.server import ensure_server

    return ensure_server(settings().home)


@contextmanager
def open_legacy(system: System, url: str) -> Iterator[Source]:
    from hopnhat.extract.technologies import open_source

    scheme = url.partition(":")[0].partition("+")[0]
    technology = scheme if scheme in ("sqlite", "mysql", "postgresql", "mssql", "oracle") else system.technology
    source = open_source(technology, url, system.reader_options(technology))
    try:
        yield source
    finally:
        source.close()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A session that is closed at the end. A server that is lost outside a transaction is told like one lost inside."""
    connection = connect(url)
    try:
        yield connection
    except psycopg2.Error as exc:
        raise translated(exc) from exc
    finally:
        connection.close()
