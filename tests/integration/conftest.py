"""What several integration tests start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.airflow import ended_afterwards, know, variables


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for an Airflow that is ended with the module."""
    with ended_afterwards(tmp_path_factory.mktemp("airflow")) as path:
        yield path


@pytest.fixture(scope="module")
def extra(folder: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """Its environment, with a mapping for each of the module's SYSTEMS."""
    return variables(folder, request.module.SYSTEMS)


@pytest.fixture
def mapped(extra: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    know(monkeypatch, extra)
    return extra
