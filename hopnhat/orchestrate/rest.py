"""The few calls of Airflow's REST API that a run needs. Knows nothing of migrations."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import httpx

from hopnhat.model.errors import RunError

PAUSES = (1.0, 3.0, 10.0, 30.0)


class _Token(httpx.Auth):
    """Logs in when first needed and again when the token has expired, so that a run may last for days."""

    requires_response_body = True

    def __init__(self, base_url: str, user: str, password: str) -> None:
        self._login = httpx.Request("POST", f"{base_url}/auth/token", json={"username": user, "password": password})
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        if self._token and (yield request).status_code != 401:
            return
        answer = yield self._login
        if answer.status_code != 201:
            raise RunError(f"the API of Airflow refused the login with status {answer.status_code}", hint="run `make down` and start again")
        self._token = str(answer.json()["access_token"])
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def connect(base_url: str, user: str, password: str) -> httpx.Client:
    """A client that logs in by itself. Close it after use."""
    return httpx.Client(
        base_url=base_url, timeout=60, trust_env=False, transport=httpx.HTTPTransport(retries=3), auth=_Token(base_url, user, password)
    )


def call(client: httpx.Client, method: str, path: str, *, accept: tuple[int, ...] = (), **arguments: Any) -> Any:
    """One call under /api/v2: decoded JSON, or None for a status in `accept`. Other failures raise RunError.

    Reading is tried again for a while: a busy or restarting server is no reason to lose sight of a run.
    """
    for pause in (*(PAUSES if method == "GET" else ()), None):
        try:
            answer = client.request(method, f"/api/v2{path}", **arguments)
        except httpx.TransportError as error:
            if pause is None:
                raise RunError(f"the API of Airflow does not answer: {type(error).__name__}", hint="see the service logs") from error
            time.sleep(pause)
            continue
        if answer.status_code < 500 or pause is None:
            break
        time.sleep(pause)
    if answer.status_code in accept:
        return None
    if answer.is_error:
        raise RunError(f"{method} {path}: status {answer.status_code}: {_detail(answer)}")
    return answer.json() if answer.content else None


def _detail(answer: httpx.Response) -> str:
    """The API's own explanation, without the input that it echoes."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return "no detail"
    if isinstance(detail, list):
        return "; ".join(f"{'.'.join(str(part) for part in item.get('loc', ()))}: {item.get('msg')}" for item in detail)
    return str(detail)


def ensure_pools(client: httpx.Client, pools: Mapping[str, int]) -> None:
    """Create the pools that are missing; the slots that an operator chose for an existing one stay."""
    known = {pool["name"] for pool in call(client, "GET", "/pools", params={"limit": 1000})["pools"]}
    for name in sorted(set(pools) - known):
        body = {"name": name, "slots": pools[name], "description": "one legacy server: how many tasks may read it at once"}
        call(client, "POST", "/pools", json=body, accept=(409,))


def put_connection(client: httpx.Client, connection_id: str, url: str) -> None:
    """Create or replace a connection; its password is stored encrypted and shown to nobody."""
    body = {"connection_id": connection_id, **connection_fields(url)}
    if call(client, "PATCH", f"/connections/{quote(connection_id)}", json=body, accept=(404,)) is None:
        call(client, "POST", "/connections", json=body)


def connection_fields(url: str) -> dict[str, Any]:
    """The fields of an Airflow connection for a SQLAlchemy-like URL. URLs without a host (files) go into extra.url whole."""
    parts = urlsplit(url)
    if not parts.hostname:
        return {"conn_type": "generic", "extra": json.dumps({"url": url})}
    scheme, _, driver = parts.scheme.partition("+")
    extra = {key: value for key, value in (("driver", driver), ("query", dict(parse_qsl(parts.query)))) if value}
    return {
        "conn_type": scheme, "host": parts.hostname, "port": parts.port, "login": unquote(parts.username or ""),
        "password": unquote(parts.password or ""), "schema": unquote(parts.path.lstrip("/")), "extra": json.dumps(extra),
    }  # fmt: skip


def trigger(client: httpx.Client, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> None:
    """Start a run. The API checks the values of known parameters and silently takes unknown ones: they are refused here."""
    known = set(call(client, "GET", f"/dags/{dag_id}/details")["params"] or {})
    if unknown := sorted(set(conf) - known):
        raise RunError(f"{dag_id} has no parameter {', '.join(unknown)}", hint=f"it has {', '.join(sorted(known))}")
    call(client, "POST", f"/dags/{dag_id}/dagRuns", json={"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)})


def give_up(client: httpx.Client, dag_id: str) -> list[str]:
    """Mark a DAG's unfinished runs as failed, so that the next one need not wait for them. Returns their ids."""
    answer = call(client, "GET", f"/dags/{dag_id}/dagRuns", params={"state": ["running", "queued"], "limit": 100})
    found = [str(run["dag_run_id"]) for run in answer["dag_runs"]]
    for run_id in found:
        call(client, "PATCH", f"/dags/{dag_id}/dagRuns/{quote(run_id)}", json={"state": "failed"})
    return found


def run_state(client: httpx.Client, dag_id: str, run_id: str) -> str | None:
    """State of a run, None while it does not exist."""
    answer = call(client, "GET", f"/dags/{dag_id}/dagRuns/{quote(run_id)}", accept=(404,))
    return None if answer is None else str(answer["state"])


def task_instances(client: httpx.Client, dag_id: str, run_id: str) -> list[dict[str, Any]]:
    """Every task instance of a run; empty while the run does not exist."""
    found: list[dict[str, Any]] = []
    while True:
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances"
        answer = call(client, "GET", path, params={"limit": 100, "offset": len(found)}, accept=(404,))
        if answer is None:
            return found
        found += answer["task_instances"]
        if len(found) >= answer["total_entries"] or not answer["task_instances"]:
            return found


def log_tail(client: httpx.Client, instance: Mapping[str, Any], lines: int = 12) -> list[str]:
    """The last errors in a task instance's log."""
    run = f"/dags/{instance['dag_id']}/dagRuns/{quote(instance['dag_run_id'])}"
    path = f"{run}/taskInstances/{instance['task_id']}/logs/{max(1, instance['try_number'])}"
    params = {"map_index": instance["map_index"], "full_content": True}
    answer = call(client, "GET", path, params=params, accept=(404,)) or {}
    found: list[str] = []
    for event in answer.get("content", []):
        if isinstance(event, dict) and event.get("level") in ("error", "critical"):
            found.append(str(event.get("event")))
            details = [detail for detail in event.get("error_detail") or [] if isinstance(detail, dict)]
            found += [f"{detail.get('exc_type')}: {detail.get('exc_value')}" for detail in details]
    return found[-lines:]
