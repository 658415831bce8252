"""Order of dates and state of a dossier: breaches are warnings with the field to look at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from validators.dossiers import dossier_warnings

DAYS = ("submitted_at", "received_at", "due_at", "finished_at", "returned_at")


def warned(status: str | None = "10", **days: int | None) -> set[tuple[str, str]]:
    given = {"submitted_at": 1, "received_at": 2, "due_at": 9, "finished_at": 5, "returned_at": 6} | days
    columns: dict[str, Any] = {n: pa.array([d and datetime(2025, 3, d), None], pa.timestamp("us")) for n, d in given.items()}  # noqa: DTZ001
    columns["status"] = pa.array([status, None], pa.string())
    found = dossier_warnings(columns)
    assert all(reasons.to_pylist()[1] is None for _, reasons in found)  # a row that knows nothing breaks nothing
    return {(field, reasons.to_pylist()[0]) for field, reasons in found}


def test_an_orderly_dossier_has_no_warning() -> None:
    assert warned() == set()
    assert warned(submitted_at=2) == set()  # the same moment is in order


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"submitted_at": 3}, ("received_at", "submitted-after-received")),
        ({"received_at": 10, "finished_at": 11, "returned_at": 12}, ("due_at", "received-after-due")),
        ({"finished_at": 1}, ("finished_at", "received-after-finished")),
        ({"returned_at": 4}, ("returned_at", "finished-after-returned")),
        ({"returned_at": None}, ("returned_at", "returned-without-date")),
        ({"received_at": None}, ("received_at", "received-without-date")),
    ],
)
def test_each_breach(change: dict[str, int | None], warning: tuple[str, str]) -> None:
    assert warned(**change) == {warning}


def test_a_dossier_not_yet_received_needs_no_date_of_receipt() -> None:
    assert warned("1", received_at=None) == set()
    assert warned("4", returned_at=None) == set()
