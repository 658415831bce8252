"""Words of the reconciliation report: nothing that a vendor reads is left in English."""

from __future__ import annotations

import ast
from pathlib import Path

from hopnhat.report.reconciliation import in_vietnamese, note_in_vietnamese

VERIFY = Path(__file__).parents[3] / "hopnhat" / "verify"


def notes_of_the_prover() -> list[str]:
    """The sentences that lines carry as notes: arguments of not_applicable and broken, and the constants they use."""
    found = []
    for path in VERIFY.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("not_applicable", "broken"):
                found += [a.value for a in node.args[3:] if isinstance(a, ast.Constant)]
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("why", "_NO_CODES", "_NO_UNITS", "_UNSURE"):
                found += [c.value for c in ast.walk(node.value) if isinstance(c, ast.Constant) and isinstance(c.value, str)]
    return [note for note in found if " " in note and "\n" not in note]


def test_every_note_has_a_translation() -> None:
    notes = notes_of_the_prover()
    assert len(notes) >= 8
    assert [note for note in notes if note_in_vietnamese(note) == note] == []


def test_measures_read_as_vietnamese() -> None:
    assert in_vietnamese("fee_amount by-unit") == "Phí, lệ phí (đồng) theo đơn vị cũ và mới"
    assert in_vietnamese("keys-missing") == "Khóa thiếu ở đích"
