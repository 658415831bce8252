"""The command line as a script sees it: exit code, one line, no traceback, no data."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from hopnhat import cli
from hopnhat.forked import CONTEXT, die_with_parent

ROOT = Path(__file__).parents[2]


def run(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOPNHAT_HOME": str(tmp_path / "home"), "HOPNHAT_DATABASE_URL": "postgresql+psycopg2://x@127.0.0.1:1/x"}
    command = [sys.executable, "-m", "hopnhat", *arguments]
    return subprocess.run(command, env=clean | environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("migrate", "khong_co"), 2, "no legacy system 'khong_co'"),
        (("migrate", "hn_motcua"), 2, "HOPNHAT_CONN_HN_MOTCUA"),
        (("migrate", "hn_motcua", "--mode", "everything"), 2, "no mode 'everything'"),
        (("migrate", "hn_motcua", "--as-of", "2025-02-31", "--url", "sqlite:///none"), 2, "2025-02-31"),
        (("migrate", "hn_motcua", "--url", "sqlite:///none"), 5, "does not answer"),
        (("resolve", "no-such.csv", "out.csv"), 2, "no-such.csv"),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_code(tmp_path: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_systems_are_listed(tmp_path: Path) -> None:
    done = run(tmp_path, "systems")
    assert done.returncode == 0
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["hn_motcua", "mysql"], ["so_tay_xa", "excel"], ["thanhtri_motcua", "dbf"]]


def test_a_wrong_mapping_is_named_and_the_others_are_still_checked(tmp_path: Path) -> None:
    good = (ROOT / "mappings" / "systems" / "hn_motcua.yml").read_text(encoding="utf-8")
    (tmp_path / "hn_motcua.yml").write_text(good, encoding="utf-8")
    (tmp_path / "aaa.yml").write_text("id: aaa\ntitel: x\n", encoding="utf-8")
    done = run(tmp_path, "check-mappings", HOPNHAT_MAPPINGS=str(tmp_path))
    assert done.returncode == 2
    assert "aaa.yml:1:" in done.stderr
    assert "ok    hn_motcua" in done.stdout


def test_a_crash_is_noted_by_place_without_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "settings", lambda: type("S", (), {"home": tmp_path})())
    try:
        raise ValueError("Nguyễn Văn Mẫu 001085012345")
    except ValueError as exc:
        note = Path(cli._note_crash(exc)).read_text(encoding="utf-8")
    assert "builtins.ValueError" in note
    assert "test_cli.py" in note
    assert "Nguyễn" not in note
    assert "001085012345" not in note


def _stumble() -> None:
    raise ValueError("Nguyễn Văn Mẫu 001085012345")


def test_a_crash_in_a_child_process_is_noted_by_its_place_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "settings", lambda: type("S", (), {"home": tmp_path})())
    with ProcessPoolExecutor(1, CONTEXT, die_with_parent, (os.getpid(),)) as child, pytest.raises(ValueError) as caught:
        child.submit(_stumble).result()
    note = Path(cli._note_crash(caught.value)).read_text(encoding="utf-8")
    assert f"{__file__}:{_stumble.__code__.co_firstlineno + 1} _stumble" in note
    assert "Nguyễn" not in note
    assert "001085012345" not in note


def test_a_chain_of_errors_that_bites_its_tail_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "settings", lambda: type("S", (), {"home": tmp_path})())
    first, second = ValueError("1"), KeyError("2")
    first.__cause__, second.__cause__ = second, first
    assert Path(cli._note_crash(first)).read_text(encoding="utf-8").splitlines() == ["builtins.ValueError", "builtins.KeyError"]
