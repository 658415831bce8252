"""A legacy table that changed its columns: stopped, held or let through as its mapping says, and always told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hopnhat.sample.build import SampleSystems, build
from tests.support.edits import alter, edited, error_of
from tests.support.migration import Machine

CITY, STEPS = "hn_motcua", "opencps_dossieraction"
SOURCE = f"{CITY}.{STEPS}"


@pytest.fixture
def sample(tmp_path: Path) -> SampleSystems:
    return build(tmp_path / "sample", rows=1_500, use_mariadb=False)


@pytest.fixture
def machine(sample: SampleSystems, furnished: str, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "home", furnished, dict(sample.connections))


def declare(machine: Machine, folder: Path, policy: str, **more: Any) -> None:
    def edit(system: dict[str, Any]) -> None:
        table = next(t for t in system["tables"] if t["name"] == STEPS)
        table["drift"] = policy
        table["ignored"] |= more

    machine.mappings = edited(folder, CITY, edit)


def add_column(machine: Machine) -> None:
    alter(machine, CITY, f"alter table {STEPS} add column channelNote varchar(40)")


def test_a_frozen_table_stops_with_a_readable_difference(machine: Machine) -> None:
    machine.migrated(CITY)
    add_column(machine)
    alter(machine, CITY, f"alter table {STEPS} rename column actionNote to remark")
    message = error_of(machine, CITY, 3)
    assert "gone: actionNote (" in message
    assert "channelNote (varchar(40))" in message.lower().replace("channelnote", "channelNote")
    assert "ignored:" in message


def test_an_accepted_new_column_is_left_behind_and_told(machine: Machine, tmp_path: Path) -> None:
    declare(machine, tmp_path / "accept", "accept")
    machine.migrated(CITY)
    before = machine.fingerprint()
    add_column(machine)
    summary = machine.migrated(CITY)
    assert [(n["source"], n["kind"]) for n in summary["notes"]] == [(SOURCE, "drift-accepted")]
    assert "channelNote" in summary["notes"][0]["note"]
    assert (summary["published"], summary["balance"]) == (0, 0)
    assert machine.fingerprint() == before
    assert "channelNote" in machine.query("select message from ledger.run order by started_at desc limit 1")[0][0]


@pytest.mark.parametrize("policy", ["accept", "quarantine"])
def test_a_mapped_column_that_is_gone_always_stops(machine: Machine, tmp_path: Path, policy: str) -> None:
    declare(machine, tmp_path / policy, policy)
    alter(machine, CITY, f"alter table {STEPS} drop column actionNote")
    assert "gone: actionNote" in error_of(machine, CITY, 3)


def held(machine: Machine) -> list[tuple[Any, ...]]:
    return machine.query(
        "select count(*), count(*) filter (where problems @> '[{\"reason\": \"schema-drift\"}]') from quarantine.open where source = %s", SOURCE
    )


def test_every_row_waits_until_the_mapping_knows_the_column(machine: Machine, tmp_path: Path) -> None:
    declare(machine, tmp_path / "before", "quarantine")
    machine.migrated(CITY)
    calm, good = machine.fingerprint(), held(machine)[0][0]
    (filtered,) = machine.query("select sum(filtered + merged) from ledger.batch where source = %s", SOURCE)[0]
    add_column(machine)
    summary = machine.migrated(CITY)
    (rows,) = machine.query("select rows from ledger.source_count where source = %s limit 1", SOURCE)[0]
    assert summary["balance"] == 0
    assert [n["kind"] for n in summary["notes"]] == ["drift-quarantined"]
    assert held(machine) == [(rows - filtered, rows - filtered)]
    assert rows - filtered > good
    published = [line for line in calm if line[0] == "dossier_step"]
    assert [line for line in machine.fingerprint() if line[0] == "dossier_step"] == published  # readers still see what was good
    again = machine.migrated(CITY)
    assert (again["published"], again["balance"]) == (0, 0)
    assert held(machine) == [(rows - filtered, rows - filtered)]

    declare(machine, tmp_path / "after", "quarantine", channelNote="ghi chú nội bộ, không chuyển")
    assert machine.migrated(CITY)["balance"] == 0
    assert machine.fingerprint() == calm
    assert machine.imbalance() == []


def test_a_vendor_who_takes_the_column_back_releases_the_rows(machine: Machine, tmp_path: Path) -> None:
    """Same mapping, same bytes as in the run that held everything: it must not pass for unchanged."""
    declare(machine, tmp_path / "mappings", "quarantine")
    add_column(machine)
    assert machine.migrated(CITY)["balance"] == 0
    assert machine.query("select count(*) from unified.dossier_step") == [(0,)]
    alter(machine, CITY, f"alter table {STEPS} drop column channelNote")
    assert machine.migrated(CITY)["balance"] == 0
    assert machine.query("select count(*) from unified.dossier_step")[0][0] > 1_000
    assert held(machine)[0][1] == 0
    assert machine.imbalance() == []
