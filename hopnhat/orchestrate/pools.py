"""Create the Airflow pools that the mappings need: `python -m hopnhat.orchestrate.pools`, run where the servers start.

For the containers, where nobody is logged in yet; `run_dags` and `up` use the REST API instead. Pools that exist keep the
slots that an operator chose.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from hopnhat.model.errors import RunError
from mappings.index import pools


def create_missing() -> list[str]:
    """Names of the pools that were created."""
    existing = {pool["pool"] for pool in json.loads(_airflow("pools", "list", "--output", "json") or "[]")}
    missing = {name: slots for name, slots in pools().items() if name not in existing}
    if missing:
        body = {name: {"slots": slots, "description": "one legacy server", "include_deferred": False} for name, slots in missing.items()}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pools.json"
            path.write_text(json.dumps(body))
            _airflow("pools", "import", str(path))
    return sorted(missing)


def _airflow(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "airflow", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RunError(f"airflow {' '.join(arguments[:2])} ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout[done.stdout.find("[") :] if "json" in arguments else done.stdout


if __name__ == "__main__":
    print("pools created:", ", ".join(create_missing()) or "none missing")  # noqa: T201
