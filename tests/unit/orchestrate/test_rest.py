"""The REST client against a scripted server: tokens, retries, plain errors."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from hopnhat.model.errors import RunError
from hopnhat.orchestrate import rest

Answer = httpx.Response | Exception


def client(*answers: Answer, auth: httpx.Auth | None = None) -> tuple[httpx.Client, list[httpx.Request]]:
    """A client whose server gives these answers, one a request, and the requests that it saw."""
    seen: list[httpx.Request] = []
    waiting = iter(answers)

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(httpx.Request(request.method, request.url, headers=request.headers, content=request.content))
        answer = next(waiting)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.Client(base_url="http://x", transport=httpx.MockTransport(serve), auth=auth), seen


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "PAUSES", (0.0, 0.0))


def token(number: int) -> httpx.Response:
    return httpx.Response(201, json={"access_token": f"t{number}"})


def test_logs_in_once_and_again_when_the_token_expired() -> None:
    ok: Callable[[], httpx.Response] = lambda: httpx.Response(200, json={"n": 1})  # noqa: E731
    http, seen = client(token(1), ok(), ok(), httpx.Response(401), token(2), ok(), auth=rest._Token("http://x", "admin", "pw"))
    for _ in range(3):
        assert rest.call(http, "GET", "/dags") == {"n": 1}
    assert [request.url.path for request in seen] == ["/auth/token", *["/api/v2/dags"] * 3, "/auth/token", "/api/v2/dags"]
    assert seen[-1].headers["Authorization"] == "Bearer t2"


def test_refused_login_is_said_without_the_password() -> None:
    http, _ = client(httpx.Response(401), auth=rest._Token("http://x", "admin", "geheim"))
    with pytest.raises(RunError, match="refused the login") as error:
        rest.call(http, "GET", "/dags")
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize("trouble", [httpx.ReadTimeout("slow"), httpx.ConnectError("gone"), httpx.Response(503)], ids=str)
def test_reading_is_tried_again(trouble: Answer) -> None:
    http, seen = client(trouble, httpx.Response(200, json=[]))
    assert rest.call(http, "GET", "/dags") == []
    assert len(seen) == 2


def test_writing_is_not_tried_again() -> None:
    http, seen = client(httpx.ReadTimeout("slow"))
    with pytest.raises(RunError, match="ReadTimeout"):
        rest.call(http, "POST", "/dags/x/dagRuns", json={})
    assert len(seen) == 1


def test_patience_ends() -> None:
    http, seen = client(*[httpx.ConnectError("gone") for _ in range(3)])
    with pytest.raises(RunError, match="does not answer"):
        rest.call(http, "GET", "/dags")
    assert len(seen) == 3


def test_errors_show_the_reason_but_not_the_input() -> None:
    detail = [{"loc": ["body", "mode"], "msg": "not one of", "input": "NGUYEN VAN A"}]
    http, _ = client(httpx.Response(422, json={"detail": detail}))
    with pytest.raises(RunError, match=r"status 422: body\.mode: not one of") as error:
        rest.call(http, "POST", "/x")
    assert "NGUYEN" not in str(error.value)


def test_accepted_status_is_none() -> None:
    http, _ = client(httpx.Response(404, json={"detail": "absent"}))
    assert rest.run_state(http, "migrate", "r") is None


def test_task_instances_are_read_to_the_last_page() -> None:
    pages = [
        httpx.Response(200, json={"task_instances": [{"n": n} for n in range(a, b)], "total_entries": 150})
        for a, b in ((0, 100), (100, 150))
    ]
    http, seen = client(*pages)
    assert [item["n"] for item in rest.task_instances(http, "migrate", "run 1/x")] == list(range(150))
    assert seen[1].url.params["offset"] == "100"


def test_unknown_parameters_are_refused_before_the_run() -> None:
    http, seen = client(httpx.Response(200, json={"params": {"mode": {}}}))
    with pytest.raises(RunError, match="no parameter modus"):
        rest.trigger(http, "migrate", "r", {"modus": "bulk"})
    assert len(seen) == 1


def test_missing_pools_only() -> None:
    http, seen = client(httpx.Response(200, json={"pools": [{"name": "a"}]}), httpx.Response(201, json={}))
    rest.ensure_pools(http, {"a": 4, "b": 4})
    assert [request.method for request in seen] == ["GET", "POST"]
    assert b'"b"' in seen[1].content
