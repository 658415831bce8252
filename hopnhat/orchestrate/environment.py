"""The environment in which Airflow's processes run on one machine: settings, secrets, ports, the metadata database.

Everything is passed by environment variables, so no configuration file can disagree with the code. A variable that the
operator sets beforehand wins over a default here, but never over what keeps the installation in one piece.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psycopg2

from hopnhat.server import create_database, dsn, ensure_server
from hopnhat.settings import REPOSITORY

METADATA_DATABASE = "airflow"
USER = "admin"
MIGRATED = "migrated.json"

DEFAULTS = {
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "16",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__API__EXPOSE_CONFIG": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
    # Pools of 5+10 run dry under parallel tasks: the API then answers 500 after 30 s.
    "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "20",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_MAX_OVERFLOW": "20",
    # No route of this version uses the second, asynchronous engine: without it a second driver is not needed.
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": "",
    # A killed worker is noticed after this many seconds (300 by default) and its idempotent task repeated.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "10",
    # A slot is given back only when this interval (5 s by default) has passed after its task: measured 5.2 s a slot against 1.2 s.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
}  # fmt: skip


@dataclass(frozen=True)
class Installation:
    """One Airflow on this machine. `variables` holds secrets: never print it."""

    home: Path
    port: int
    variables: Mapping[str, str]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        return str(json.loads((self.home / "passwords.json").read_text())[USER])


def databases(home: Path, url: str | None = None) -> tuple[str, str]:
    """URLs of the unified database and of Airflow's metadata, on the given server or on the embedded one.

    HOPNHAT_METADATA_URL names another metadata database, for servers where we may not create one.
    """
    unified = url or ensure_server(home)
    return unified, os.environ.get("HOPNHAT_METADATA_URL") or create_database(unified, METADATA_DATABASE)


def prepare(
    home: Path, *, url: str | None = None, port: int | None = None, executor: str = "LocalExecutor", extra: Mapping[str, str] | None = None
) -> Installation:
    """Make `home/airflow` ready and return what its processes need. Repeatable: secrets are generated once.

    Raises:
        TargetUnavailableError: when the database server cannot be reached or started.
    """
    unified, metadata_url = databases(home, url)
    folder = home.resolve() / "airflow"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = _once(folder / "secrets.json", _new_secrets)
    _once(folder / "passwords.json", lambda: {USER: secrets.token_urlsafe(12)})
    chosen = port or free_port()
    required = {
        **_location(folder, chosen),
        "AIRFLOW__CORE__EXECUTOR": executor,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_url,
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt"],
        "AIRFLOW__API__SECRET_KEY": keys["api"],
        "HOPNHAT_HOME": str(home.resolve()),
        "HOPNHAT_DATABASE_URL": unified,
    }
    return Installation(folder, chosen, {**DEFAULTS, **os.environ, **required, **(extra or {})})


def is_migrated(installation: Installation) -> bool:
    """Whether the metadata database is at this Airflow's revision, so that `db migrate` (3 s of CPU) may be left out."""
    return bool(_revision(installation)) and _read(installation.home / MIGRATED) == [
        metadata.version("apache-airflow"),
        _revision(installation),
    ]


def note_migrated(installation: Installation) -> None:
    """Remember, once everything runs, which revision this Airflow made."""
    (installation.home / MIGRATED).write_text(json.dumps([metadata.version("apache-airflow"), _revision(installation)]))


def _revision(installation: Installation) -> str:
    try:
        url = dsn(installation.variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT version_num FROM alembic_version")
            row = cursor.fetchone()
    except psycopg2.Error:
        return ""
    return str(row[0]) if row else ""


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _location(folder: Path, port: int) -> dict[str, str]:
    """Where things are. The execution API's address must follow the port, or every task fails to report."""
    bundle = {"name": "hopnhat", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
              "kwargs": {"path": str(REPOSITORY / "dags"), "refresh_interval": 60}}  # fmt: skip
    return {
        "AIRFLOW_HOME": str(folder),
        "PYTHONPATH": str(REPOSITORY),  # first on the path: PyPI has a popular `validators`
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
    }


def _new_secrets() -> dict[str, str]:
    fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return {"fernet": fernet, "jwt": secrets.token_urlsafe(48), "api": secrets.token_urlsafe(32)}


def _once(path: Path, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Content of a private JSON file, made at the first call; two processes at once agree on one content."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            json.dump(make(), handle)
        try:
            os.link(fresh, path)  # fails when another process was first
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return {str(key): str(value) for key, value in json.loads(path.read_text()).items()}


def free_port(wanted: int | None = None) -> int:
    """`wanted` when nobody listens there, else any free port of the loopback."""
    for candidate in (wanted, 0) if wanted else (0,):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError("the kernel gave no port")
