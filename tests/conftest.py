"""One embedded PostgreSQL for the whole session; each test that asks gets a database of its own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hopnhat.server import create_database, ensure_server, remove_server

_number = itertools.count()


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if given := os.environ.get("HOPNHAT_TEST_DATABASE_URL"):
        yield given
        return
    home = tmp_path_factory.mktemp("postgresql")
    yield ensure_server(home)
    remove_server(home)


@pytest.fixture
def database(server_url: str) -> str:
    """URL of an empty database."""
    return create_database(server_url, f"test_{os.getpid()}_{next(_number)}")


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path / "landing"
