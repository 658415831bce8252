"""Prepare `.venv` from uv.lock on a machine that has nothing but Python 3.11.

Order: a uv that is installed already; else uv from the package index through pip (of this Python, or of a fresh virtual
environment); else the uv wheel fetched with the standard library and checked against the digest below, because Debian's
Python may come without pip and without ensurepip.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV_VERSION = "0.13.9"
INDEX = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036  this file runs on whatever Python the machine has
        print("Python 3.11 or newer is needed.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="hopnhat-setup-") as scratch, (ROOT / "uv.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one setup at a time; uv's own lock file would stay behind in /tmp
        uv = find_uv(Path(scratch))
        print("setup: .venv from uv.lock …", flush=True)
        # The machine's own certificates: provincial networks often stand behind an authority of their own.
        trust = {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}
        environment = trust | os.environ | {"UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never", "TMPDIR": scratch}
        environment.pop("VIRTUAL_ENV", None)
        done = subprocess.run([str(uv), "sync", "--frozen", "--quiet"], cwd=ROOT, env=environment, check=False)
    return done.returncode


def find_uv(scratch: Path) -> Path:
    if found := shutil.which("uv"):
        return Path(found)
    for attempt in (uv_from_venv, uv_from_wheel):
        try:
            return attempt(scratch)
        except (OSError, subprocess.CalledProcessError, StopIteration, ValueError) as exc:
            print(f"setup: {attempt.__doc__}: not here ({type(exc).__name__})", file=sys.stderr)
    print("setup: could not get uv; install it (pip install uv) or allow access to a package index.", file=sys.stderr)
    raise SystemExit(2)


def uv_from_venv(scratch: Path) -> Path:
    """uv through this Python's own pip"""
    subprocess.run([sys.executable, "-m", "venv", str(scratch / "venv")], check=True, capture_output=True)
    pip = [str(scratch / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={UV_VERSION}"]
    subprocess.run(pip, check=True)
    return scratch / "venv/bin/uv"


def uv_from_wheel(scratch: Path) -> Path:
    """uv's wheel straight from the package index"""
    # The index names the file and its SHA-256 (PEP 691); the transport is https.
    machine = platform.machine()
    request = urllib.request.Request(f"{INDEX}/uv/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        files = json.load(answer)["files"]
    wheel = next(f for f in files if f["filename"].startswith(f"uv-{UV_VERSION}-") and "manylinux" in f["filename"] and machine in f["filename"])
    with urllib.request.urlopen(wheel["url"], timeout=300) as answer:  # noqa: S310
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != wheel["hashes"]["sha256"]:
        raise ValueError("the uv wheel does not fit its digest")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = next(n for n in archive.namelist() if n.endswith("/scripts/uv"))
        (scratch / "uv").write_bytes(archive.read(name))
    (scratch / "uv").chmod(stat.S_IRWXU)
    return scratch / "uv"


if __name__ == "__main__":
    sys.exit(main())
