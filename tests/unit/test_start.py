"""A process of the command line as it starts: its memory and its collector."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from hopnhat.start import unsearched

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif("THP_enabled" not in Path("/proc/self/status").read_text(), reason="this kernel does not tell")
def test_the_command_line_and_its_children_use_no_huge_pages() -> None:
    tell = "import subprocess; from hopnhat.start import start_lean; start_lean(); subprocess.run(['grep', 'THP_enabled', '/proc/self/status'], check=True)"
    said = subprocess.run([sys.executable, "-c", tell], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said.split() == ["THP_enabled:", "0"]


def test_what_the_log_leaves_out_is_there_when_it_is_asked_for() -> None:
    tell = "import sys, hopnhat.log; print('structlog' in sys.modules, 'rich' in sys.modules); import rich"
    said = subprocess.run([sys.executable, "-c", tell], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said.split() == ["True", "False"]


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


def ended(last_line: str, out: int | IO[bytes] = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    """A process whose command says something and then ends so."""
    script = f"from hopnhat.start import run\ndef main():\n    print('nói hết')\n    {last_line}\nrun(main)\n"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=buffered, check=False, stdout=out, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize(("last_line", "code"), [("pass", 0), ("raise SystemExit(0)", 0), ("raise SystemExit(5)", 5), ("raise KeyError", 1)])
def test_a_command_ends_with_its_code_after_all_it_said(last_line: str, code: int) -> None:
    done = ended(last_line)
    assert (done.returncode, done.stdout.decode()) == (code, "nói hết\n")


def test_a_command_whose_words_are_lost_does_not_end_well() -> None:
    with Path("/dev/full").open("wb") as full:
        assert ended("pass", full).returncode == 120
