"""Run the product as its users do, against a database of the test's own, and read back what became of the rows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hopnhat.load.target import connect

REPOSITORY = Path(__file__).resolve().parents[2]
MAU = """\
id: mau
title: Mẫu
domain: dossiers
technology: sqlite
connection: mau
server: mau
"""
"""The head of a small system in SQLite, for tests that write the rest of its mapping themselves."""


@dataclass
class Machine:
    """One installation: database, home, connections, mappings."""

    home: Path
    database: str
    connections: Mapping[str, str]
    mappings: Path | None = None
    extra: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        connections = {f"HOPNHAT_CONN_{name.upper()}": url for name, url in self.connections.items()}
        mappings = {"HOPNHAT_MAPPINGS": str(self.mappings)} if self.mappings else {}
        base = {k: v for k, v in os.environ.items() if not k.startswith("HOPNHAT_")}
        return base | {"HOPNHAT_HOME": str(self.home), "HOPNHAT_DATABASE_URL": self.database, "PYTHONPATH": str(REPOSITORY)} | connections | mappings | self.extra

    def migrate(self, system: str, mode: str = "bulk", *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hopnhat", "migrate", system, "--mode", mode, "--workers", "2", "--no-reports", *options]
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=300, check=False)

    def migrated(self, system: str, mode: str = "bulk", *options: str) -> dict[str, Any]:
        done = self.migrate(system, mode, *options)
        assert done.returncode == 0, done.stderr[-3000:]
        return dict(json.loads(done.stdout))

    def killed(self, system: str, after: float) -> bool:
        """Start a migration, let it begin its work, kill -9 it `after` seconds later. False when it had ended by itself.

        The parent alone is killed: its workers must follow by themselves.
        """
        command = [sys.executable, "-m", "hopnhat", "migrate", system, "--workers", "2", "--no-reports"]
        process = subprocess.Popen(command, env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(after)
        running = process.poll() is None
        if running:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()
        return running

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = connect(self.database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.commit()
            connection.close()

    def fingerprint(self) -> list[tuple[Any, ...]]:
        """Content of every unified table and of the open quarantine, free of run and batch numbers."""
        found = []
        for (table,) in self.query("select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'unified' and c.relkind = 'p' order by 1"):
            columns = [c for (c,) in self.query("select column_name::text from information_schema.columns where table_schema = 'unified' and table_name = %s and column_name <> 'batch_id' order by 1", table)]
            row = ", ".join(f'"{c}"' for c in columns)
            found += [(table, *counted) for counted in self.query(f"select source, count(*), sum(hashtextextended(row({row})::text, 0)::numeric) from unified.{table} group by source order by 1")]
        found += self.query("select source, count(*), sum(hashtextextended(row(source_key, source_hash, problems, raw)::text, 0)::numeric) from quarantine.open group by source order by 1")
        return found

    def imbalance(self) -> list[tuple[Any, ...]]:
        """Batches whose ledger row disagrees with itself or with the rows that are there. Must be empty."""
        return self.query(
            "select b.batch_id from ledger.batch b where extracted <> published + unchanged + merged + quarantined + filtered"
            " or extracted <> (select coalesce(sum(rows), 0) from ledger.unit_count u where u.batch_id = b.batch_id)"
        )
