"""The whole dossier path against the floor: first load, re-run of unchanged data, delta of one percent; and its memory."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from psycopg2 import sql

from hopnhat.load.schema import unified_columns
from hopnhat.load.target import connect
from hopnhat.sample.change import change
from hopnhat.server import create_database, ensure_server
from mappings.read import load_domain, systems_dir
from tests.bench.floor import floor, save_rows
from tests.bench.meter import Cost, run_measured
from tests.bench.source import REPOSITORY, Legacy, legacy
from tests.support.server import postmaster

SYSTEM = "bench_motcua"
STAGES = ("plan", "load", "publish", "reconcile")


@dataclass(frozen=True)
class Bench:
    """Where the measured runs happen. `base`: URL of the bench's own PostgreSQL; `servers`: pids whose CPU counts."""

    home: Path
    legacy: Legacy
    base: str
    servers: dict[str, int]
    mapping: Path
    workers: int = 2

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    def database(self, name: str) -> str:
        """A database that was not there before."""
        self.drop(name)
        return create_database(self.base, name)

    def drop(self, name: str) -> None:
        self.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def checkpoint(self) -> None:
        """What earlier work left to be written is not the next measurement's."""
        self.execute(sql.SQL("checkpoint"))

    def execute(self, statement: sql.Composable) -> None:
        with closing(connect(self.base)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    def forget_landing(self) -> None:
        shutil.rmtree(self.landing, ignore_errors=True)

    def migrate(self, url: str, mode: str) -> Cost:
        """One run of the command line. Raises RuntimeError when it fails or does not balance."""
        stages = self.home / "stages.json"
        pids = [f"{name}={pid}" for name, pid in self.servers.items()]
        command = [sys.executable, "-m", "tests.bench.staged", str(stages), *pids, "--"]
        command += ["migrate", SYSTEM, "--mode", mode, "--workers", str(self.workers), "--no-reports"]
        self.checkpoint()
        done = run_measured(command, self.servers, self._environment(url), REPOSITORY)
        if done.code:
            raise RuntimeError(f"the migration ended with {done.code}: {done.stderr[-2000:]}")
        summary = json.loads(done.stdout)
        if summary["balance"] or (mode == "bulk" and summary["extracted"] != self.legacy.rows):
            raise RuntimeError(f"the run does not balance: {summary}")
        done.cost.stages = json.loads(stages.read_text("utf-8"))
        return done.cost

    def _environment(self, url: str) -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if not k.startswith("HOPNHAT_")} | {
            "HOPNHAT_HOME": str(self.home), "HOPNHAT_DATABASE_URL": url, "HOPNHAT_MAPPINGS": str(self.mapping.parent),
            "HOPNHAT_LANDING": str(self.landing), f"HOPNHAT_CONN_{SYSTEM.upper()}": self.legacy.url,
        }  # fmt: skip


def prepared(home: Path, rows: int) -> Bench:
    """Build the source if need be and start both servers."""
    home.mkdir(parents=True, exist_ok=True)
    source = legacy(home, rows)
    base = ensure_server(home)
    return Bench(home, source, base, {**source.servers, "postgresql": postmaster(home)}, _mapping(home))


def measure(home: Path, rows: int, *, repeats: int = 1) -> dict[str, Any]:
    """Migrate `repeats` times from nothing with the floor before, between and after; each time re-run and delta."""
    bench = prepared(home, rows)
    entity, ready = load_domain("dossiers").entities["dossier"], home / f"rows-{rows}.copy"
    first, floors, again, delta = [], [], [], []
    floor_url = bench.database("bench_floor")
    bench.forget_landing()
    url = bench.database("bench_path")
    bench.migrate(url, "bulk")  # not counted: gives the final rows for the floor and warms the page cache for both
    save_rows(url, "dossier", ready)
    for _ in range(repeats):
        floors.append(floor(floor_url, "dossier", entity, ready, bench.servers))
        bench.forget_landing()
        url = bench.database("bench_path")
        first.append(bench.migrate(url, "bulk"))
        floors.append(floor(floor_url, "dossier", entity, ready, bench.servers))
        again.append(bench.migrate(url, "bulk"))
        change(bench.legacy.home, share=0.01)
        delta.append(bench.migrate(url, "delta"))
    for name in ("bench_floor", "bench_path"):
        bench.drop(name)
    ready.unlink()
    bench.forget_landing()
    return _result(bench, first, floors, again, delta) | {"target_columns": len(unified_columns(entity))}


def memory(home: Path, sizes: Sequence[int]) -> dict[str, Any]:
    """First load of each size, its greatest process."""
    found = {}
    for rows in sizes:
        bench = prepared(home, rows)
        bench.forget_landing()
        cost = bench.migrate(bench.database("bench_memory"), "bulk")
        bench.drop("bench_memory")
        bench.forget_landing()
        found[str(rows)] = told([cost]) | {"cpu_s_per_million": round(cost.total / rows * 1e6, 2)}
    peaks = [found[str(rows)]["peak_mib"] for rows in sizes]
    return {"source": bench.legacy.kind, "sizes": found, "greatest_peak_mib": max(peaks), "growth": round(peaks[-1] / peaks[0], 2)}


def told(costs: Sequence[Cost]) -> dict[str, Any]:
    """Medians of several runs; the peak is the greatest."""
    parties = {name: round(median(c.cpu[name] for c in costs), 2) for name in costs[0].cpu}
    result: dict[str, Any] = {
        "cpu_s": parties, "cpu_total_s": round(median(c.total for c in costs), 2), "wall_s": round(median(c.wall for c in costs), 2),
        "peak_mib": round(max(c.peak_mib for c in costs)), "noise": round(max(c.noise for c in costs), 2), "runs": len(costs),
    }  # fmt: skip
    if costs[0].stages:
        result["stages"] = {n: {k: round(median(c.stages[n][k] for c in costs), 2) for k in v} for n, v in costs[0].stages.items()}
    return result


def _mapping(home: Path) -> Path:
    """The city system with its dossier table alone: the floor is one table too."""
    system = yaml.safe_load((systems_dir() / "hn_motcua.yml").read_text(encoding="utf-8"))
    system |= {"id": SYSTEM, "connection": SYSTEM, "tables": [t for t in system["tables"] if t["name"] == "opencps_dossier"]}
    system.pop("omitted", None)
    path = home / "mappings" / f"{SYSTEM}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(system, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def columns_read(home: Path) -> tuple[int, int]:
    """Columns of the source table: all, and those the mapping reads."""
    from mappings.read import load_system

    table = load_system(SYSTEM, home / "mappings").tables[0]
    return len(table.used_columns()) + len(table.ignored), len(table.used_columns())


def _result(bench: Bench, first: list[Cost], floors: list[Cost], again: list[Cost], delta: list[Cost]) -> dict[str, Any]:
    base_cpu, base_wall = median(c.total for c in floors), median(c.wall for c in floors)
    bulk_database = median(c.cpu["postgresql"] for c in first)
    every, read = columns_read(bench.home)
    return {
        "rows": bench.legacy.rows, "source": bench.legacy.kind, "source_columns": every, "source_columns_read": read,
        "floor": told(floors), "bulk": told(first), "again": told(again), "delta_1_percent": told(delta),
        "cpu_ratio": round(median(c.total for c in first) / base_cpu, 2),
        "wall_ratio": round(median(c.wall for c in first) / base_wall, 2),
        "again_database_share": round(median(c.cpu["postgresql"] for c in again) / bulk_database, 3),
        "delta_database_share": round(median(c.cpu["postgresql"] for c in delta) / bulk_database, 3),
    }  # fmt: skip
