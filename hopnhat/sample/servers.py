"""A private MariaDB: for the sample city system, the tests and the benchmark. Never the machine's own service.

Everything of one server lives in its home: data, socket, log, `server.json`. mariadbd refuses to be root, so as root it
runs as the user `mysql`; when that user cannot reach the home (a parent directory is closed to it), the files go to a
traversable directory and `server.json` in the home remembers where. Starting a running server or stopping a stopped one
is no error, and a start after a crash recovers.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hopnhat.model.errors import SourceUnavailableError

_PROGRAM_DIRECTORIES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/bin", "/opt/mariadb/bin")
_NOTE = "server.json"
_ACCOUNT = "hopnhat"
_DATABASE = "legacy"


def mariadb_available() -> bool:
    """Both programs are there, and as root also a user that may run them."""
    return _program("mariadbd", "mysqld") is not None and _program("mariadb-install-db") is not None and _may_run()


def start_mariadb(home: Path, *options: str) -> str:
    """Start (or find running) the server of this home; give its URL, which names an empty-at-first database `legacy`.
    `options`: more of the server's own, as `--ssl-cert=<file>`."""
    home = Path(home).absolute()
    home.mkdir(parents=True, exist_ok=True)
    note = _read_note(home)
    if note and _answers(note):
        return _url(note)
    if not mariadb_available():
        raise SourceUnavailableError("MariaDB is not installed here", hint="run `make services` (Debian: mariadb-server)")
    note = note or _new_note(home)
    place = Path(str(note["place"]))
    _prepare(place)
    for attempt in range(3):
        if attempt or not note["port"] or not _is_free(int(note["port"])):
            note["port"] = _free_port()
        _write_note(home, note)
        if _launch(place, note, options):
            return _url(note)
    raise SourceUnavailableError("MariaDB did not start", hint=f"see {place / 'mariadb.log'}")


def stop_mariadb(home: Path, *, seconds: float = 30.0) -> None:
    """End the server of this home, orderly if it can be; nothing happens when none runs."""
    note = _read_note(Path(home).absolute())
    if not note:
        return
    pid = _running_pid(Path(str(note["place"])))
    if pid is None:
        return
    for sign, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        os.kill(pid, sign)
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if not _is_alive(pid):
                return
            time.sleep(0.05)


def remove_mariadb(home: Path) -> None:
    """Stop it and delete all its files, also those outside the home."""
    home = Path(home).absolute()
    stop_mariadb(home)
    note = _read_note(home)
    if note:
        shutil.rmtree(Path(str(note["place"])), ignore_errors=True)
        (home / _NOTE).unlink(missing_ok=True)


