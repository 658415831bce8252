"""Where the landing zone is kept, a folder or an S3-compatible store, and its failures in one language."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from hopnhat.model.errors import LandingError, TargetUnavailableError

HINT = "does the store answer, is the bucket there, may this key write and read it? then run again: it goes on where it stopped"
_AWAY = frozenset(
    {
        "NETWORK_CONNECTION",
        "SERVICE_UNAVAILABLE",
        "INTERNAL_FAILURE",
        "SLOW_DOWN",
        "THROTTLING",
        "REQUEST_TIMEOUT",
        "REQUEST_TIME_TOO_SKEWED",
    }
)


class LandingAwayError(LandingError, TargetUnavailableError):
    """The store of the landing zone does not answer (connection refused, 5xx). Worth a retry; nothing half-written remains.

    Exit code of a LandingError, retried like an unavailable target.
    """


def open_root(root: str) -> tuple[fs.FileSystem, str]:
    """The file system of a landing root, and the root's path in it. Raises LandingError for a URL that cannot be one."""
    if "://" in root:
        return _remote(root, os.getpid())
    return fs.LocalFileSystem(), str(Path(root).resolve())


@cache
def _remote(root: str, process: int) -> tuple[fs.FileSystem, str]:
    """Opened once a process: a client must not be shared over a fork."""
    # A small object goes up in one request: it is there whole or not at all.
    once = "allow_delayed_open=true" if root.startswith("s3://") and "allow_delayed_open" not in root else ""
    try:
        filesystem, base = fs.FileSystem.from_uri(root + ("&" if "?" in root else "?") * bool(once) + once)
    except (pa.ArrowInvalid, OSError, ValueError):  # the driver's own text quotes the URL, and so the secret key
        hint = "s3://KEY:SECRET@bucket/path?endpoint_override=host:port&scheme=https; `/` in the secret is written %2F"
        raise LandingError("the landing URL cannot be read", hint=hint) from None
    return filesystem, base.rstrip("/")


@contextmanager
def told(what: str) -> Iterator[None]:
    """Make a clear error of whatever the disk or the store says. `what`: "landing part … cannot be read".

    Raises:
        LandingAwayError: the store does not answer. FileNotFoundError is left alone.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise store_error(what, exc) or _disk_error(what, exc) from exc


def store_error(what: str, exc: BaseException) -> LandingError | None:
    """What an S3-compatible store answered (NO_SUCH_BUCKET, ACCESS_DENIED, …), without the rest of its text, which may quote the URL."""
    found = re.search(r"AWS Error ([A-Z_]+)(?: \(HTTP status (\d+)\))?", str(exc))
    if not found:
        return None
    code, status = found[1], int(found[2] or 0)
    said = f"HTTP {status}" if code == "UNKNOWN" and status else code
    kind = LandingAwayError if code in _AWAY or status >= 500 else LandingError
    return kind(f"{what}: the store says {said}", hint=HINT)


def _disk_error(what: str, exc: OSError) -> LandingError:
    full = exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    hint = "free space on the landing disk, then run again: it goes on where it stopped" if full else "check the rights"
    return LandingError(f"{what}: {os.strerror(exc.errno or errno.EIO)}", hint=hint)
