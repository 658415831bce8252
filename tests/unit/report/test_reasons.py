"""Every reason code of the code base has words for stewards."""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path

from hopnhat.report.reasons import FILE, reason, reasons

ROOT = Path(__file__).parents[3]
_CODE = re.compile(r"^(text|date|number|amount|id|phone|tax-code|code|unit|key|parent|required|dossier-number|procedure-code)-[a-z-]+$")
_WORDS = {"unit-code", "code-unit"}
# Codes of other families: the order of dates and the state of a dossier.
_ORDER = re.compile(r"^[a-z]+-(after|without)-[a-z]+$")


def codes_used() -> dict[str, str]:
    """String literals of the shape of a reason code in the packages that give reasons, with the file that has them."""
    found: dict[str, str] = {}
    files = [*ROOT.glob("transforms/*.py"), *ROOT.glob("validators/*.py"), *ROOT.glob("hopnhat/load/*.py"), ROOT / "hopnhat" / "part.py"]
    for path in files:
        if path.name == "reconciliation.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and (_CODE.match(node.value) or _ORDER.match(node.value)):
                found.setdefault(node.value, path.name)
    return found


def test_the_search_for_codes_finds_the_known_ones() -> None:
    assert {"required-missing", "key-duplicate", "date-impossible", "code-unknown"} <= codes_used().keys()


def test_every_reason_code_has_words() -> None:
    missing = {code: file for code, file in codes_used().items() if code not in reasons()}
    assert not missing, f"add these codes to {FILE.name}: {missing}"


def test_the_unit_reasons_built_from_a_status_have_words() -> None:
    assert {"unit-ambiguous", "unit-unmatched", "unit-missing", "unit-conflict", "unit-era-undecided"} <= reasons().keys()


def test_lines_are_whole_and_unique() -> None:
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len({row["code"] for row in rows}) == len(rows) > 50
    assert all(None not in row and all(value and value.strip() for value in row.values()) for row in rows)


def test_an_unknown_code_is_shown_as_it_is() -> None:
    assert reason("never-seen").label_vi == "never-seen"