def _program(*names: str) -> str | None:
    path = os.pathsep.join([os.environ.get("PATH", ""), *_PROGRAM_DIRECTORIES])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def _server_user() -> pwd.struct_passwd | None:
    """Whom mariadbd runs as when we are root."""
    for name in ("mysql", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def _may_run() -> bool:
    return os.geteuid() != 0 or _server_user() is not None


def _new_note(home: Path) -> dict[str, Any]:
    place = home / "mariadb"
    if os.geteuid() == 0 and not _is_traversable(home):
        place = Path(tempfile.mkdtemp(prefix="hopnhat-mariadb-"))
    return {"place": str(place), "port": 0, "password": secrets.token_urlsafe(18)}


def _is_traversable(directory: Path) -> bool:
    """Anybody may pass through: we never open somebody's private directory for the server's sake."""
    return all(stat.S_IMODE(part.stat().st_mode) & 0o001 for part in (directory, *directory.parents))


def _prepare(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    user = _server_user() if os.geteuid() == 0 else None
    if user:
        os.chown(place, user.pw_uid, user.pw_gid)
    data = place / "data"
    if (data / "hopnhat.ready").exists():
        return
    shutil.rmtree(data, ignore_errors=True)  # a creation that was cut off half-way is begun anew
    command = [
        str(_program("mariadb-install-db")), "--no-defaults", f"--datadir={data}", "--skip-test-db",
        "--auth-root-authentication-method=normal",
    ]  # fmt: skip
    if user:
        command.append(f"--user={user.pw_name}")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise SourceUnavailableError("MariaDB's data directory could not be created", hint=done.stderr.strip()[-300:])
    (data / "hopnhat.ready").touch()


def _launch(place: Path, note: dict[str, Any], options: Sequence[str]) -> bool:
    # The account is (re)made at every start from a file that only the server's user may read.
    setup = place / "setup.sql"
    setup.touch(mode=0o600)
    setup.write_text(_setup_sql(str(note["password"])), encoding="utf-8")
    command = [
        str(_program("mariadbd", "mysqld")), "--no-defaults", f"--datadir={place / 'data'}",
        f"--socket={_socket(place)}", f"--pid-file={place / 'mariadb.pid'}", f"--log-error={place / 'mariadb.log'}",
        "--bind-address=127.0.0.1", f"--port={note['port']}", f"--init-file={setup}", "--skip-name-resolve",
        "--character-set-server=utf8mb4", "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=128M",
        "--innodb-flush-log-at-trx-commit=2", "--local-infile=1", "--max-allowed-packet=256M", "--skip-log-bin",
        *options,
    ]  # fmt: skip
    user = _server_user() if os.geteuid() == 0 else None
    if user:
        os.chown(setup, user.pw_uid, user.pw_gid)
        command.append(f"--user={user.pw_name}")
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if _answers(note):
            return True
        time.sleep(0.05)
    if process.poll() is None:
        process.kill()
        process.wait()
    return False


def _setup_sql(password: str) -> str:
    lines = [f"CREATE DATABASE IF NOT EXISTS {_DATABASE} CHARACTER SET utf8mb4;"]
    for host in ("127.0.0.1", "localhost"):
        account = f"'{_ACCOUNT}'@'{host}'"
        lines.append(f"CREATE OR REPLACE USER {account} IDENTIFIED BY '{password}';")
        lines.append(f"GRANT ALL ON *.* TO {account} WITH GRANT OPTION;")
    # Root without a password exists on the socket only as long as this start-up lasts.
    lines.append("DELETE FROM mysql.global_priv WHERE User IN ('root', '') AND Host <> 'localhost';")
    lines.append(f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';")
    return "\n".join([*lines, "FLUSH PRIVILEGES;", ""])


def _socket(place: Path) -> Path:
    """Unix socket paths end at 107 bytes; a deep home gets its socket in the temporary directory."""
    own = place / "mariadb.sock"
    return own if len(os.fsencode(own)) <= 100 else Path(tempfile.gettempdir()) / f"hopnhat-{zlib.crc32(os.fsencode(place)):08x}.sock"


def _answers(note: dict[str, Any]) -> bool:
    import pymysql

    try:
        pymysql.connect(
            host="127.0.0.1", port=int(note["port"]), user=_ACCOUNT, password=str(note["password"]),
            database=_DATABASE, connect_timeout=2,
        ).close()  # fmt: skip
    except (pymysql.MySQLError, OSError):
        return False
    return True


def _url(note: dict[str, Any]) -> str:
    return f"mysql://{_ACCOUNT}:{note['password']}@127.0.0.1:{note['port']}/{_DATABASE}"


def _read_note(home: Path) -> dict[str, Any] | None:
    try:
        note = json.loads((home / _NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and {"place", "port", "password"} <= note.keys() else None


def _write_note(home: Path, note: dict[str, Any]) -> None:
    fresh = home / (_NOTE + ".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(note), encoding="utf-8")
    fresh.replace(home / _NOTE)


def _running_pid(place: Path) -> int | None:
    """The pid of this home's server; a pid file that a crash left behind and another process now owns is not it."""
    try:
        pid = int((place / "mariadb.pid").read_text().strip())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(f"--datadir={place / 'data'}") in command.split(b"\0") else None


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # our own child must be reaped, or it stays a zombie
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
