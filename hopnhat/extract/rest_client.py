"""GET with patience: retries with back-off, ETag/If-Modified-Since, size limits, and no secret in any message."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import httpx

from hopnhat.extract.frames import Options, int_option, text_option
from hopnhat.model.errors import HopNhatError, MappingError, SourceAccessError, SourceDriftError, SourceUnavailableError

MAX_BODY = 256 << 20
_AGAIN = {408, 425, 429, 500, 502, 503, 504}


class RestClient:
    def __init__(self, url: str, options: Options) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host = f"{host}:{parts.port}" if parts.port else host
        self.base = urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/", "", ""))
        self._system = text_option(options, "system")
        self._attempts = int_option(options, "attempts", 5)
        cache = text_option(options, "cache")
        self._cache = Path(cache) if cache else None
        headers = options.get("headers", {})
        if not isinstance(headers, dict):
            raise MappingError("option `headers` must be names and values")
        secret = text_option(options, "token") or unquote(parts.password or "")
        self._headers = {"Accept": "application/json", **{str(name): str(value) for name, value in headers.items()}}
        if secret:
            self._headers["Authorization"] = f"Bearer {secret}"
        self._client = httpx.Client(timeout=int_option(options, "seconds", 30), follow_redirects=False)
        self._hashes = hashlib.sha256()

    def get(self, path: str, parameters: dict[str, str], table: str) -> bytes:
        url = httpx.URL(urljoin(self.base, path.lstrip("/") if "://" not in path else path)).copy_merge_params(parameters)
        kept = self._kept(str(url))
        headers = {**self._headers, **(kept[0] if kept else {})}
        for attempt in range(1, self._attempts + 1):
            try:
                status, answered, body = self._asked(url, headers)
            except httpx.HTTPError as error:
                failure: HopNhatError = self._unavailable(table, type(error).__name__)
                wait = 0.5 * 2 ** (attempt - 1)
            else:
                if status == 304 and kept:
                    body = kept[1]
                if status in (200, 304):
                    self._hashes.update(hashlib.sha256(body).digest())
                    self._keep(str(url), answered, body)
                    return body
                failure = self._failure(status, table)
                wait = _retry_after(answered) or 0.5 * 2 ** (attempt - 1)
            if not failure.retry or attempt == self._attempts:
                raise failure
            time.sleep(min(wait, 60.0))
        raise self._unavailable(table, "no attempts")

    def digest(self) -> str:
        return self._hashes.hexdigest()

    def close(self) -> None:
        self._client.close()

    def _asked(self, url: httpx.URL, headers: dict[str, str]) -> tuple[int, httpx.Headers, bytes]:
        """The body is read in blocks, so that a compressed bomb stops at the limit."""
        body = bytearray()
        with self._client.stream("GET", url, headers=headers) as answer:
            for block in answer.iter_bytes(1 << 16):
                body += block
                if len(body) > MAX_BODY:
                    raise SourceDriftError(
                        f"a page is larger than {MAX_BODY} bytes", system=self._system, hint="set size_param and page_size"
                    )
            return answer.status_code, answer.headers, bytes(body)

    def _failure(self, status: int, table: str) -> HopNhatError:
        if status in (401, 403, 407):
            return SourceAccessError(
                f"the service refused us (HTTP {status})", system=self._system, table=table, hint="renew the token of this connection"
            )
        if status in _AGAIN:
            return self._unavailable(table, f"HTTP {status}")
        return SourceDriftError(
            f"the service does not know this table (HTTP {status})", system=self._system, table=table, hint="ask the vendor what changed"
        )

    def _unavailable(self, table: str, what: str) -> SourceUnavailableError:
        return SourceUnavailableError(
            f"the service does not answer ({what})", system=self._system, table=table, hint="check the network, then retry"
        )

    def _place(self, url: str) -> Path | None:
        return self._cache / f"{hashlib.sha256(url.encode()).hexdigest()}.json" if self._cache else None

    def _kept(self, url: str) -> tuple[dict[str, str], bytes] | None:
        place = self._place(url)
        try:
            kept = json.loads(place.read_text(encoding="ascii")) if place else None
            return (kept["ask"], base64.b64decode(kept["body"])) if kept else None
        except (OSError, ValueError, KeyError):
            return None  # a damaged cache is no cache

    def _keep(self, url: str, answered: httpx.Headers, body: bytes) -> None:
        ask = {
            name: answered[header]
            for name, header in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
            if header in answered
        }
        place = self._place(url)
        if place and ask:
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh = place.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps({"ask": ask, "body": base64.b64encode(body).decode()}), encoding="ascii")
            fresh.replace(place)


def _retry_after(headers: httpx.Headers) -> float:
    said = headers.get("Retry-After", "")
    return float(said) if said.isdigit() else 0.0
