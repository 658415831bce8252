"""The units of a column speak one era, both, or the other one than declared: what a run does about it (F18, law 4)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mappings.units.registry import load_registry
from tests.support.migration import MAU, Machine

MAPPING = MAU + """\
units_as_of: {as_of}
codes:
  tt: {{"1": "2"}}
tables:
  - name: ho_so
    entity: dossier
    key: [ma]
    expect: {{min_rows: 0, max_rows: 1000}}
    columns:
      dossier_no: so
      status: {{from: tt, codes: tt}}
    unit: {{carries: people, commune_code: ma_xa, commune: ten_xa}}
    ignored: {{}}
"""
Row = tuple[str, str | None, str | None]


@pytest.fixture
def machine(furnished: str, tmp_path: Path) -> Machine:
    folder = tmp_path / "mappings"
    folder.mkdir()
    return Machine(tmp_path / "home", furnished, {"mau": f"sqlite:///{tmp_path / 'mau.sqlite'}"}, folder)


def prepare(machine: Machine, rows: list[Row], as_of: str = "2025-06-30") -> None:
    assert machine.mappings is not None
    (machine.mappings / "mau.yml").write_text(MAPPING.format(as_of=as_of), encoding="utf-8")
    with sqlite3.connect(machine.home.parent / "mau.sqlite") as db:
        db.execute("create table ho_so (ma text primary key, so text, tt text, ma_xa text, ten_xa text)")
        db.executemany("insert into ho_so values (?1, 'HS-' || ?1, '1', ?2, ?3)", rows)


def communes(day: str) -> dict[str, str]:
    """Code → name of the communes in force on a day."""
    units = load_registry().instances
    return {u.code: u.name for u in units if u.level == "commune" and u.valid_from <= day and (not u.valid_to or day < u.valid_to)}


OLD, NEW = communes("2025-06-30"), communes("2026-10-01")


def old_rows(number: int) -> list[Row]:
    """Codes that only the old system has, each with its name."""
    return [(f"c{code}", code, name) for code, name in list(OLD.items()) if code not in NEW][:number]


def new_rows(number: int) -> list[Row]:
    """Codes that both systems have, with the name that only the new one gives them."""
    return [(f"m{code}", code, name) for code, name in NEW.items() if code in OLD and OLD[code] != name][:number]


def alone(number: int) -> list[Row]:
    """Codes that both systems have, without a name."""
    return [(f"x{code}", code, None) for _, code, _ in new_rows(200)[100 : 100 + number]]


def published(machine: Machine) -> dict[str, Any]:
    return dict(machine.query("select source_key, new_commune_code from unified.dossier"))


def test_a_column_of_new_codes_is_never_remapped_again(machine: Machine) -> None:
    prepare(machine, new_rows(60))
    refused = machine.migrate("mau")
    assert refused.returncode == 2
    assert "the units are new" in refused.stderr
    assert "units_as_of" in refused.stderr
    assert published(machine) == {}


def test_a_column_that_speaks_as_declared_is_read_so(machine: Machine) -> None:
    prepare(machine, [*old_rows(60), *alone(4)])
    summary = machine.migrated("mau")
    assert summary["reconciliation"]["failed"] == 0
    assert summary["notes"] == []
    waiting = dict(machine.query("select source_key, problems -> 0 ->> 'reason' from quarantine.open"))
    assert "unit-era-undecided" not in waiting.values()
    assert published(machine).keys() | waiting.keys() == {key for key, *_ in [*old_rows(60), *alone(4)]}


def test_in_a_mixed_column_rows_that_do_not_tell_their_era_wait(machine: Machine) -> None:
    prepare(machine, [*old_rows(40), *new_rows(40), *alone(4)])
    summary = machine.migrated("mau")
    assert (summary["reconciliation"]["failed"], summary["balance"]) == (0, 0)
    assert ["both systems" in note["note"] for note in summary["notes"]] == [True]
    waiting = dict(machine.query("select source_key, problems -> 0 ->> 'reason' from quarantine.open"))
    assert {waiting.get(key) for key, *_ in alone(4)} <= {"unit-era-undecided", "unit-ambiguous"}
    assert "unit-era-undecided" in waiting.values()
    told = {key: code for key, code, _ in new_rows(40) if key in published(machine)}
    assert len(told) > 30  # the others are nearly called as before: their names settle nothing
    assert {key: published(machine)[key] for key in told} == told
    again = machine.migrated("mau")
    assert (again["published"], again["quarantined"], again["balance"]) == (0, summary["quarantined"], 0)
