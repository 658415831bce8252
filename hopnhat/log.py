"""Logs say what happened to how many, never who they are: events with counts and ids, no row values."""

from __future__ import annotations

import logging
from typing import Any

import structlog


def get_log(name: str) -> Any:
    """A structured log that goes where the process's ordinary logging goes: the terminal, or Airflow's task log."""
    return structlog.wrap_logger(
        logging.getLogger(f"hopnhat.{name}"),
        processors=[structlog.stdlib.filter_by_level, structlog.processors.KeyValueRenderer(key_order=["event"], repr_native_str=False)],
    )
