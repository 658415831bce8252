"""Change a sample system as its owner or the mapping's author would."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from mappings.read import systems_dir
from tests.support.migration import Machine


def edited(folder: Path, system: str, edit: Callable[[dict[str, Any]], object]) -> Path:
    """A folder with the shipped mapping of one system, changed."""
    folder.mkdir(parents=True)
    data = yaml.safe_load((systems_dir() / f"{system}.yml").read_text(encoding="utf-8"))
    edit(data)
    (folder / f"{system}.yml").write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


def in_parts(folder: Path, system: str, rows: int) -> Path:
    """The shipped mapping, read in parts of so many rows: many instants to be killed at."""
    return edited(folder, system, lambda data: [table.update(chunk_rows=rows) for table in data["tables"]])


def alter(machine: Machine, system: str, *statements: str) -> None:
    """Run statements on a legacy SQLite system."""
    with sqlite3.connect(machine.connections[system].removeprefix("sqlite:///")) as source:
        for statement in statements:
            source.execute(statement)


def error_of(machine: Machine, system: str, exit_code: int, mode: str = "bulk", *options: str) -> str:
    """The migration ends with this code; its one line for the user."""
    done = machine.migrate(system, mode, *options)
    assert done.returncode == exit_code, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]
