"""The legacy database that the benchmark reads: the city system in MariaDB when it is installed, else in SQLite.

`python -m tests.bench.source URL LABELS ROWS` fills it: a process of its own, so that the measuring one stays small.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hopnhat.sample.servers import mariadb_available, start_mariadb

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = "opencps_dossier"


@dataclass(frozen=True)
class Legacy:
    """`home` holds what hopnhat.sample.change asks for; `servers`: pid of the legacy server, none for SQLite."""

    home: Path
    url: str
    rows: int
    servers: Mapping[str, int]

    @property
    def kind(self) -> str:
        return "sqlite" if self.url.startswith("sqlite") else "mariadb"


def legacy(home: Path, rows: int) -> Legacy:
    """Build the system of `rows` dossiers, or find it as an earlier bench left it."""
    own = home / f"source-{rows}"
    own.mkdir(parents=True, exist_ok=True)
    url, servers = _place(home, own, rows)
    asked, note = {"rows": rows, "maker": _maker(), "kind": url.partition(":")[0]}, own / "sample.json"
    if not note.exists() or json.loads(note.read_text("utf-8")) != asked:
        note.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-m", "tests.bench.source", url, str(own / "labels"), str(rows)], check=True, cwd=REPOSITORY)
        note.write_text(json.dumps(asked), encoding="utf-8")
    connections = own / "connections.json"
    connections.touch(mode=0o600)
    connections.write_text(json.dumps({"hn_motcua": url}), encoding="utf-8")
    return Legacy(own, url, rows, servers)


def _place(home: Path, own: Path, rows: int) -> tuple[str, dict[str, int]]:
    if not mariadb_available():
        return f"sqlite:///{own / 'city.sqlite'}", {}
    url = start_mariadb(home / "mariadb")
    place = Path(json.loads((home / "mariadb" / "server.json").read_text("utf-8"))["place"])
    name = f"legacy_{rows}"
    mysql(url, f"create database if not exists {name} character set utf8mb4")
    return f"{url.rpartition('/')[0]}/{name}", {"mariadb": int((place / "mariadb.pid").read_text())}


def mysql(url: str, statement: str) -> list[tuple[object, ...]]:
    import pymysql

    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname, port=parts.port or 3306, user=parts.username, password=parts.password or "",
        database=parts.path.lstrip("/"), autocommit=True,
    )  # fmt: skip
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())
    finally:
        connection.close()


def _maker() -> str:
    made = hashlib.sha256()
    for path in sorted((REPOSITORY / "hopnhat" / "sample").glob("*.py")):
        made.update(path.read_bytes())
    return made.hexdigest()[:16]


if __name__ == "__main__":
    from hopnhat.sample.build import build_city

    build_city(sys.argv[1], Path(sys.argv[2]), rows=int(sys.argv[3]))
