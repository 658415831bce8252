"""Migrate several legacy systems under one run id, then link their dossiers and write the overall summary.

### Triage
* **Red `start[<system>]`**: that system's DAG is paused or unknown; unpause it, then clear the task.
* **A system stopped for its number of rows**: ask its vendor whether the source is complete; if so, trigger a new run that names the
  system under *accept_volume*.
* **Red `finish`**: its last line names the systems that failed. Each has its own DAG `migrate_<system>` with a run of the same id
  that says why; the other systems are published, linked and in the summary. Repair and clear that run, then clear `wait` here.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Param, PokeReturnValue, dag, get_current_context, task

from dags.binding import RETRIED, as_of, migration_run
from hopnhat.model.errors import RunError
from mappings.index import system_ids

SYSTEMS = system_ids()


@dag(
    schedule=None, catchup=False, max_active_runs=1, tags=["migrate", "all"], doc_md=__doc__,
    default_args={"owner": "it-operations", **RETRIED},
    params={
        "systems": Param(SYSTEMS, type="array", items={"type": "string", "enum": SYSTEMS}, title="Hệ thống nguồn"),
        "mode": Param("rehearsal", enum=["rehearsal", "bulk", "delta"], title="Chế độ"),
        "as_of": Param(None, type=["null", "string"], format="date", title="Ngày áp dụng đơn vị hành chính"),
        "accept_volume": Param(
            [], type="array", items={"type": "string", "enum": SYSTEMS}, title="Chấp nhận số dòng khác thường",
            description="chỉ cho lần chạy này: các hệ thống đã được xác nhận là đủ dữ liệu",
        ),
    },
)  # fmt: skip
def migrate() -> None:
    @task
    def pick(**context: Any) -> list[dict[str, Any]]:
        run, params = migration_run(context), context["params"]
        common = {"mode": params["mode"], "as_of": as_of(context)}
        confs = {system: {**common, "accept_volume": system in params["accept_volume"]} for system in params["systems"]}
        return [{"trigger_dag_id": f"migrate_{system}", "trigger_run_id": run, "conf": conf} for system, conf in confs.items()]

    start = TriggerDagRunOperator.partial(
        task_id="start", reset_dag_run=True, fail_when_dag_is_paused=True, logical_date=None, map_index_template="{{ task.trigger_dag_id }}"
    )

    @task.sensor(mode="reschedule", poke_interval=3, timeout=7 * 24 * 3600)
    def wait(runs: list[dict[str, Any]]) -> PokeReturnValue:
        ask = get_current_context()["ti"].get_dagrun_state
        states = {run["trigger_dag_id"].removeprefix("migrate_"): ask(run["trigger_dag_id"], run["trigger_run_id"]) for run in runs}
        return PokeReturnValue(is_done=set(states.values()) <= {"success", "failed"}, xcom_value=states)

    @task
    def finish(states: dict[str, str], **context: Any) -> dict[str, Any]:
        from hopnhat import pipeline

        summary = pipeline.finish(migration_run(context), [system for system, state in states.items() if state == "success"])
        if failed := [system for system, state in states.items() if state != "success"]:
            raise RunError(f"failed: {', '.join(failed)}", hint="open the DAG migrate_<system>, its run of the same id says why")
        return summary

    runs: Any = pick()
    waited: Any = wait(runs)
    start.expand_kwargs(runs) >> waited
    finish(waited)


migrate()
