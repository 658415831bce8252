"""The one door to every legacy technology. A driver is imported when a source of its kind is opened, not before."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, cast

from hopnhat.extract.contract import Source
from hopnhat.model.errors import MappingError

TECHNOLOGIES: Mapping[str, str] = {
    "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite", "postgres": "postgres", "postgresql": "postgres",
    "mssql": "mssql", "oracle": "oracle", "access": "access", "dbf": "dbf", "excel": "excel", "csv": "csv",
    "jsonl": "jsonl", "fixed": "fixed", "xml": "xml", "rest": "rest",
}  # fmt: skip
"""Name in a mapping file → module of this package."""


def open_source(technology: str, url: str, options: Mapping[str, object] | None = None) -> Source:
    """Open one legacy system read-only. Unknown technology → MappingError; see each module for its options.

    The option `governor` (see hopnhat.extract.governor) makes every read of a server gentle; its blackout hours hold for all.
    """
    source = module_of(technology).open_source(url, dict(options or {}))
    limits = (options or {}).get("governor")
    if limits is not None:
        from hopnhat.extract.governor import GentleSource, read_limits

        source = GentleSource(source, read_limits(limits))
    return cast(Source, source)


def module_of(technology: str) -> Any:
    """The module that reads a technology, imported. Unknown technology → MappingError."""
    if technology not in TECHNOLOGIES:
        raise MappingError(f"unknown technology `{technology}`", hint=f"one of: {', '.join(TECHNOLOGIES)}")
    return importlib.import_module(f"hopnhat.extract.{TECHNOLOGIES[technology]}")
