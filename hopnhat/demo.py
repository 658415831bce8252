"""`make demo`: build the sample legacy systems, migrate them through Airflow, say in words and numbers what became of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hopnhat.settings import settings

Say = Callable[[str], None]


def demo(rows: int, say: Say = print) -> int:
    """Returns the run's exit status. A second call finds everything unchanged."""
    from hopnhat.orchestrate.runner import run_dags
    from hopnhat.pipeline import database_url
    from hopnhat.report.summary import render_text
    from hopnhat.sample.build import build
    from mappings.read import system_ids

    home = settings().home.resolve()
    folder = home / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    say(f"Demo in {folder}")
    url = database_url()
    say("Building the sample legacy systems …")
    sample = build(folder / "legacy", rows=rows)
    for source, count in sorted(sample.rows.items()):
        say(f"  {source:34} {count:>9,} rows")
    save_connections(home, dict(sample.connections))
    systems = [s for s in system_ids(settings().mappings) if s in sample.connections]
    run_id = f"demo-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    outcome = run_dags(
        home, "migrate", run_id=run_id, conf={"systems": systems, "mode": "bulk"}, watch=[f"migrate_{s}" for s in systems],
        url=url, connections=sample.connections, say=say,
    )  # fmt: skip
    if outcome.exit_code:
        say(f"The run ended in state {outcome.state}: {', '.join(outcome.failed)}")
        return outcome.exit_code
    summary = publish_summary(settings().reports_dir() / run_id / "summary.json", folder / "summary.json")
    say("")
    say(render_text(summary))
    say(f"\nSummary: {folder / 'summary.json'}\nAirflow screens: make up")
    return 0


def save_connections(home: Path, connections: dict[str, str]) -> None:
    """Remember the sample's connections for the CLI; others that are there already stay."""
    file = home / "connections.json"
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.write_text(json.dumps(known | connections, indent=1), encoding="utf-8")
    file.chmod(0o600)


def publish_summary(source: Path, target: Path) -> dict[str, Any]:
    shutil.copyfile(source, target)
    return dict(json.loads(target.read_text(encoding="utf-8")))


def clean(say: Say = print) -> None:
    """End every process of ours under the home, and remove what lies outside of it."""
    from hopnhat.orchestrate.runner import down
    from hopnhat.sample.servers import remove_mariadb
    from hopnhat.server import remove_server

    home = settings().home.resolve()
    down(home)
    remove_mariadb(home / "demo" / "legacy" / "mariadb")
    remove_server(home)
    say(f"ended everything under {home}")


def stop(say: Say = print) -> None:
    """End what runs, keep the data."""
    from hopnhat.orchestrate.runner import down
    from hopnhat.sample.servers import stop_mariadb
    from hopnhat.server import stop_server

    home = settings().home.resolve()
    down(home)
    stop_mariadb(home / "demo" / "legacy" / "mariadb")
    stop_server(home)
    say("everything of ours is ended; the data stay")


def serve(say: Say = print) -> None:
    """Serve the Airflow screens with the DAGs, the pools and the known connections."""
    from hopnhat.orchestrate.runner import up
    from hopnhat.pipeline import database_url
    from hopnhat.sample.servers import start_mariadb

    home = settings().home.resolve()
    file = home / "connections.json"
    connections = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    mariadb = home / "demo" / "legacy" / "mariadb"
    if mariadb.exists():
        start_mariadb(mariadb)
    up(home, url=database_url(), connections=connections, say=say)
