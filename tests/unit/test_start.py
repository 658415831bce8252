"""A process of the command line as it starts: its memory and its collector."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from hopnhat.start import unsearched

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif("THP_enabled" not in Path("/proc/self/status").read_text(), reason="this kernel does not tell")
def test_the_command_line_and_its_children_use_no_huge_pages() -> None:
    tell = "import subprocess; from hopnhat.start import start_lean; start_lean(); subprocess.run(['grep', 'THP_enabled', '/proc/self/status'], check=True)"
    said = subprocess.run([sys.executable, "-c", tell], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said.split() == ["THP_enabled:", "0"]


def _make() -> int:
    with unsearched():
        assert not gc.isenabled()
        kept: list[list[int]] = [[] for _ in range(1000)]
        raise KeyError(len(kept))


def test_what_is_made_unsearched_stays_out_of_the_collectors_way_and_the_rest_does_not() -> None:
    frozen = gc.get_freeze_count()
    try:
        with pytest.raises(KeyError):
            _make()
        assert gc.isenabled()
        assert gc.get_freeze_count() >= frozen + 1000
    finally:
        gc.unfreeze()
