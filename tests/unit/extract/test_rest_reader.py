"""REST against a real HTTP server on the loopback: pages, cursors, retries, ETags, and secrets that stay secret."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hopnhat.extract import rest_client
from hopnhat.extract.contract import KeyRange, Source
from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import MappingError, SourceAccessError, SourceDriftError, SourceUnavailableError

WHOLE = KeyRange(0, None, None)
Answer = tuple[int, dict[str, str], bytes]


class Service:
    """Answers by a function of (path, parameters, headers); remembers every request."""

    def __init__(self) -> None:
        self.answer: Callable[[str, dict[str, str], Any], Answer] = lambda *_: (404, {}, b"")
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
                outer.asked.append((parts.path, parameters, dict(self.headers)))
                status, headers, body = outer.answer(parts.path, parameters, self.headers)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def open(self, **options: object) -> Source:
        return open_source("rest", f"http://127.0.0.1:{self.server.server_port}/api", {"system": "s", "tables": ["hs"], **options})


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(rest_client.time, "sleep", lambda _: None)
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


def page(items: list[object], **more: object) -> Answer:
    return 200, {}, json.dumps({"items": items, **more}).encode()


def column(source: Source, name: str = "k") -> list[bytes]:
    return list(source.read("hs", (), WHOLE, [name]).column(name).to_pylist())


def test_numbered_pages_until_an_empty_one(service: Service) -> None:
    service.answer = lambda path, asked, headers: page([{"k": n} for n in range(100)[int(asked["trang"]) * 2 : int(asked["trang"]) * 2 + 2] if n < 5])
    source = service.open(records="items", page_param="trang", first_page=0, size_param="co", page_size=2, token="bi-mat")
    assert column(source) == [b"0", b"1", b"2", b"3", b"4"]
    assert [asked["co"] for _, asked, _ in service.asked] == ["2"] * 4
    assert service.asked[0][2]["Authorization"] == "Bearer bi-mat"
    assert source.count("hs") == 5
    assert len(service.asked) == 4  # fetched once


def test_cursor_and_next_link(service: Service) -> None:
    service.answer = lambda path, asked, headers: page([{"k": asked.get("tu", "0")}], sau={"0": "1", "1": "2"}.get(asked.get("tu", "0")))
    assert column(service.open(records="items", next="sau", cursor_param="tu")) == [b"0", b"1", b"2"]
    service.answer = lambda path, asked, headers: page([{"k": path}], sau=None if path == "/api/b" else "b")
    assert column(service.open(records="items", next="sau")) == [b"/api/hs", b"/api/b"]


def test_circle_of_pages_and_another_server_are_refused(service: Service) -> None:
    service.answer = lambda path, asked, headers: page([{"k": 1}], sau="x")
    with pytest.raises(SourceDriftError, match="circle"):
        service.open(records="items", next="sau", cursor_param="tu").count("hs")
    service.answer = lambda path, asked, headers: page([{"k": 1}], sau="http://127.0.0.2:9/x")
    with pytest.raises(SourceDriftError, match="another server"):
        service.open(records="items", next="sau", token="bi-mat").count("hs")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_transient_failures_are_retried_with_back_off(service: Service, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(rest_client.time, "sleep", waits.append)
    service.answer = lambda *_: page([{"k": 1}]) if len(service.asked) > 2 else (status, {"Retry-After": "7"} if status == 429 else {}, b"")
    assert column(service.open(records="items")) == [b"1"]
    assert waits == ([7.0, 7.0] if status == 429 else [0.5, 1.0])


def test_endless_failure_is_unavailable_and_refusal_is_not_retried(service: Service) -> None:
    service.answer = lambda *_: (503, {}, b"bi-mat")
    with pytest.raises(SourceUnavailableError, match="HTTP 503"):
        service.open(attempts=3).count("hs")
    assert len(service.asked) == 3
    service.answer = lambda *_: (403, {}, b"")
    with pytest.raises(SourceAccessError) as caught:
        service.open(token="bi-mat").count("hs")
    assert len(service.asked) == 4
    assert "bi-mat" not in repr(caught.value)


@pytest.mark.parametrize(("header", "ask"), [("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")])
def test_unchanged_pages_are_not_sent_again(service: Service, tmp_path: Path, header: str, ask: str) -> None:
    def answer(path: str, asked: dict[str, str], headers: Any) -> Answer:
        if headers.get(ask) == "v1":
            return 304, {header: "v1"}, b""
        return 200, {header: "v1"}, json.dumps([{"k": "Nguyễn"}]).encode()

    service.answer = answer
    first = service.open(cache=str(tmp_path / "c"))
    assert column(first) == ["Nguyễn".encode()]
    second = service.open(cache=str(tmp_path / "c"))
    assert column(second) == ["Nguyễn".encode()]
    assert service.asked[1][2][ask] == "v1"
    assert first.snapshot() == second.snapshot()
    for kept in (tmp_path / "c").iterdir():
        kept.write_text("hong")
    assert column(service.open(cache=str(tmp_path / "c"))) == ["Nguyễn".encode()]


def test_watermark_goes_to_the_service_that_takes_one(service: Service) -> None:
    service.answer = lambda path, asked, headers: (200, {}, json.dumps([{"k": asked.get("tu_ngay", "tat ca")}]).encode())
    source = service.open(since_param="tu_ngay")
    assert source.read("hs", (), WHOLE, ["k"], since=("sua", "2026-01-01")).column("k").to_pylist() == [b"2026-01-01"]
    assert column(source) == [b"tat ca"]


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"items": [1]}', b"[[1]]", b"\xff"])
def test_page_without_records_is_drift(service: Service, body: bytes) -> None:
    service.answer = lambda *_: (200, {}, body)
    with pytest.raises(SourceDriftError):
        service.open(records="items").count("hs")


def test_compressed_bomb_stops_at_the_limit(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_client, "MAX_BODY", 1 << 20)
    service.answer = lambda *_: (200, {"Content-Encoding": "gzip"}, gzip.compress(b"[" + b" " * (64 << 20) + b"]"))
    with pytest.raises(SourceDriftError, match="larger than"):
        service.open().count("hs")


def test_tables_must_be_declared(service: Service) -> None:
    with pytest.raises(MappingError):
        service.open(tables=None)
