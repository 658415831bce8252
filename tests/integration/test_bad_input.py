"""What goes wrong in a province: each case ends with a clear line, the right exit code, nothing lost, nothing half-published."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
import yaml

from hopnhat.sample.build import SampleSystems, build
from hopnhat.sample.servers import mariadb_available, remove_mariadb, start_mariadb
from hopnhat.server import create_database, ensure_server, remove_server, stop_server
from mappings.read import systems_dir
from tests.support.migration import Machine

CITY, DISTRICT = "hn_motcua", "thanhtri_motcua"


@pytest.fixture
def sample(tmp_path: Path) -> SampleSystems:
    return build(tmp_path / "sample", rows=2_000, use_mariadb=False)


@pytest.fixture
def machine(sample: SampleSystems, furnished: str, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "home", furnished, dict(sample.connections))


def refused(machine: Machine, system: str, exit_code: int, *words: str) -> str:
    """The migration ends with this code and one clear line, and nothing is published."""
    done = machine.migrate(system)
    message = done.stderr.strip().splitlines()[-1]
    assert done.returncode == exit_code, done.stderr[-2000:]
    assert message.startswith("error: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in message
    tables = machine.query("select count(*) from pg_class where oid = to_regclass('unified.dossier')")
    assert tables == [(0,)] or machine.query("select count(*) from unified.dossier") == [(0,)]
    return message


def sqlite_of(sample: SampleSystems) -> sqlite3.Connection:
    return sqlite3.connect(sample.connections[CITY].removeprefix("sqlite:///"))


def file_of(sample: SampleSystems, system: str) -> Path:
    return Path(unquote(urlparse(sample.connections[system]).path))


def test_unreachable_source(machine: Machine) -> None:
    machine.connections = {CITY: "mysql+pymysql://clerk:secret-word@127.0.0.1:9/legacy"}
    assert "secret-word" not in refused(machine, CITY, 5)


@pytest.mark.services
@pytest.mark.skipif(not mariadb_available(), reason="needs MariaDB: make services")
def test_wrong_credentials(machine: Machine, tmp_path: Path) -> None:
    url = urlparse(start_mariadb(tmp_path / "mariadb"))
    try:
        machine.connections = {CITY: f"mysql://{url.username}:wrong-word@{url.hostname}:{url.port}{url.path}"}
        assert "wrong-word" not in refused(machine, CITY, 2)
    finally:
        remove_mariadb(tmp_path / "mariadb")


def test_missing_file(machine: Machine, sample: SampleSystems) -> None:
    file_of(sample, DISTRICT).unlink()
    refused(machine, DISTRICT, 5, "HOSO.DBF")


def test_table_gone(machine: Machine, sample: SampleSystems) -> None:
    with sqlite_of(sample) as source:
        source.execute("alter table opencps_dossierfile rename to dossierfile_old")
    refused(machine, CITY, 3, "opencps_dossierfile", "dossierfile_old")


def test_column_renamed(machine: Machine, sample: SampleSystems) -> None:
    with sqlite_of(sample) as source:
        source.execute("alter table opencps_dossier rename column dossierStatus to statusCode")
    refused(machine, CITY, 3, "gone: dossierStatus", "new: statusCode")


def test_empty_table_is_not_a_success(machine: Machine, sample: SampleSystems) -> None:
    with sqlite_of(sample) as source:
        source.execute("delete from opencps_dossier")
    refused(machine, CITY, 3, "0 rows")


def test_truncated_file(machine: Machine, sample: SampleSystems) -> None:
    file = file_of(sample, DISTRICT)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    refused(machine, DISTRICT, 3, "HOSO")


def test_wrong_encoding_declared(machine: Machine, tmp_path: Path) -> None:
    """TCVN3 bytes are legal VNI: read so they would give other letters and no error."""
    for encoding in ("vni", "utf-8", "viscii"):
        machine.mappings = edited(tmp_path / encoding, DISTRICT, lambda system, e=encoding: _declare(system, e))
        refused(machine, DISTRICT, 2, "thanhtri_motcua.yml", "tcvn3")


def _declare(system: dict[str, object], encoding: str) -> None:
    for table in system["tables"]:  # type: ignore[attr-defined]
        table["encoding"] = encoding


def edited(folder: Path, system: str, edit: Callable[[dict[str, object]], None]) -> Path:
    folder.mkdir(parents=True)
    data = yaml.safe_load((systems_dir() / f"{system}.yml").read_text(encoding="utf-8"))
    edit(data)
    (folder / f"{system}.yml").write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


def test_thirty_percent_bad_rows(furnished: str, tmp_path: Path) -> None:
    sample = build(tmp_path / "bad", rows=3_000, bad_share=0.3, use_mariadb=False)
    machine = Machine(tmp_path / "home", furnished, sample.connections)
    summary = machine.migrated(CITY)
    assert summary["balance"] == 0
    assert summary["quarantined"] > summary["extracted"] * 0.2
    assert machine.query("select count(*) from quarantine.open where problems = '[]' or raw = '{}'") == [(0,)]
    assert machine.query("select count(*) from quarantine.open")[0][0] == summary["quarantined"]


def test_unknown_mapping_names_what_there_is(machine: Machine) -> None:
    assert CITY in refused_plainly(machine, "no_such_system", 2)


def refused_plainly(machine: Machine, system: str, exit_code: int) -> str:
    done = machine.migrate(system)
    assert done.returncode == exit_code
    return done.stderr


def test_disk_full_on_landing(machine: Machine) -> None:
    """No file may grow beyond 20 KiB: as on a full disk, writing a part fails. With room again the run goes on."""
    command = [sys.executable, "-m", "hopnhat", "migrate", CITY, "--workers", "2", "--no-reports"]

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_480, 20_480))

    done = subprocess.run(command, env=machine.environment(), capture_output=True, text=True, preexec_fn=small_disk, timeout=120, check=False)
    assert done.returncode == 6, done.stderr[-2000:]
    assert "landing" in done.stderr.splitlines()[-1]
    assert machine.query("select count(*) from unified.dossier") == [(0,)]
    assert [p for p in (machine.home / "landing").rglob("*") if p.is_file() and p.name.startswith(".")] == []
    assert machine.migrated(CITY)["balance"] == 0


@pytest.fixture
def own_server(tmp_path: Path) -> Path:
    home = tmp_path / "server"
    home.mkdir()
    return home


def test_target_down_in_the_middle(sample: SampleSystems, own_server: Path, furnished: str, tmp_path: Path) -> None:
    undisturbed = Machine(tmp_path / "calm", furnished, sample.connections)
    undisturbed.migrated(CITY)
    try:
        url = create_database(ensure_server(own_server), f"down_{os.getpid()}")
        machine = Machine(tmp_path / "home", url, sample.connections)
        for delay in (0.1, 0.5, 0.9):
            process = subprocess.Popen(
                [sys.executable, "-m", "hopnhat", "migrate", CITY, "--workers", "2", "--no-reports"],
                env=machine.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert process.stderr is not None
            process.stderr.readline()
            time.sleep(delay)
            stop_server(own_server)
            message = process.communicate(timeout=120)[1]
            assert process.returncode in (0, 5), message[-2000:]
            assert "Traceback" not in message
            ensure_server(own_server)
        assert machine.migrated(CITY)["balance"] == 0
        assert machine.fingerprint() == undisturbed.fingerprint()
    finally:
        remove_server(own_server)
