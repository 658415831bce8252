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


def _make(kept: list[list[int]]) -> None:
    with unsearched():
        assert not gc.isenabled()
        kept.append([1])
        raise KeyError


def test_what_is_made_unsearched_stays_out_of_the_collectors_way_and_the_rest_does_not() -> None:
    kept: list[list[int]] = []
    try:
        with pytest.raises(KeyError):
            _make(kept)
        later = [2]
        assert gc.isenabled()
        seen = {id(one) for one in gc.get_objects()}
        assert id(kept[0]) not in seen
        assert id(later) in seen
    finally:
        gc.unfreeze()
