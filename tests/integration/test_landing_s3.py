"""The landing zone on an S3-compatible store, by URL: a real server of the S3 protocol on the loopback, healthy and failing."""

from __future__ import annotations

import hashlib
import os
import re
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath
from threading import Thread
from urllib.parse import quote
from uuid import uuid4

import pyarrow as pa
import pytest
from pyarrow import fs

from hopnhat.landing.parts import has_part, part_sizes, read_part, write_part
from hopnhat.landing.retention import Landed, digest_of, landed_files, remove
from hopnhat.landing.store import LandingAwayError
from hopnhat.model.errors import TargetUnavailableError
from hopnhat.sample.build import SampleSystems, build
from hopnhat.verify.parts import NamedPart, check_parts
from tests.support.edits import alter
from tests.support.migration import Machine

CITY, STEPS, SECRET = "hn_motcua", "opencps_dossieraction", "s3cr/et+word"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = subprocess.Popen(
        [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        said = next(line for line in server.stderr if "Running on" in line)  # with port 0 it tells which one it took
        Thread(target=server.stderr.read, daemon=True).start()  # nobody else empties the pipe
        yield said.rsplit("//", 1)[1].strip()
    finally:
        server.terminate()
        server.wait()


class FaultyStore:
    """A way to the store that can fail: bytes pass as they are until so many parts went through, then every request fails."""

    def __init__(self, behind: str) -> None:
        self.behind, self.fault, self.after, self.refused = behind, "", 1 << 30, 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self.listening.getsockname()[1]}"

    def fail(self, fault: str, after: int) -> None:
        self.fault, self.after = fault, after

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:  # closed: the test is over
                return
            Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        host, port = self.behind.split(":")
        with client, socket.create_connection((host, int(port))) as inner, suppress(OSError):
            while True:
                for ready in select.select([client, inner], [], [])[0]:
                    data = ready.recv(1 << 16)
                    if not data:
                        return
                    if ready is client and self._fails(data):
                        self._answer(client)
                        return
                    (inner if ready is client else client).sendall(data)

    def _fails(self, data: bytes) -> bool:
        request = re.match(rb"(GET|HEAD|PUT|POST|DELETE) (\S+) HTTP", data)
        if request is None:  # more of a request that was let through
            return False
        if self.after > 0:
            self.after -= request[1] == b"PUT" and b".parquet" in request[2]
            return False
        self.refused += 1
        return True

    def _answer(self, client: socket.socket) -> None:
        if self.fault != "hang up":
            client.sendall(f"HTTP/1.1 {self.fault} Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            client.shutdown(socket.SHUT_WR)
            client.settimeout(2)
            while client.recv(1 << 16):  # what the client still sends; a reset would hide the answer
                pass


@pytest.fixture
def faulty(endpoint: str) -> Iterator[FaultyStore]:
    way = FaultyStore(endpoint)
    Thread(target=way.serve, daemon=True).start()
    yield way
    way.listening.close()


def store(endpoint: str) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        access_key="key",
        secret_key=SECRET,
        endpoint_override=endpoint,
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
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
def bucket(endpoint: str) -> str:
    name = f"b{uuid4().hex}"
    store(endpoint).create_dir(name)
    return name


@pytest.fixture
def machine(sample: SampleSystems, database: str, tmp_path: Path, endpoint: str, bucket: str) -> Machine:
    return Machine(tmp_path / "home", database, dict(sample.connections), extra={"HOPNHAT_LANDING": url(endpoint, bucket)})


def landing(machine: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hopnhat", "landing", *words]
    return subprocess.run(command, env=machine.environment(), capture_output=True, text=True, timeout=120, check=False)


def test_a_migration_lands_proves_and_purges_on_s3(machine: Machine, endpoint: str, bucket: str) -> None:
    assert machine.migrated(CITY)["reconciliation"]["failed"] == 0
    first = objects(endpoint, bucket)
    assert {f"{bucket}/landing/{part}" for (part,) in machine.query("select part from ledger.batch")} == {
        p for p in first if p.endswith(".parquet")
    }
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


def test_half_an_upload_is_written_anew(machine: Machine, endpoint: str, bucket: str) -> None:
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


def test_a_part_of_many_megabytes_goes_up_in_several_requests_and_is_whole(endpoint: str, bucket: str) -> None:
    root = url(endpoint, bucket)
    rows = os.urandom(14 << 20)
    frame = pa.table({"a": pa.array([rows[at : at + 512] for at in range(0, len(rows), 512)], pa.binary())})
    for _ in range(3):
        part = write_part(root, "he.bang", frame)
        assert digest_of(root, part.path) == part.sha256
        assert not write_part(root, "he.bang", frame).new
        assert read_part(root, part.path).equals(frame)
        assert remove(root, [Landed(part.path, part.bytes)]) == part.bytes
    assert landed_files(root) == []


def sound(endpoint: str, bucket: str) -> int:
    """How many parts are stored, each of them what its name says."""
    paths = [path for path in objects(endpoint, bucket) if path.endswith(".parquet")]
    for path in paths:
        with store(endpoint).open_input_stream(path) as stream:
            assert hashlib.sha256(stream.read()).hexdigest() == PurePosixPath(path).stem
    return len(paths)


@pytest.mark.parametrize(("fault", "word"), [("503", "503|SERVICE_UNAVAILABLE"), ("hang up", "NETWORK_CONNECTION")])
def test_an_outage_in_mid_run_is_told_and_the_next_run_goes_on(
    machine: Machine, endpoint: str, bucket: str, faulty: FaultyStore, fault: str, word: str
) -> None:
    machine.extra["HOPNHAT_LANDING"] = url(faulty.endpoint, bucket)
    faulty.fail(fault, after=1)
    done = machine.migrate(CITY)
    assert done.returncode == LandingAwayError.exit_code == 6, done.stderr[-2000:]
    assert faulty.refused > 0
    assert re.search(word, done.stderr), done.stderr[-2000:]
    assert "run again" in done.stderr
    assert "Traceback" not in done.stderr
    assert not re.search("s3cr|et%2Bword|et.word", done.stderr)
    assert machine.query("select count(*) from unified.dossier") == [(0,)]
    assert machine.imbalance() == []
    landed = sound(endpoint, bucket)
    assert landed >= 1

    faulty.fail("", after=1 << 30)
    assert machine.migrated(CITY)["reconciliation"]["failed"] == 0
    assert sound(endpoint, bucket) > landed
    assert machine.imbalance() == []


def test_every_way_to_the_store_tells_an_outage_as_worth_a_retry(endpoint: str, bucket: str, faulty: FaultyStore, tmp_path: Path) -> None:
    root = url(faulty.endpoint, bucket)
    frame = pa.table({"a": pa.array([b"x"], pa.binary())})
    part = write_part(root, "he.bang", frame)
    named = NamedPart(1, part.path, part.sha256, 1)
    assert check_parts(root, [named], tmp_path).altered == ()
    assert check_parts(root, [NamedPart(2, part.path.replace("he.bang", "he.khac"), part.sha256, 1)], tmp_path).altered == (2,)
    faulty.fail("503", after=0)
    ways: list[Callable[[], object]] = [
        lambda: write_part(root, "he.bang", frame), lambda: read_part(root, part.path), lambda: has_part(root, part.path),
        lambda: part_sizes(root, [part.path]), lambda: landed_files(root), lambda: digest_of(root, part.path),
        lambda: remove(root, [Landed(part.path, part.bytes)]), lambda: check_parts(root, [named], tmp_path),
    ]  # fmt: skip
    with ThreadPoolExecutor(len(ways)) as pool:  # together: the driver asks several times, for seconds, before it gives up
        for done in [pool.submit(way) for way in ways]:
            error = done.exception(timeout=60)
            assert isinstance(error, LandingAwayError)
            assert re.match("landing .* cannot be .*: the store says", str(error))
            assert error.retry
            assert isinstance(error, TargetUnavailableError), "the DAGs retry it"
            assert "word" not in str(error)
    faulty.fail("", after=1 << 30)
    assert digest_of(root, part.path) == part.sha256
