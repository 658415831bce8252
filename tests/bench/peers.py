"""The same source table through pgloader, sling and dlt, untouched, beside ours with everything it does.

A peer that is not installed is listed as absent; none is a dependency. pgloader ends with 0 even when it failed, so rows
are counted in the target each time. Peers build no key and no index: that is to their advantage, not ours. Each of the
three stops at an impossible date (31 February) in the source; so all four, ours too, read a copy where those are NULL.
sling speaks TCP only: for this section the bench's own server listens on the loopback, with a password.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from psycopg2 import sql

from hopnhat.load.target import connect
from hopnhat.sample.opencps_schema import DOSSIER
from hopnhat.server import ensure_server, stop_server
from hopnhat.server_home import read_place
from tests.bench.meter import Cost, run_measured
from tests.bench.path import Bench, prepared, told
from tests.bench.source import TABLE, Legacy, legacy, mysql

DATABASE = "bench_peers"
PORT = 5432
"""Of the embedded server; taken by another one on the loopback, sling fails and is listed as failed."""
DLT = """
import sys, dlt
from dlt.sources.sql_database import sql_table
source, target, table, home = sys.argv[1:]
rows = sql_table(credentials=source.replace("mysql://", "mysql+pymysql://", 1), table=table, backend="connectorx",
                 backend_kwargs={"conn": source, "return_type": "arrow_stream"}, reflection_level="full")
pipeline = dlt.pipeline("bench", pipelines_dir=home, destination=dlt.destinations.postgres(target), dataset_name="dlt_bench")
pipeline.run(rows, loader_file_format="csv", write_disposition="replace").raise_on_failed_jobs()
"""


@dataclass(frozen=True)
class Peer:
    """`prepare(bench, url, folder)` gives the command and what it needs in its environment; `schema` is where the table must be."""

    version: str
    prepare: Callable[[Bench, str, Path], tuple[list[str], dict[str, str]]]
    schema: str


def measure(home: Path, rows: int, *, repeats: int = 1) -> dict[str, Any]:
    home.mkdir(parents=True, exist_ok=True)
    source = legacy(home, rows)
    if source.kind != "mariadb":
        return {"left_out": "peers are compared on MariaDB, which is not installed here (make services)"}
    sound = _sound_copy(source)
    with _listening(home) as address:
        return _compared(replace(prepared(home, rows), legacy=sound), repeats, address)


def _sound_copy(source: Legacy) -> Legacy:
    """The same table with impossible dates as NULL, in a database beside it."""
    database = f"peers_{source.rows}"
    mysql(source.url, f"create database if not exists {database} character set utf8mb4")
    url = f"{source.url.rpartition('/')[0]}/{database}"
    mysql(url, f"drop table if exists {TABLE}")
    mysql(url, DOSSIER.ddl(sqlite=False))
    dates = {c.name for c in DOSSIER.columns if c.type.startswith("date")}
    cells = ", ".join(f"if(day({name}) <= day(last_day({name})), {name}, null)" if name in dates else name for name in DOSSIER.names())
    mysql(url, f"insert ignore into {TABLE} select {cells} from {urlsplit(source.url).path.lstrip('/')}.{TABLE}")
    mysql(url, f"analyze table {TABLE}")
    return replace(source, url=url)


@contextmanager
def _listening(home: Path) -> Iterator[str]:
    """The bench's server on the loopback, too, with a password: `password@host`. Afterwards as before."""
    password = secrets.token_hex(12)
    base = ensure_server(home)
    place = read_place(home)
    assert place is not None
    access = Path(place.data) / "pg_hba.conf"
    access.write_text(re.sub(r"(?m)^(host\s.*)\strust$", r"\1 scram-sha-256", access.read_text()))
    with closing(connect(base)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("alter role postgres password %s", (password,))
            if _is_free(PORT):
                cursor.execute("alter system set listen_addresses to '127.0.0.1'")
    try:
        stop_server(home)
        yield f"{password}@127.0.0.1"
    finally:
        (Path(place.data) / "postgresql.auto.conf").write_text("")
        stop_server(home)


def _told(name: str, costs: list[Cost], present: dict[str, Peer]) -> dict[str, Any]:
    """What `meter` calls ours is, for a peer, the peer."""
    result = told(costs)
    if name in present:
        result |= {"version": present[name].version, "cpu_s": {name if party == "ours" else party: s for party, s in result["cpu_s"].items()}}
    return result


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _compared(bench: Bench, repeats: int, address: str) -> dict[str, Any]:
    found, present = absent_or_present(bench.home, address)
    for _ in range(repeats):
        bench.forget_landing()
        found.setdefault("ours", []).append(bench.migrate(bench.database(DATABASE), "bulk"))
        for name, peer in present.items():
            if isinstance(found.get(name, []), list):
                found[name] = _tried(bench, peer, found.get(name, []))
    bench.drop(DATABASE)
    bench.forget_landing()
    named = {name: _told(name, costs, present) if isinstance(costs, list) else costs for name, costs in found.items()}
    ours = named["ours"]["cpu_total_s"]
    ratios = {name: round(ours / one["cpu_total_s"], 2) for name, one in named.items() if name != "ours" and isinstance(one, dict)}
    return {"rows": bench.legacy.rows, "source": bench.legacy.kind, "results": named, "our_cpu_by_theirs": ratios}


def absent_or_present(home: Path, address: str) -> tuple[dict[str, Any], dict[str, Peer]]:
    makers = {"pgloader": _pgloader(), "sling": _sling(home, address), "dlt": _dlt(home)}
    return {n: "absent" for n, peer in makers.items() if peer is None}, {n: peer for n, peer in makers.items() if peer is not None}


def _tried(bench: Bench, peer: Peer, costs: list[Cost]) -> list[Cost] | str:
    url = bench.database(DATABASE)
    with tempfile.TemporaryDirectory() as folder:
        command, extra = peer.prepare(bench, url, Path(folder))
        bench.checkpoint()
        done = run_measured(command, bench.servers, _environment() | extra, Path(folder))
    rows = _count(url, peer.schema)
    if rows != bench.legacy.rows:
        secret = urlsplit(bench.legacy.url).password or ""
        return f"failed: {rows} of {bench.legacy.rows} rows arrived, exit {done.code}: {(done.stderr or done.stdout)[-400:].replace(secret, '…')}"
    return [*costs, done.cost]


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("HOPNHAT_", "PYTHON"))}


