"""Assess legacy systems before they are migrated: verdict GO, FIX FIRST or BLOCKED, reports and a draft mapping each.

### Triage
* **Red `look[...]`, "cannot be read"**: the log's last line says why; the other systems are not touched. Nothing was written there.
* **Red `look[...]`, BLOCKED**: the report in the reports folder lists what blocks, with counts and sample keys. Repair, then clear the task.
* FIX FIRST is no failure: the findings are work for stewards and the vendor before the first bulk run.
* Unavailable servers are retried by themselves. In a system's blackout hours `look[...]` is put off until they end.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from dags.binding import RETRIED, legacy, migration_run
from mappings.index import headers, system_ids

SYSTEMS = system_ids()
CONNECTIONS = {header.id: header.connection for header in headers()}


@dag(
    schedule=None, catchup=False, max_active_runs=1, tags=["assess", "all"], doc_md=__doc__, default_args={"owner": "it-operations", **RETRIED},
    params={
        "systems": Param(SYSTEMS, type="array", items={"type": "string", "enum": SYSTEMS}, title="Hệ thống nguồn"),
        "max_rows": Param(None, type=["null", "integer"], minimum=1, title="Dừng đếm mỗi bảng sau số dòng này"),
    },
)  # fmt: skip
def assess() -> None:
    @task
    def pick(**context: Any) -> list[str]:
        return list(context["params"]["systems"])

    @task(map_index_template="{{ label }}", max_active_tis_per_dagrun=2)  # one session per system, short ranges: servers stay free
    def look(system: str, **context: Any) -> dict[str, Any]:
        from hopnhat.assess.task import assess_for_run

        get_current_context()["label"] = system  # type: ignore[typeddict-unknown-key]
        with legacy(system, CONNECTIONS[system]) as url:
            return assess_for_run(system, migration_run(context), url, context["params"]["max_rows"])

    look.expand(system=pick())


assess()
