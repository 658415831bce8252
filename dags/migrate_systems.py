"""One DAG per legacy system, `migrate_<system>`, made from `mappings/systems/*.yml`. Adding a system is adding that file."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, dag, get_current_context, get_parsing_context, task

from dags.binding import RETRIED, as_of, legacy, migration_run, record_failure
from dags.forms import PARAMS, TRIAGE
from mappings.index import Header, headers


def build(header: Header) -> DAG:
    """The DAG of one legacy system."""
    doc = f"# {header.title}\n`mappings/systems/{header.file}` · {header.technology} · {', '.join(header.tables)}\n\n{header.problem}\n\n{TRIAGE}"
    settings = {"owner": "it-operations", **RETRIED, "on_failure_callback": record_failure}

    @dag(
        f"migrate_{header.id}", dag_display_name=f"migrate_{header.id}", schedule=header.schedule, catchup=False, max_active_runs=1,
        is_paused_upon_creation=header.schedule is not None, tags=["migrate", header.domain, *header.tags], doc_md=doc, default_args=settings,
    )  # fmt: skip
    def migrate_system() -> None:
        @task(pool=header.server)
        def plan(**context: Any) -> list[dict[str, Any]]:
            from hopnhat import pipeline

            asked = {"mode": context["params"]["mode"], "as_of": as_of(context), "accept_volume": context["params"]["accept_volume"]}
            with legacy(header.id, header.connection) as url:
                return pipeline.plan(header.id, run_id=migration_run(context), url=url, **asked)

        @task(pool=header.server, map_index_template="{{ label }}")
        def load(item: dict[str, Any], **context: Any) -> dict[str, Any]:
            from hopnhat import pipeline

            get_current_context()["label"] = item["label"]  # type: ignore[typeddict-unknown-key]
            with legacy(header.id, header.connection) as url:
                return pipeline.load(header.id, item, run_id=migration_run(context), url=url)

        @task(trigger_rule="none_failed")  # nothing left to load is no failure
        def publish(**context: Any) -> dict[str, Any]:
            from hopnhat import pipeline

            return pipeline.publish(header.id, run_id=migration_run(context))

        @task
        def reconcile(**context: Any) -> dict[str, Any]:
            from hopnhat import pipeline

            return pipeline.reconcile(header.id, run_id=migration_run(context))

        @task
        def report(**context: Any) -> dict[str, Any]:
            from hopnhat import pipeline

            return pipeline.report(header.id, run_id=migration_run(context))

        load.expand(item=plan()) >> publish() >> reconcile() >> report()

    made = migrate_system()
    made.params.update(PARAMS)  # last: each operator copies and checks the parameters it finds, half the parse time of 500 systems
    return made


_wanted = (get_parsing_context().dag_id or "").removeprefix("migrate_")  # a task needs one DAG of the hundreds
for _header in headers(only=_wanted):
    globals()[f"migrate_{_header.id}"] = build(_header)
