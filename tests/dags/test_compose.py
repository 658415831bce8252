"""docker-compose.yml without a Docker engine: what must be in it, and that no secret has a default or reaches a worker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from hopnhat.orchestrate.topology import SERVER_SECRETS

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docker-compose.yml").read_text()
WITHOUT_COMMENTS = re.sub(r"(^|\s)#.*", "", TEXT)
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = dict(line.split("=", 1) for line in (REPOSITORY / ".env.example").read_text().splitlines() if line and not line.startswith("#"))


def variables(text: str) -> set[str]:
    return set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text))


def filled(node: Any) -> Any:
    """The document as Compose sees it, with every variable given."""
    if isinstance(node, dict):
        return {key: filled(value) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(value) for value in node]
    return re.sub(r"(?<!\$)\$\{[A-Z_]+:\?\}", "8080", node).replace("$$", "$") if isinstance(node, str) else node


def schema_errors(document: dict[str, Any]) -> list[str]:
    schema = json.loads((REPOSITORY / "tests" / "fixtures" / "compose" / "compose-spec.json").read_text())
    return [f"{error.json_path}: {error.message}" for error in Draft7Validator(schema).iter_errors(document)]


def test_the_schema_of_compose_accepts_it() -> None:
    document = filled(COMPOSE)
    assert "${" not in json.dumps(document)
    assert schema_errors(document) == []


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"restrat": "always"}, "restrat"),
        ({"depends_on": {"redis": {"condition": "started"}}}, "depends_on"),
        ({"environment": {"A": {"b": "c"}}}, "environment"),
        ({"mem_limit": ["2g"]}, "mem_limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_schema_of_compose_refuses_mistakes(wrong: dict[str, Any], where: str) -> None:
    document = filled(COMPOSE)
    document["services"]["scheduler"] |= wrong
    assert any(where in error for error in schema_errors(document))


def test_services_can_be_started_in_some_order() -> None:
    """Nobody waits, by way of others, for himself."""
    waiting = {name: set(service.get("depends_on", ())) for name, service in SERVICES.items()}
    order = list(TopologicalSorter(waiting).static_order())  # CycleError otherwise
    assert order.index("postgres") < order.index("init") < order.index("api-server") < order.index("scheduler")
    for name, service in SERVICES.items():
        for other, how in dict(service.get("depends_on", {})).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], (name, other)


def test_the_services_of_production() -> None:
    wanted = {
        "postgres",
        "redis",
        "init",
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
        "worker-1",
        "worker-2",
        "legacy-mariadb",
    }
    assert set(SERVICES) == wanted
    assert SERVICES["legacy-mariadb"]["profiles"] == ["legacy"]
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["legacy-mariadb"]


def test_every_variable_is_required_and_explained() -> None:
    assert set(re.findall(r"(?<!\$)\$\{[A-Z_]+([^}]*)\}", WITHOUT_COMMENTS)) == {":?"}
    assert variables(WITHOUT_COMMENTS) == set(EXAMPLE)


def test_no_secret_has_a_value_in_the_repository() -> None:
    for name, value in EXAMPLE.items():
        if re.search("PASSWORD|SECRET|KEY", name):
            assert value == "", name
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD$|SECRET|_KEY$|AUTH$|CONN$|_URL$", name) and "://" not in str(value).split("@")[-1]:
                assert "${" in str(value), name


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_limited_restarted_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"]
    if name != "init":
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"]
    assert set(service.get("depends_on", {})) <= set(SERVICES)


def test_workers_have_no_server_secret() -> None:
    for name in ("worker-1", "worker-2"):
        assert set(SERVICES[name]["environment"]).isdisjoint(SERVER_SECRETS)
        assert "AIRFLOW__CORE__EXECUTION_API_SERVER_URL" in SERVICES[name]["environment"]
        assert not variables(str(SERVICES[name])) & {"AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_DB_PASSWORD", "POSTGRES_PASSWORD"}
    for name in ("api-server", "scheduler", "dag-processor", "triggerer"):
        assert {"AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"} <= set(SERVICES[name]["environment"])


def test_scheduler_and_workers_wait_for_the_api() -> None:
    for name in ("scheduler", "triggerer", "worker-1", "worker-2"):
        assert SERVICES[name]["depends_on"]["api-server"] == {"condition": "service_healthy"}


def test_one_image_and_mounts_that_exist() -> None:
    ours = [service for name, service in SERVICES.items() if name not in ("postgres", "redis", "legacy-mariadb")]
    assert {service["image"] for service in ours} == {"${HOPNHAT_IMAGE:?}"}
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":", 1)[0] if not volume.startswith("$") else ""
            assert not source or source in COMPOSE["volumes"] or (REPOSITORY / source).exists(), volume


def test_image_copies_what_exists_and_runs_unprivileged() -> None:
    text = (REPOSITORY / "Dockerfile").read_text()
    for source in re.findall(r"^COPY (?!--from)(\S+(?: \S+)*) \S+$", text, re.MULTILINE):
        for part in source.split():
            assert (REPOSITORY / part).exists(), part
    packages = [path.name for path in REPOSITORY.iterdir() if (path / "__init__.py").exists()]
    assert {"dags", "hopnhat", "mappings", "transforms", "validators"} == set(packages)
    for package in packages:
        assert f"COPY {package} {package}" in text
    assert "uv sync --frozen" in text
    assert re.search(r"^USER 10001", text, re.MULTILINE)
    assert "PYTHONPATH=/opt/hopnhat" in text


def test_settings_agree_with_the_installation_on_one_machine() -> None:
    from hopnhat.orchestrate.environment import DEFAULTS

    server = SERVICES["scheduler"]["environment"]
    for name in (
        "DATABASE__SQL_ALCHEMY_POOL_SIZE",
        "DATABASE__SQL_ALCHEMY_MAX_OVERFLOW",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT",
        "WORKERS__EXECUTION_API_RETRIES",
    ):
        assert server[f"AIRFLOW__{name}"] == DEFAULTS[f"AIRFLOW__{name}"]


def _compose() -> list[str] | None:
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            return command
    return None


@pytest.mark.skipif(_compose() is None, reason="the client `docker compose` is not installed")
def test_docker_compose_accepts_it(tmp_path: Path) -> None:
    command = _compose()
    assert command
    filled = {name: value or "filled" for name, value in EXAMPLE.items()}
    arguments = [*command, "--project-directory", str(REPOSITORY), "--profile", "legacy", "config", "--quiet"]
    for missing in ("", "REDIS_PASSWORD"):
        settings = {**{k: v for k, v in os.environ.items() if k not in EXAMPLE}, **{k: v for k, v in filled.items() if k != missing}}
        done = subprocess.run(arguments, env=settings, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is (missing == ""), done.stderr
