"""Law 10: no person's name, number or telephone in what the run prints, logs, reports or keeps in the ledger."""

from __future__ import annotations

import re
import sqlite3
import zipfile
from pathlib import Path

from hopnhat.sample.build import build
from tests.support.migration import Machine


def test_no_person_in_output_reports_or_ledger(furnished: str, tmp_path: Path) -> None:
    sample = build(tmp_path / "sample", rows=2_000, bad_share=0.2, use_mariadb=False)
    machine = Machine(tmp_path / "home", furnished, sample.connections)
    printed = ""
    for system in sample.connections:
        done = machine.migrate(system, "bulk", "--reports")
        assert done.returncode == 0, done.stderr[-2000:]
        printed += done.stdout + done.stderr
    texts = {"printed": printed, **_reports(machine.home), "ledger": _ledger(machine)}
    assert len(texts) > 12
    persons = _persons(sample.connections["hn_motcua"])
    assert len(persons) > 3_000
    for place, text in texts.items():
        words = set(re.findall(r"\d{9,12}", text)) | {name for name in _names(text)}
        assert not words & persons, f"{place}: {len(words & persons)} personal values"


def _persons(url: str) -> set[str]:
    """Names of three words and more, identity numbers and telephones of every applicant of the city system."""
    with sqlite3.connect(url.removeprefix("sqlite:///")) as source:
        rows = source.execute("select applicantName, applicantIdNo, contactTelNo from opencps_dossier").fetchall()
    names = {name for name, _, _ in rows if name and len(name.split()) >= 3}
    numbers = {value for _, identity, phone in rows for value in (identity, phone) if value and re.fullmatch(r"\d{9,12}", value)}
    return names | {n for n in numbers if len(set(n)) > 3}


def _names(text: str) -> set[str]:
    """Runs of three to five capitalised words: what a Vietnamese name looks like."""
    words = re.findall(r"[^\W\d_]+", text)
    return {" ".join(words[i : i + n]) for n in (3, 4, 5) for i in range(len(words) - n + 1)}


def _reports(home: Path) -> dict[str, str]:
    texts = {}
    for path in [*home.rglob("reports/**/*"), *home.rglob("logs/**/*")]:
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                texts[str(path)] = " ".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
        elif path.is_file():
            texts[str(path)] = path.read_text(encoding="utf-8")
    return texts


def _ledger(machine: Machine) -> str:
    tables = ("ledger.run", "ledger.batch", "ledger.unit_tally", "ledger.plan", "verify.result")
    return " ".join(str(row) for table in tables for row in machine.query(f"select t::text from {table} t"))
