"""The whole dossier path against the floor: first load, re-run of unchanged data, delta of one percent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from hopnhat.sample.build import CITY, build_city
from hopnhat.sample.change import change
from hopnhat.sample.servers import mariadb_available, start_mariadb
from hopnhat.server import create_database, ensure_server
from mappings.read import load_domain, systems_dir
from tests.bench.floor import floor
from tests.bench.meter import Cost, measured

SYSTEM = "bench_motcua"


def measure(home: Path, rows: int, *, workers: int = 2, repeats: int = 1) -> dict[str, Any]:
    """Build the city system of `rows` dossiers, migrate it `repeats` times from nothing, then re-run and delta."""
    source, servers = _source(home, rows)
    base = ensure_server(home)
    servers["postgresql"] = _postmaster(home)
    mapping = _mapping(home)
    entity = load_domain("dossiers").entities["dossier"]
    first, floors, again, delta = [], [], [], []
    for number in range(repeats):
        url = create_database(base, f"bench_{rows}_{os.getpid()}_{number}")
        run = _Runner(home, url, source, mapping, workers, servers)
        run.fresh_landing()
        first.append(run.migrate("bulk"))
        floors.append(floor(url, "dossier", entity, servers))
        again.append(run.migrate("bulk"))
        run.change(0.01)
        delta.append(run.migrate("delta"))
    return _result(rows, first, floors, again, delta)


class _Runner:
    def __init__(self, home: Path, url: str, source: str, mapping: Path, workers: int, servers: Mapping[str, int]) -> None:
        self.home, self.landing, self.servers, self.workers = home, home / "landing", servers, workers
        self.environment = os.environ | {
            "HOPNHAT_HOME": str(home), "HOPNHAT_DATABASE_URL": url, "HOPNHAT_MAPPINGS": str(mapping.parent),
            "HOPNHAT_LANDING": str(self.landing), f"HOPNHAT_CONN_{SYSTEM.upper()}": source,
        }  # fmt: skip

    def fresh_landing(self) -> None:
        shutil.rmtree(self.landing, ignore_errors=True)

    def migrate(self, mode: str) -> Cost:
        command = [sys.executable, "-m", "hopnhat", "migrate", SYSTEM, "--mode", mode, "--workers", str(self.workers), "--no-reports"]
        with measured(self.servers) as cost:
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-4000:])
        summary = json.loads(done.stdout)
        if summary["balance"] or summary["extracted"] == 0:
            raise RuntimeError(f"the run does not balance: {summary}")
        return cost

    def change(self, share: float) -> None:
        change(self.home, share=share)


def _source(home: Path, rows: int) -> tuple[str, dict[str, int]]:
    home.mkdir(parents=True, exist_ok=True)
    done = home / f"city-{rows}.json"
    if mariadb_available():
        url = start_mariadb(home / "mariadb")
        servers = {"mariadb": int(next((home / "mariadb").rglob("*.pid")).read_text())}
    else:
        url, servers = f"sqlite:///{home / 'city.sqlite'}", {}
    if not done.exists():
        for old in home.glob("city-*.json"):
            old.unlink()
        build_city(url, home / "labels", rows=rows)
        done.write_text("{}")
    (home / "sample.json").write_text(json.dumps({"rows": rows}), encoding="utf-8")
    (home / "connections.json").write_text(json.dumps({CITY: url}), encoding="utf-8")
    return url, servers


def _postmaster(home: Path) -> int:
    return int(next(p for p in home.rglob("postmaster.pid")).read_text().splitlines()[0])


def _mapping(home: Path) -> Path:
    """The city system with its dossier table alone: the floor is one table too."""
    system = yaml.safe_load((systems_dir() / "hn_motcua.yml").read_text(encoding="utf-8"))
    system |= {"id": SYSTEM, "connection": SYSTEM, "tables": system["tables"][:1]}
    path = home / "mappings" / f"{SYSTEM}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(system, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def _result(rows: int, first: list[Cost], floors: list[Cost], again: list[Cost], delta: list[Cost]) -> dict[str, Any]:
    base_cpu, base_wall = median(c.total for c in floors), median(c.wall for c in floors)
    bulk_database = median(c.cpu["postgresql"] for c in first)
    return {
        "rows": rows,
        "floor": {"cpu_s": round(base_cpu, 2), "wall_s": round(base_wall, 2)},
        "bulk": _cost(first), "again": _cost(again), "delta_1_percent": _cost(delta),
        "cpu_ratio": round(median(c.total for c in first) / base_cpu, 2),
        "wall_ratio": round(median(c.wall for c in first) / base_wall, 2),
        "again_database_share": round(median(c.cpu["postgresql"] for c in again) / bulk_database, 3),
        "delta_database_share": round(median(c.cpu["postgresql"] for c in delta) / bulk_database, 3),
    }  # fmt: skip


def _cost(costs: list[Cost]) -> dict[str, Any]:
    parties = {name: round(median(c.cpu[name] for c in costs), 2) for name in costs[0].cpu}
    return {"cpu_s": parties, "wall_s": round(median(c.wall for c in costs), 2), "peak_mib": round(max(c.peak_mib for c in costs))}
