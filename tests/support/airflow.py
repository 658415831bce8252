"""A real Airflow in a folder of the test's own, with a stand-in for the pipeline behind its tasks (tests/fixtures/stand_in)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hopnhat.orchestrate import runner
from hopnhat.server import remove_server

REPOSITORY = Path(__file__).resolve().parents[2]
MAPPING = (
    "id: {0}\ntitle: {0}\ndomain: dossiers\ntechnology: sqlite\nconnection: legacy_{0}\nserver: server_{0}\ntables:\n  - name: ho_so\n"
)


def variables(folder: Path, systems: Iterable[str]) -> dict[str, str]:
    """Mapped systems and the stand-in, for the processes of one installation."""
    (folder / "systems").mkdir()
    (folder / "calls").touch()
    for system in systems:
        (folder / "systems" / f"{system}.yml").write_text(MAPPING.format(system))
    return {
        "PYTHONPATH": f"{REPOSITORY / 'tests' / 'fixtures' / 'stand_in'}:{REPOSITORY}",
        "HOPNHAT_MAPPINGS": str(folder / "systems"),
        "STAND_IN_CALLS": str(folder / "calls"),
    }


def calls(folder: Path, *names: str) -> list[list[Any]]:
    """What the stand-in noted, in order."""
    noted = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    return [call for call in noted if call[0] in names]


def processes(folder: Path) -> list[str]:
    """Live processes of this test's installation, whoever their parents are: they write their output below the folder.

    (Airflow's processes rename themselves, which overwrites the command line and environment that /proc shows.)
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            used = [str(link.readlink()) for link in (entry / "fd").iterdir()]
        except OSError:
            continue
        if int(entry.name) != os.getpid() and any(str(folder / "var" / "airflow") in name for name in used):
            found.append(command)
    return found


def eventually(holds: Callable[[], Any], seconds: float = 150) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.2)
    return answer


@contextmanager
def ended_afterwards(path: Path) -> Iterator[Path]:
    """Whatever was started in this folder ends, and no process of it is left."""
    try:
        yield path
    finally:
        runner.down(path / "var")
        remove_server(path / "var")
    assert processes(path) == []


def know(patch: pytest.MonkeyPatch, extra: dict[str, str]) -> None:
    """This process, too, knows the test's systems."""
    patch.setenv("HOPNHAT_MAPPINGS", extra["HOPNHAT_MAPPINGS"])
    patch.delenv("HOPNHAT_DATABASE_URL", raising=False)


def migrate(folder: Path, systems: list[str], run_id: str, **more: Any) -> runner.Outcome:
    """Through the DAG for several systems, on what `up` serves."""
    return runner.run_dags(
        folder / "var",
        "migrate",
        run_id=run_id,
        conf={"systems": systems, "mode": "bulk", **more},
        watch=[f"migrate_{s}" for s in systems],
        say=print,
    )
