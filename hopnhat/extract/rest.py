"""Paged REST services of a vendor. A table is a path below the base URL; its records are the objects of a JSON list.

Options: `tables` (names → path, or a list of paths), `records` (dotted place of the list, default the body itself),
`page_param` + `first_page` (1) or `next` (dotted place of the following page's URL or cursor, with `cursor_param`),
`size_param` + `page_size` (500), `since_param` (the parameter that takes the watermark of a delta), `headers`,
`token` (sent as Bearer; a password in the URL is used so too), `cache` (a directory: pages are asked for with ETag or
If-Modified-Since and reused on 304), `attempts` (5), `seconds` (30 a request), `max_pages` (100000).
The whole table is fetched once per opened source and kept on disk; `_row` counts records in the order they came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

import pyarrow as pa

from hopnhat.extract.contract import Column, KeyRange, TableShape
from hopnhat.extract.files import row_ranges, row_window
from hopnhat.extract.frames import Options, int_option, known_options, require_columns, text_option
from hopnhat.extract.jsonl import Written, rendered_json, unique_pairs
from hopnhat.extract.rest_client import RestClient
from hopnhat.extract.spool import Record, Spool
from hopnhat.model.errors import MappingError, SourceDriftError

_OPTIONS = (
    "tables", "records", "page_param", "first_page", "next", "cursor_param", "size_param", "page_size", "since_param",
    "headers", "token", "cache", "attempts", "seconds", "max_pages",
)  # fmt: skip


def open_source(url: str, options: Options) -> RestSource:
    known_options(options, _OPTIONS, "rest")
    return RestSource(url, options)


class RestSource:
    def __init__(self, url: str, options: Options) -> None:
        self._system, self._options = text_option(options, "system"), options
        self._paths = _table_paths(options)
        self._client = RestClient(url, options)
        self._spools: dict[tuple[str, str], Spool] = {}

    def tables(self) -> list[str]:
        return sorted(self._paths)

    def shape(self, table: str) -> TableShape:
        spool = self._spool(table)
        return TableShape(tuple(Column(name, "json", True, "text") for name in spool.names), (), spool.records)

    def count(self, table: str) -> int:
        return self._spool(table).records

    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
        return row_ranges(self._spool(table).last_row, rows, known)

    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str],
        since: tuple[str, str] | None = None,
    ) -> pa.Table:  # fmt: skip
        """With `since_param` the service filters; without it a delta gets everything, which is never too little."""
        spool = self._spool(table, since[1] if since and self._options.get("since_param") else "")
        if spool.records:
            require_columns(columns, spool.names, system=self._system, table=table)
        start, stop = row_window(key_range, spool.last_row)
        return spool.read(start, stop, columns)

    def snapshot(self) -> str:
        return f"rest pages sha256:{self._client.digest()}"

    def close(self) -> None:
        for spool in self._spools.values():
            spool.close()
        self._spools.clear()
        self._client.close()

    def _spool(self, table: str, since: str = "") -> Spool:
        if table not in self._paths:
            raise SourceDriftError(
                f"no such table; declared: {', '.join(sorted(self._paths))}", system=self._system, table=table,
                hint="name its path in the option `tables`",
            )  # fmt: skip
        if (table, since) not in self._spools:
            self._spools[table, since] = Spool(enumerate(self._records(table, since), start=1))
        return self._spools[table, since]

    def _records(self, table: str, since: str) -> Iterator[Record]:
        for body in self._pages(table, since):
            listed = _at(body, text_option(self._options, "records"))
            if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
                raise SourceDriftError(
                    "a page holds no list of records", system=self._system, table=table,
                    hint="set the option `records` to the place of the list, for example data.items",
                )  # fmt: skip
            for item in listed:
                yield {name: rendered_json(value) for name, value in item.items()}

    def _pages(self, table: str, since: str) -> Iterator[Any]:
        options, path = self._options, self._paths[table]
        page_param, next_at = text_option(options, "page_param"), text_option(options, "next")
        size_param, cursor_param = text_option(options, "size_param"), text_option(options, "cursor_param")
        page = int_option(options, "first_page", 1)
        fixed = {size_param: str(int_option(options, "page_size", 500))} if size_param else {}
        if since:
            fixed[text_option(options, "since_param")] = since
        url, parameters = path, dict(fixed)
        seen: set[str] = set()
        for _ in range(int_option(options, "max_pages", 100_000)):
            if page_param:
                parameters[page_param] = str(page)
            body = self._decoded(self._client.get(url, parameters, table), table)
            yield body
            if page_param:
                page += 1
                if not _at(body, text_option(options, "records")):
                    return
            elif following := _at(body, next_at) if next_at else None:
                mark = str(following)
                if mark in seen:
                    raise SourceDriftError("its pages lead in a circle", system=self._system, table=table)
                seen.add(mark)
                url, parameters = (path, {**fixed, cursor_param: mark}) if cursor_param else (self._same_host(mark, table), {})
            else:
                return
        raise SourceDriftError("it has more pages than max_pages", system=self._system, table=table)

    def _same_host(self, following: str, table: str) -> str:
        """A page may not send us, with our token, to another server."""
        full = urljoin(self._client.base, following)
        if urlsplit(full)[:2] != urlsplit(self._client.base)[:2]:
            raise SourceDriftError("its next page points to another server", system=self._system, table=table)
        return full

    def _decoded(self, raw: bytes, table: str) -> Any:
        try:
            return json.loads(raw, parse_float=Written, parse_int=Written, parse_constant=Written, object_pairs_hook=unique_pairs)
        except (ValueError, RecursionError):
            raise SourceDriftError("a page is no sound JSON", system=self._system, table=table, hint="ask the vendor") from None


def _table_paths(options: Options) -> dict[str, str]:
    tables = options.get("tables")
    if isinstance(tables, Mapping) and all(isinstance(path, str) for path in tables.values()):
        return {str(name): str(path) for name, path in tables.items()}
    if isinstance(tables, list | tuple) and tables and all(isinstance(path, str) for path in tables):
        return {path.strip("/"): path for path in tables}
    raise MappingError("a REST source needs the option `tables`", hint="tables: {ho_so: api/v1/dossiers}")


def _at(body: Any, place: str) -> Any:
    for part in filter(None, place.split(".")):
        body = body.get(part) if isinstance(body, dict) else None
    return body

