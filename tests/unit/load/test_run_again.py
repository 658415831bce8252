"""What waits in quarantine is let go as soon as its reason is gone, whatever the reason was."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.migration import MAU, Machine

MAPPING = MAU + """\
units_as_of: 2025-06-30
codes:
  tt: {"1": "2", "2": "10"}
tables:
  - name: ho_so
    entity: dossier
    key: [ma]
    expect: {min_rows: 0, max_rows: 1000}
    columns:
      dossier_no: so
      status: {from: tt, codes: tt}
    unit: {carries: people, commune_code: xa, address: dia_chi}
    ignored: {}
  - name: buoc
    entity: dossier_step
    key: [ma]
    expect: {min_rows: 0, max_rows: 1000}
    columns:
      dossier_key: ho_so
      action: viec
    ignored: {}
"""
FILTER = '    filters:\n      - {rule: trial, column: tt, values: ["9"], why: hồ sơ nhập thử khi cài đặt}\n'


@pytest.fixture
def machine(furnished: str, tmp_path: Path) -> Machine:
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "mau.yml").write_text(MAPPING, encoding="utf-8")
    return Machine(tmp_path / "home", furnished, {"mau": f"sqlite:///{tmp_path / 'mau.sqlite'}"}, folder)


def source(machine: Machine, dossiers: list[tuple[Any, ...]], steps: list[tuple[Any, ...]] = []) -> None:  # noqa: B006
    """Dossiers: (key, status, address); steps: (key, dossier)."""
    with sqlite3.connect(machine.home.parent / "mau.sqlite") as db:
        db.executescript("drop table if exists ho_so; drop table if exists buoc")
        db.execute("create table ho_so (ma text primary key, so text, tt text, xa text, dia_chi text)")
        db.execute("create table buoc (ma text primary key, ho_so text, viec text)")
        db.executemany("insert into ho_so values (?1, 'HS-' || ?1, ?2, '09694', ?3)", dossiers)
        db.executemany("insert into buoc values (?, ?, 'tiếp nhận')", steps)


def held(machine: Machine) -> dict[str, list[str]]:
    return {key: [p["reason"] for p in problems] for key, problems in machine.query("select source_key, problems from quarantine.open order by 1")}


def published(machine: Machine, entity: str = "dossier") -> list[str]:
    return [key for (key,) in machine.query(f"select source_key from unified.{entity} order by 1")]


def test_a_step_follows_its_dossier_out_of_quarantine(machine: Machine) -> None:
    source(machine, [("1", "2", "x"), ("2", "?", "x")], [("a", "1"), ("b", "2")])
    machine.migrated("mau")
    assert held(machine) == {"2": ["code-unknown"], "b": ["parent-missing"]}
    source(machine, [("1", "2", "x"), ("2", "1", "x")], [("a", "1"), ("b", "2")])
    summary = machine.migrated("mau")
    assert held(machine) == {}
    assert published(machine, "dossier_step") == ["a", "b"]
    assert summary["balance"] == 0
    assert summary["reconciliation"]["failed"] == 0
    assert machine.imbalance() == []


def test_a_step_without_a_dossier_goes_on_waiting_once(machine: Machine) -> None:
    source(machine, [("1", "2", "x")], [("a", "1"), ("b", "no such")])
    machine.migrated("mau")
    for _ in range(2):
        summary = machine.migrated("mau")
        assert (summary["published"], summary["unchanged"], summary["quarantined"], summary["balance"]) == (0, 2, 1, 0)
        assert machine.query("select source_key from quarantine.open") == [("b",)]
    assert machine.imbalance() == []


def test_a_row_that_is_again_what_is_published_no_longer_waits(machine: Machine) -> None:
    source(machine, [("1", "2", "x"), ("2", "2", "x")])
    machine.migrated("mau")
    source(machine, [("1", "?", "x"), ("2", "2", "x")])
    machine.migrated("mau")
    assert held(machine) == {"1": ["code-unknown"]}
    source(machine, [("1", "2", "x"), ("2", "2", "x")])
    summary = machine.migrated("mau")
    assert held(machine) == {}
    assert summary["balance"] == 0
    assert summary["reconciliation"]["failed"] == 0


def test_a_row_that_a_new_rule_leaves_out_no_longer_waits(machine: Machine) -> None:
    """A steward finds that the held rows are trials and has a filter declared: the advice of several reasons."""
    source(machine, [("1", "2", "x"), ("2", "9", "x")])
    machine.migrated("mau")
    assert held(machine) == {"2": ["code-unknown"]}
    assert machine.mappings is not None
    head, tail = MAPPING.split("    ignored: {}\n", 1)
    (machine.mappings / "mau.yml").write_text(head + FILTER + "    ignored: {}\n" + tail, encoding="utf-8")
    summary = machine.migrated("mau")
    assert (summary["filtered"], summary["quarantined"], summary["balance"]) == (1, 0, 0)
    assert summary["reconciliation"]["failed"] == 0
    assert held(machine) == {}


def test_a_source_that_was_empty_is_filled_later(machine: Machine) -> None:
    source(machine, [("1", "2", "x")], [])
    machine.migrated("mau")
    source(machine, [("1", "2", "x")], [("a", "1")])
    assert machine.migrated("mau")["published"] == 1
    assert published(machine, "dossier_step") == ["a"]


def test_a_source_that_was_taken_back_is_published_afresh(machine: Machine) -> None:
    """Roll back as the runbook says: detach the partition; the next bulk run publishes the source again."""
    source(machine, [("1", "2", "x"), ("2", "?", "x")], [("a", "1")])
    machine.migrated("mau")
    before = machine.fingerprint()
    machine.query('alter table unified.dossier detach partition unified_parts."mau.ho_so"')
    machine.query("update quarantine.row set released_by = batch_id where source = 'mau.ho_so' and released_by is null")
    assert published(machine) == []
    refused = machine.migrate("mau")  # its table is still there, aside: drop it or attach it again
    assert refused.returncode != 0
    assert machine.query('select count(*) from unified_parts."mau.ho_so"') == [(1,)]
    machine.query('drop table unified_parts."mau.ho_so"')
    summary = machine.migrated("mau")
    assert summary["balance"] == 0
    assert summary["reconciliation"]["failed"] == 0
    assert machine.fingerprint() == before


def test_a_rehearsal_lets_nothing_go(machine: Machine) -> None:
    source(machine, [("1", "?", "x"), ("2", "2", "x")])
    machine.migrated("mau")
    source(machine, [("1", "2", "x"), ("2", "2", "x")])
    machine.migrated("mau", "rehearsal")
    assert held(machine) == {"1": ["code-unknown"]}
    assert published(machine) == ["2"]


def test_characters_that_the_database_cannot_hold_cost_their_row_only(machine: Machine) -> None:
    source(machine, [("1", "2", "thôn\x00 1"), ("2\x00", "2", "x"), ("3", "2", "x")])
    summary = machine.migrated("mau")
    assert held(machine)["1"] == ["text-not-storable"]
    assert "3" in published(machine)
    assert (summary["extracted"], summary["balance"]) == (3, 0)
    assert summary["reconciliation"]["failed"] == 0
