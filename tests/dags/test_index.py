"""The light reader: same answers as the full one, cheap for hundreds of systems, deaf to whatever else a file says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mappings import index
from mappings.read import load_system, system_ids

REPOSITORY = Path(__file__).resolve().parents[2]
SYSTEMS = 500


def mapping(number: int) -> str:
    """A mapping file of usual size: three tables of 25 columns."""
    columns = "".join(f"      col{c}: {{from: SRC_{c}, encoding: tcvn3, formats: [dmy]}}\n" for c in range(25))
    tables = "".join(
        f"  - name: table_{t}\n    entity: dossier\n    key: [id]\n    columns:\n{columns}    expect: {{min_rows: 1, max_rows: 9}}\n"
        for t in range(3)
    )
    head = f"id: sys_{number:03d}\ntitle: Hệ thống {number}\ndomain: dossiers\ntechnology: mysql\nconnection: c_{number}\nserver: server_{number % 40}\n"
    return head + 'schedule: "0 2 * * *"\ncodes:\n  status: {"1": "2", "2": "3"}\n' + "tables:\n" + tables


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("systems")
    for number in range(SYSTEMS):
        (folder / f"sys_{number:03d}.yml").write_text(mapping(number))
    return folder


@pytest.mark.parametrize("system_id", system_ids())
def test_agrees_with_the_full_reader(system_id: str) -> None:
    header = index.read_header(index.SYSTEMS / f"{system_id}.yml")
    system = load_system(system_id)
    assert header.problem == ""
    assert header.tables == tuple(table.name for table in system.tables)
    for name in ("id", "title", "domain", "technology", "connection", "server", "schedule"):
        assert getattr(header, name) == getattr(system, name), name


def test_order_of_blocks_and_style_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text(
        "tables:\n- entity: dossier\n  key: [a]\n  name: 'one'\n  filters:\n    - name: inner\n- name: \"two\"  # second\n"
        "server: s\nconnection: c\ntechnology: dbf\ndomain: dossiers\n# a comment: with a colon\ntitle: >\n  long\n  title\nid: x\n"
    )
    header = index.read_header(tmp_path / "x.yml")
    assert (header.problem, header.tables, header.title) == ("", ("one", "two"), "long title\n")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no top-level keys"),
        ("id: x\n", "missing: title"),
        ("id: y\ntitle: t\ndomain: d\ntechnology: t\nconnection: c\nserver: s\n", "not the file name"),
        ("id: x\ntitle: t\ndomain: d\ntechnology: t\nconnection: 7\nserver: s\n", "missing: connection"),
        ("id: x\ntitle: t\ndomain: d\ntechnology: t\nconnection: c\nserver: s\nschedule: 5\n", "schedule is text"),
        ("id: [\n", "flow"),
        ("id: \ud800".encode("utf-8", "surrogatepass"), "utf-8"),
    ],
)
def test_bad_file_is_a_header_with_a_problem(tmp_path: Path, text: str | bytes, problem: str) -> None:
    (tmp_path / "x.yml").write_bytes(text if isinstance(text, bytes) else text.encode())
    header = index.read_header(tmp_path / "x.yml")
    assert problem in header.problem
    assert (header.id, header.server) == ("x", "default_pool")


def test_pools_follow_the_servers(many: Path) -> None:
    assert index.pools(many) == {f"server_{n}": index.SLOTS for n in range(40)}


def test_only_one(many: Path) -> None:
    assert [header.id for header in index.headers(many, only="sys_007")] == ["sys_007"]
    assert index.headers(many, only="absent") == []


def test_hundreds_of_headers_cost_little(many: Path) -> None:
    started = time.process_time()
    found = index.headers(many)
    assert len(found) == SYSTEMS
    assert time.process_time() - started < 0.5  # measured 0.08 s CPU


def test_hundreds_of_systems_do_not_slow_the_parser(many: Path, tmp_path: Path) -> None:
    """CPU of parsing the DAG file beyond that of importing Airflow and building one DAG."""
    code = f"""
import runpy, sys, time
def parse():
    started = time.process_time()
    made = runpy.run_path({str(REPOSITORY / "dags" / "migrate_systems.py")!r})
    return time.process_time() - started, sum(name.startswith("migrate_") for name in made)
import os
os.environ["HOPNHAT_MAPPINGS"] = {str(tmp_path)!r}
parse()
os.environ["HOPNHAT_MAPPINGS"] = {str(many)!r}
print(*parse())
"""
    (tmp_path / "one.yml").write_text(mapping(0).replace("sys_000", "one"))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    seconds, count = done.stdout.split()[-2:]
    assert int(count) >= SYSTEMS
    assert float(seconds) < 2.0  # measured 0.85 s; the room is for a busy machine
