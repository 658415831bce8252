"""The guard on what was read: a source that collapses or swells between counting and reading is not published."""

from __future__ import annotations

from pathlib import Path

import pytest

from hopnhat.guards import check_read
from hopnhat.model.errors import SourceDriftError
from mappings.read import load_system
from mappings.spec import System

MAPPINGS = Path(__file__).resolve().parents[2] / "mappings" / "systems"


@pytest.fixture(scope="module")
def system() -> System:
    return load_system(next(path.stem for path in sorted(MAPPINGS.glob("*.yml"))), MAPPINGS)


def bounded(system: System, low: float, high: float) -> System:
    first = system.tables[0]
    return system.model_copy(
        update={"tables": [first.model_copy(update={"expect": first.expect.model_copy(update={"min_share": low, "max_share": high})})]}
    )


@pytest.mark.parametrize(("counted", "read"), [(1_000, 1_000), (1_000, 800), (1_000, 2_000), (0, 0), (0, 7)])
def test_about_the_rows_that_were_counted_may_be_published(system: System, counted: int, read: int) -> None:
    mapped = bounded(system, 0.8, 2.0)
    check_read(mapped, mapped.source_id(mapped.tables[0]), counted, read)


@pytest.mark.parametrize(
    ("counted", "read", "said"), [(1_000, 799, "below 80 %"), (1_000, 2_001, "above 200 %"), (1_000, 0, "no rows"), (1, 0, "no rows")]
)
def test_far_fewer_or_far_more_rows_stop_the_run(system: System, counted: int, read: int, said: str) -> None:
    mapped = bounded(system, 0.8, 2.0)
    table = mapped.tables[0]
    with pytest.raises(SourceDriftError, match=said) as told:
        check_read(mapped, mapped.source_id(table), counted, read)
    assert (told.value.system, told.value.table) == (mapped.id, table.name)
    assert "last good" not in str(told.value)  # it is compared with the count of this run
    assert "start a new run" in told.value.hint


def test_the_bounds_are_those_of_the_table(system: System) -> None:
    mapped = bounded(system, 0.5, 4.0)
    source = mapped.source_id(mapped.tables[0])
    check_read(mapped, source, 1_000, 500)
    check_read(mapped, source, 1_000, 4_000)
    with pytest.raises(SourceDriftError):
        check_read(mapped, source, 1_000, 499)
