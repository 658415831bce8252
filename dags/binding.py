"""Where Airflow meets the product: connections, retries, run ids and failure notes. Defines no DAG (see .airflowignore)."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from airflow.sdk import Connection, ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRescheduleException

from hopnhat.model.errors import HopNhatError, MappingError, SourceUnavailableError, TargetUnavailableError

log = logging.getLogger(__name__)
# Only what may be gone in a minute is tried again. A wrong mapping, a changed source or rows that do not balance never are.
_POLICY = ExceptionRetryPolicy(
    rules=[RetryRule([SourceUnavailableError, TargetUnavailableError], RetryAction.RETRY, timedelta(seconds=30), "may be back soon")],
    default=RetryAction.FAIL,
)
RETRIED: dict[str, Any] = {"retries": 2, "retry_policy": _POLICY, "retry_delay": timedelta(seconds=10)}
"""The policy sees exceptions only; a task whose worker was killed is repeated after the delay."""


def migration_run(context: Any) -> str:
    """Id of the migration run = id of the DAG run (the overall DAG gives its own to those it starts). Fit for file names."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", str(context["run_id"]))


def as_of(context: Any) -> str:
    """The date whose administrative units apply: the parameter, or the day the run is for."""
    return str(context["params"].get("as_of") or context["dag_run"].run_after.date().isoformat())


def legacy_url(connection: str) -> str:
    """URL of a legacy system from its Airflow connection, or from HOPNHAT_CONN_<ID>. Never logged, never returned by a task."""
    try:
        found = Connection.get(connection)
    except AirflowNotFoundException:
        found = None
    if found is None:
        if url := os.environ.get(f"HOPNHAT_CONN_{connection.upper()}"):
            return url
        raise MappingError(
            f"no connection {connection!r}", hint=f"create it under Admin → Connections, or set HOPNHAT_CONN_{connection.upper()}"
        )
    extra = found.extra_dejson
    if extra.get("url"):
        return str(extra["url"])
    scheme = f"{found.conn_type}+{extra['driver']}" if extra.get("driver") else str(found.conn_type)
    login = f"{quote(found.login or '', safe='')}:{quote(found.password or '', safe='')}@" if found.login else ""
    port = f":{found.port}" if found.port else ""
    query = f"?{urlencode(extra['query'])}" if extra.get("query") else ""
    return f"{scheme}://{login}{found.host or ''}{port}/{quote(found.schema or '', safe='/')}{query}"


@contextmanager
def legacy(system: str, connection: str) -> Iterator[str]:
    """URL of a legacy system for one task. In the system's blackout hours the task is put off until they end: its slot
    is free meanwhile, and none of its tries is used up."""
    try:
        yield legacy_url(connection)
    except SourceUnavailableError as error:
        from hopnhat.orchestrate.hours import opening

        moment = opening(system)
        if moment is None:
            raise
        log.info("%s. This task goes on by itself at %s.", error, moment.strftime("%Y-%m-%d %H:%M %z"))
        raise AirflowRescheduleException(moment) from error  # type: ignore[no-untyped-call]


def record_failure(context: Any) -> None:
    """Write into the ledger that the run failed and why; called in the failed task's own process after its last try."""
    from hopnhat import pipeline

    system, error = context["dag"].dag_id.removeprefix("migrate_"), context.get("exception")
    # The text of a foreign error may quote a row.
    reason = str(error) if isinstance(error, HopNhatError) else type(error).__name__
    pipeline.set_state(migration_run(context), system, "failed", f"{context['ti'].task_id}: {reason}")