def _count(url: str, schema: str) -> int:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("select table_name from information_schema.tables where table_schema = %s and lower(table_name) = %s", (schema, TABLE))
        found = cursor.fetchone()
        if found is None:
            return 0
        cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, found[0])))
        return int((cursor.fetchone() or [0])[0])


def _socket(url: str) -> tuple[str, str]:
    """Socket directory and database of the bench's server, which listens nowhere else."""
    parts = urlsplit(url)
    return parse_qs(parts.query)["host"][0], parts.path.lstrip("/")


def _pgloader() -> Peer | None:
    program = shutil.which("pgloader")
    if program is None:
        return None

    def prepare(bench: Bench, url: str, folder: Path) -> tuple[list[str], dict[str, str]]:
        directory, database = _socket(url)
        plan = folder / "bench.load"
        source = bench.legacy.url
        plan.touch(mode=0o600)
        plan.write_text(
            f"load database from {source} into postgresql://postgres@unix:{directory}:5432/{database}\n"
            f"with include drop, create tables, create no indexes, reset no sequences, no foreign keys\n"
            f"set maintenance_work_mem to '512MB'\n"
            f"including only table names matching '{TABLE}'\n"
            f"alter schema '{urlsplit(source).path.lstrip('/')}' rename to 'public';\n"
        )
        return [str(program), "--root-dir", str(folder), "--dynamic-space-size", "4096", str(plan)], {}

    return Peer(_version([program, "--version"]), prepare, "public")


def _sling(home: Path, address: str) -> Peer | None:
    isolated = sorted((home / "peers").glob("lib/python*/site-packages/sling_linux_*/bin/sling-linux-*"))
    given = os.environ.get("HOPNHAT_BENCH_SLING")
    program = given or (str(isolated[0]) if isolated else shutil.which("sling"))
    if not program:
        return None

    def prepare(bench: Bench, url: str, folder: Path) -> tuple[list[str], dict[str, str]]:
        database = _socket(url)[1]
        schema = urlsplit(bench.legacy.url).path.lstrip("/")
        command = [program, "run", "--src-conn", "BENCH_SOURCE", "--src-stream", f"{schema}.{TABLE}", "--tgt-conn", "BENCH_TARGET"]
        return [*command, "--tgt-object", f"public.{TABLE}", "--mode", "full-refresh"], {
            "BENCH_SOURCE": bench.legacy.url, "BENCH_TARGET": f"postgresql://postgres:{address}:{PORT}/{database}?sslmode=disable",
            "SLING_DISABLE_TELEMETRY": "true", "HOME": str(folder), "SLING_HOME_DIR": str(folder),
        }  # fmt: skip

    return Peer(_version([program, "--version"]), prepare, "public")


def _dlt(home: Path) -> Peer | None:
    python = os.environ.get("HOPNHAT_BENCH_DLT") or str(home / "peers" / "bin" / "python")
    asked = [python, "-c", "import dlt, connectorx, pymysql; print('dlt', dlt.__version__)"]
    if not Path(python).exists() or subprocess.run(asked, capture_output=True, check=False).returncode:
        return None

    def prepare(bench: Bench, url: str, folder: Path) -> tuple[list[str], dict[str, str]]:
        directory, database = _socket(url)
        script = folder / "move.py"
        script.write_text(DLT)
        target = f"postgresql://postgres:none@localhost/{database}?host={directory}"
        return [python, str(script), bench.legacy.url, target, TABLE, str(folder)], {
            "RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(folder), "HOME": str(folder), "RUNTIME__LOG_LEVEL": "ERROR",
        }  # fmt: skip

    return Peer(_version(asked), prepare, "dlt_bench")


def _version(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0] if (done.stdout or done.stderr).strip() else "unknown"


