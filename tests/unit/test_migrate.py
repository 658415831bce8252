"""The plan is made by a child process: what goes wrong there must come out here as it would without one."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from hopnhat import migrate, planning
from hopnhat.model.errors import MappingError, RunError

URL = "sqlite:////nowhere/none.db"


def _killed(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wrong(*_: Any, **__: Any) -> None:
    raise MappingError("no such column", file="hn_motcua.yml", line=7, hint="name it")


def test_a_child_that_is_ended_from_outside_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "plan", _killed)
    with pytest.raises(RunError, match="ended from outside"):
        migrate.planned("hn_motcua", url=URL)


def test_an_error_of_the_plan_comes_out_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "plan", _wrong)
    with pytest.raises(MappingError) as caught:
        migrate.planned("hn_motcua", url=URL)
    assert str(caught.value) == "hn_motcua.yml:7: no such column → name it"
