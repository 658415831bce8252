"""No installed distribution provides a module of one of our names: it would win over ours in production (decision 1)."""

from __future__ import annotations

import importlib
import importlib.metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("dags", "hopnhat", "mappings", "transforms", "validators")


def test_no_distribution_provides_our_names() -> None:
    provided = importlib.metadata.packages_distributions()
    assert "pytest" in provided  # the search itself works
    assert {name: provided[name] for name in OURS if name in provided} == {}


@pytest.mark.parametrize("name", OURS)
def test_our_names_mean_our_folders(name: str) -> None:
    module = importlib.import_module(name)
    assert Path(module.__file__ or "").parent == ROOT / name
