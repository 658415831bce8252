from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from hopnhat.sample.build import SampleSystems, build


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleSystems:
    """Small and spoiled, so that every defect occurs."""
    return build(tmp_path_factory.mktemp("sample"), rows=12_000, bad_share=0.15, use_mariadb=False)


@pytest.fixture(scope="session")
def labels(sample: SampleSystems) -> dict[str, list[dict[str, object]]]:
    return {source: pq.read_table(path).to_pylist() for source, path in sample.labels.items()}
