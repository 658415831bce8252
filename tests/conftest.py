"""One embedded PostgreSQL for each test process; each test that asks gets a database of its own."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from hypothesis import HealthCheck, settings
from psycopg2 import sql

from hopnhat.load.registry import load_units
from hopnhat.load.schema import apply_schema
from hopnhat.load.target import connect
from hopnhat.server import create_database, dsn, ensure_server, remove_server
from mappings.read import load_domain
from mappings.units.registry import load_registry

# How long an example takes says something of the machine only. `make test` asks for the same examples every time; plain
# pytest looks for new ones.
settings.register_profile("any speed", deadline=None)
settings.register_profile("fixed", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")

LONGEST = (
    "test_kill.py",
    "test_cluster_sample.py",
    "test_airflow_run.py",
    "test_cluster.py",
    "test_airflow_up.py",
    "test_server.py",
    "test_run_again.py",
)
"""Files that take a minute and more: several processes begin with these, so that none ends long after the others."""

_number = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_unconfigure() -> None:
    """The index of the unit registry takes all that lives out of garbage collection. At exit DuckDB's binding would
    report every object that was not collected."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that writes without waiting for the disk: no test takes its power away."""
    if given := os.environ.get("HOPNHAT_TEST_DATABASE_URL"):
        yield given
        return
    home = tmp_path_factory.mktemp("postgresql")
    url = ensure_server(home)
    _execute(url, *(sql.SQL(f"ALTER SYSTEM SET {name} = off") for name in ("fsync", "synchronous_commit", "full_page_writes")))
    _execute(url, sql.SQL("SELECT pg_reload_conf()"))
    yield url
    remove_server(home)


@pytest.fixture
def database(server_url: str) -> str:
    """URL of an empty database."""
    return create_database(server_url, f"test_{os.getpid()}_{next(_number)}")


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """Name of a database as every run of ours leaves it behind: schema and units, no run, no row."""
    name = f"template_{os.getpid()}"
    with closing(connect(create_database(server_url, name))) as connection:
        apply_schema(connection, load_domain("dossiers"))
        load_units(connection, load_registry())
        connection.commit()
    return name


@pytest.fixture
def furnished(server_url: str, template: str) -> str:
    """URL of a database that has the schema and the units already: a second of work less for a test that asks about other things."""
    name = f"furnished_{os.getpid()}_{next(_number)}"
    _execute(server_url, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    return create_database(server_url, name)


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path / "landing"


def _execute(url: str, *statements: sql.Composable) -> None:
    with closing(psycopg2.connect(dsn(url))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
