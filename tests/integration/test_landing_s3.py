"""The landing zone on an S3-compatible store, by URL: a real server of the S3 protocol on the loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from pyarrow import fs

from hopnhat.sample.build import SampleSystems, build
from tests.support.edits import alter
from tests.support.migration import Machine

CITY, STEPS, SECRET = "hn_motcua", "opencps_dossieraction", "s3cr/et+word"
SERVER = shutil.which("moto_server", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))

pytestmark = pytest.mark.skipif(SERVER is None, reason="needs moto_server, a server of the S3 protocol for tests")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([str(SERVER), "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"127.0.0.1:{port}"
    server.terminate()
    server.wait()


def store(endpoint: str) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        access_key="key", secret_key=SECRET, endpoint_override=endpoint, scheme="http", region="us-east-1", allow_bucket_creation=True,
        allow_delayed_open=True,
    )


def url(endpoint: str, bucket: str) -> str:
    return f"s3://key:{quote(SECRET, safe='')}@{bucket}/landing?endpoint_override={endpoint}&scheme=http&region=us-east-1"


def objects(endpoint: str, bucket: str) -> dict[str, int]:
    found = store(endpoint).get_file_info(fs.FileSelector(bucket, recursive=True))
    return {info.path: info.size for info in found if info.type == fs.FileType.File}


@pytest.fixture
def sample(tmp_path: Path) -> SampleSystems:
    return build(tmp_path / "sample", rows=1_500, use_mariadb=False)


@pytest.fixture
def machine(sample: SampleSystems, database: str, tmp_path: Path, endpoint: str, request: pytest.FixtureRequest) -> Machine:
    bucket = "b" + str(abs(hash(request.node.name)))
    store(endpoint).create_dir(bucket)
    made = Machine(tmp_path / "home", database, dict(sample.connections), extra={"HOPNHAT_LANDING": url(endpoint, bucket)})
    made.extra["bucket"] = bucket
    return made


def landing(machine: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hopnhat", "landing", *words]
    return subprocess.run(command, env=machine.environment(), capture_output=True, text=True, timeout=120, check=False)


def test_a_migration_lands_proves_and_purges_on_s3(machine: Machine, endpoint: str) -> None:
    bucket = machine.extra["bucket"]
    assert machine.migrated(CITY)["reconciliation"]["failed"] == 0
    first = objects(endpoint, bucket)
    assert {f"{bucket}/landing/{part}" for (part,) in machine.query("select part from ledger.batch")} == {p for p in first if p.endswith(".parquet")}
    assert any(p.startswith(f"{bucket}/landing/manifests/{CITY}/") for p in first)
    assert not (machine.home / "landing").exists()

    again = machine.migrated(CITY)
    assert (again["published"], again["balance"]) == (0, 0)
    assert {p for p in objects(endpoint, bucket) if p.endswith(".parquet")} == {p for p in first if p.endswith(".parquet")}

    alter(machine, CITY, f"update {STEPS} set actionNote = 'khác' where dossierActionId % 7 = 1")
    last = machine.migrated(CITY, "bulk", "--run-id", "changed")
    assert last["reconciliation"]["failed"] == 0
    purged = landing(machine, "purge", "--keep-runs", "1")
    assert purged.returncode == 0, purged.stderr
    kept = {part for (part,) in machine.query("select part from ledger.batch where run_id = 'changed'")}
    assert {p for p in objects(endpoint, bucket) if p.endswith(".parquet")} == {f"{bucket}/landing/{part}" for part in kept}

    victim = f"{bucket}/landing/{min(kept)}"
    with store(endpoint).open_output_stream(victim) as out:
        out.write(b"not what was landed")
    verified = landing(machine, "verify")
    assert verified.returncode == 6
    assert "altered" in verified.stderr


def test_half_an_upload_is_written_anew(machine: Machine, endpoint: str) -> None:
    bucket = machine.extra["bucket"]
    machine.migrated(CITY)
    victim = next(p for p in objects(endpoint, bucket) if p.endswith(".parquet"))
    with store(endpoint).open_output_stream(victim) as out:
        out.write(b"half")
    machine.migrated(CITY)
    assert landing(machine, "verify").returncode == 0


@pytest.mark.parametrize(("change", "word"), [
    (lambda given: given.replace("@b", "@no-such-bucket-b"), "NO_SUCH_BUCKET"),
    (lambda given: given.replace("%2F", "/"), "%2F"),
])  # fmt: skip
def test_a_store_that_cannot_be_used_is_told_without_the_secret(machine: Machine, change: object, word: str) -> None:
    machine.extra["HOPNHAT_LANDING"] = change(machine.extra["HOPNHAT_LANDING"])  # type: ignore[operator]
    done = machine.migrate(CITY)
    assert done.returncode == 6, done.stderr[-2000:]
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert "et%2Bword" not in done.stderr
    assert "et+word" not in done.stderr
    assert machine.query("select count(*) from unified.dossier") == [(0,)]
