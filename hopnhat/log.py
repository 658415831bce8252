"""Logs say what happened to how many, never who they are: events with counts and ids, no row values."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _left_out(name: str) -> Iterator[None]:
    """What is read inside does not find this library; what is read later does."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


with _left_out("rich"):  # structlog would load it to draw tracebacks, a tenth of a command's start; nobody asks it to
    import structlog


def get_log(name: str) -> Any:
    """A structured log that goes where the process's ordinary logging goes: the terminal, or Airflow's task log."""
    return structlog.wrap_logger(
        logging.getLogger(f"hopnhat.{name}"),
        processors=[structlog.stdlib.filter_by_level, structlog.processors.KeyValueRenderer(key_order=["event"], repr_native_str=False)],
    )
