"""`make bench`: what the product costs on this machine, as ratios. Writes var/bench/result.json and prints a table.

Sections: path (against the floor), memory, peers, kills, resolver, extract, text. A section that is measured alone
replaces its own result and leaves the others as they are; each says when it was measured. A target that is not met is
printed as such and fails nothing: the reader judges, with the noise beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hopnhat.load.target import connect
from hopnhat.sample.servers import mariadb_available
from hopnhat.server import ensure_server, stop_server
from hopnhat.settings import settings
from tests.bench import kills, path, peers
from tests.bench.source import REPOSITORY, legacy, mysql
from tests.bench.targets import lines

SCRIPTS = {"resolver": ["--rows", "300"], "extract": ["100000"], "text": []}
SECTIONS = ("path", "memory", "peers", "kills", *SCRIPTS)


def main() -> int:
    chosen = _arguments()
    home = chosen.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    file = home / "result.json"
    result: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    failed = 0
    for name in chosen.only:
        print(f"== {name}", flush=True)
        try:
            found = _sections(home, chosen)[name]()
        except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
            found, failed = {"failed": str(problem)[-2000:]}, failed + 1
        result[name] = found | {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": _commit()}
        result["machine"] = _machine(home)
        file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print("\n".join(lines(name, result[name])), flush=True)
    print(f"\n{json.dumps(result['machine'], ensure_ascii=False)}\nwritten: {file}")
    _stop(home)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(SECTIONS), help="sections, separated by commas")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rows-large", type=int, default=5_000_000, help="second size of the section `memory`")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--home", type=Path, default=settings().home / "bench", help="servers, sources and result.json")
    chosen = parser.parse_args()
    if unknown := set(chosen.only) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    return chosen


def _sections(home: Path, chosen: argparse.Namespace) -> dict[str, Callable[[], dict[str, Any]]]:
    return {
        "path": lambda: path.measure(home, chosen.rows, repeats=chosen.repeats),
        "memory": lambda: path.memory(home, [chosen.rows, chosen.rows_large]),
        "peers": lambda: peers.measure(home, chosen.rows, repeats=chosen.repeats),
        "kills": lambda: kills.measure(chosen.kills),
        **{name: (lambda name=name: _script(name)) for name in SCRIPTS},  # type: ignore[misc]
    }


def _script(name: str) -> dict[str, Any]:
    """A bench of its own, told as it prints."""
    started = time.monotonic()
    command = [sys.executable, "-m", f"tests.bench.bench_{name}", *SCRIPTS[name]]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    told = done.stdout.splitlines()
    return {"exit": done.returncode, "wall_s": round(time.monotonic() - started), "output": told or done.stderr.splitlines()[-5:]}


def _machine(home: Path) -> dict[str, Any]:
    with closing(connect(ensure_server(home))) as connection, connection.cursor() as cursor:
        cursor.execute("show server_version")
        postgresql = (cursor.fetchone() or ["unknown"])[0]
    mariadb = str(mysql(legacy(home, 1_000).url, "select version()")[0][0]) if mariadb_available() else "absent: the source is SQLite"
    packages = {name: version(name) for name in ("pandas", "pyarrow", "pandera", "duckdb")}
    cpu = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "unknown")
    return {"cpu": cpu, "cores": os.cpu_count(), "postgresql": postgresql, "mariadb": mariadb, "python": platform.python_version(), **packages}


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _stop(home: Path) -> None:
    """The servers end with the bench; their sources stay for the next one (`make clean` removes them)."""
    from hopnhat.sample.servers import stop_mariadb

    stop_server(home)
    stop_mariadb(home / "mariadb")


if __name__ == "__main__":
    sys.exit(main())
