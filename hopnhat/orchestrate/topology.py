"""Which services make an Airflow: all on one machine with LocalExecutor, or with Redis and Celery workers as in production.

A step is a plain dict because it goes to the supervisor as JSON: `name`, `kind` (once | service | ready), `command`, and
for processes that must not know everything `drop` (variables taken away) and `set`. No step holds a secret itself.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import Any

from hopnhat.model.errors import RunError
from hopnhat.orchestrate.environment import Installation, free_port, is_migrated

Step = dict[str, Any]
AIRFLOW = [sys.executable, "-m", "airflow"]
SERVER_SECRETS = (
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
    "HOPNHAT_METADATA_URL",
)
"""What a worker must not have: it speaks to the execution API with a token of its task's own."""


def single_machine(installation: Installation) -> list[Step]:
    """Scheduler last: tasks that start before the API answers are lost."""
    migrate: list[Step] = (
        [] if is_migrated(installation) else [{"name": "database", "kind": "once", "command": [*AIRFLOW, "db", "migrate"]}]
    )
    return [
        *migrate,
        {"name": "api-server", "kind": "service", "command": [*AIRFLOW, "api-server"]},
        {"name": "dag-processor", "kind": "service", "command": [*AIRFLOW, "dag-processor"]},
        {"name": "api", "kind": "ready", "command": [f"{installation.base_url}/api/v2/version"]},
        {"name": "scheduler", "kind": "service", "command": [*AIRFLOW, "scheduler", "--skip-serve-logs"]},
    ]


def cluster(installation: Installation, workers: int = 2) -> list[Step]:
    """Redis and Celery workers around the same services. Each worker has its own AIRFLOW_HOME and no server secret."""
    redis = {"name": "redis", "kind": "service", "command": [redis_server(), str(installation.home / "redis.conf")]}
    command = [*AIRFLOW, "celery", "worker", "--skip-serve-logs", "--without-mingle"]
    nodes = []
    for number in range(1, workers + 1):
        home = installation.home / f"worker-{number}"
        home.mkdir(mode=0o700, exist_ok=True)
        name = f"worker-{number}"
        nodes.append({"name": name, "kind": "service", "command": [*command, "--celery-hostname", f"{name}@%h"],
                      "drop": SERVER_SECRETS, "set": {"AIRFLOW_HOME": str(home)}})  # fmt: skip
    return [redis, *single_machine(installation), *nodes]


def cluster_variables(folder: Path) -> dict[str, str]:
    """Write Redis' configuration into `folder` (private: it holds the password) and return what Celery must know.

    Queued tasks survive a lost worker: they are acknowledged late, one at a time, and shown to another worker.
    """
    port, password = free_port(), secrets.token_urlsafe(24)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = {
        "bind": "127.0.0.1",
        "port": port,
        "requirepass": password,
        "dir": folder,
        "save": '""',
        "appendonly": "no",
        "daemonize": "no",
    }
    with os.fdopen(os.open(folder / "redis.conf", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.writelines(f"{name} {value}\n" for name, value in settings.items())
    address = f"redis://:{password}@127.0.0.1:{port}"
    return {
        "AIRFLOW__CELERY__BROKER_URL": f"{address}/0",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"{address}/1",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
        "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        "AIRFLOW__CELERY__TASK_ACKS_LATE": "True",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
    }


def redis_server() -> str:
    """Path of Redis' server. Raises RunError when it is not installed."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/local/bin"):
            return found
    raise RunError("redis-server is not installed", hint="run `make services`")
