"""`up` serves the screens and the runs of a folder until `down`, which leaves nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hopnhat.model.errors import RunError
from hopnhat.orchestrate import environment, rest, runner
from tests.support.airflow import calls, ended_afterwards, know, processes, variables

SYSTEMS = ("alpha", "slow_delta")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with ended_afterwards(tmp_path) as path:
        yield path


def test_up_serves_runs_and_down_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    mapped = variables(folder, SYSTEMS)
    know(monkeypatch, mapped)
    monkeypatch.setattr(runner, "DAG_SECONDS", 20.0)
    home = folder / "var"
    installation = runner.up(
        home,
        port=environment.free_port(),
        environment=mapped,
        connections={"legacy_alpha": "mysql+pymysql://u:geheim@127.0.0.1:1/x"},
        say=said.append,
    )
    try:
        assert installation.base_url in said[-1]
        assert installation.password in said[-1]
        assert httpx.get(f"{installation.base_url}/api/v2/dags", trust_env=False).status_code == 401
        assert runner.up(home, environment=mapped, say=said.append).port == installation.port
        outcome = runner.run_dags(
            home, "migrate", run_id="served", conf={"systems": ["alpha"], "mode": "delta"}, watch=["migrate_alpha"], say=said.append
        )
        assert outcome.state == "success"
        assert any("using the Airflow that runs" in line for line in said)
        assert any(call[-1] == "mysql+pymysql://u:geheim@127.0.0.1:1/x" for call in calls(folder, "plan"))
        with rest.connect(installation.base_url, environment.USER, installation.password) as client:
            stored = rest.call(client, "GET", "/connections/legacy_alpha")
            assert "geheim" not in json.dumps(stored)
            assert {"server_alpha", "server_slow_delta"} <= {pool["name"] for pool in rest.call(client, "GET", "/pools")["pools"]}
            rest.call(
                client,
                "PATCH",
                "/pools/server_alpha",
                json={"pool": "server_alpha", "slots": 1, "include_deferred": False},
                params={"update_mask": "slots"},
            )
            rest.ensure_pools(client, {"server_alpha": 4})
            assert rest.call(client, "GET", "/pools/server_alpha")["slots"] == 1  # the operator's choice stays
            with pytest.raises(RunError, match="no parameter modus"):
                rest.trigger(client, "migrate", "x", {"modus": "bulk"})
            with pytest.raises(RunError, match="status 400"):
                rest.trigger(client, "migrate", "x", {"mode": "quick"})
        with pytest.raises(RunError, match="migrate_nobody is not available"):
            runner.run_dags(home, "migrate_nobody", run_id="x", conf={}, say=said.append)
    finally:
        assert runner.down(home) is True
    assert processes(folder) == []
    assert runner.down(home) is False
