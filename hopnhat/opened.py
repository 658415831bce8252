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

    technology = _technology(system, url)
    source = open_source(technology, url, system.reader_options(technology))
    try:
        yield source
    finally:
        source.close()


def import_driver(system: System, url: str) -> None:
    """Import the reader of a legacy system, and its driver with it, without opening anything."""
    from hopnhat.extract.technologies import module_of

    module_of(_technology(system, url))


def _technology(system: System, url: str) -> str:
    """A database's URL says what it is, whatever the mapping was written for."""
    scheme = url.partition(":")[0].partition("+")[0]
    return scheme if scheme in ("sqlite", "mysql", "postgresql", "mssql", "oracle") else system.technology


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
