"""One DAG per legacy system, `migrate_<system>`, made from `mappings/systems/*.yml`. Adding a system is adding that file."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, dag, get_current_context, get_parsing_context, task

from dags.binding import RETRIED, as_of, legacy_url, migration_run, record_failure
from mappings.index import Header, headers

TRIAGE = """\
### Triage
* **Red `plan`**: the source does not answer, refuses us, or differs from the mapping; the log's last line says what to do.
* **Red `load[...]`**: one key range; the others are staged and safe. Clear `plan` with everything after it: only the rest is read.
* **Red `publish`**: nothing was published, readers still see the earlier state. Clear it once the target answers.
* **Red `reconcile`**: two counts disagree. Do not cut over; read the reconciliation report with the vendor.
* Unavailable servers are retried by themselves; wrong mappings, changed sources and imbalances never are.
"""
PARAMS = {
    "mode": Param("delta", enum=["rehearsal", "bulk", "delta"], title="Chế độ", description="rehearsal: chạy thử · bulk: nạp toàn bộ · delta: phần thay đổi"),
    "as_of": Param(None, type=["null", "string"], format="date", title="Ngày áp dụng đơn vị hành chính", description="để trống: ngày chạy"),
}  # fmt: skip


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

            run, mode, url = migration_run(context), context["params"]["mode"], legacy_url(header.connection)
            return pipeline.plan(header.id, run_id=run, mode=mode, as_of=as_of(context), url=url)

        @task(pool=header.server, map_index_template="{{ label }}")
        def load(item: dict[str, Any], **context: Any) -> dict[str, Any]:
            from hopnhat import pipeline

            get_current_context()["label"] = item["label"]  # type: ignore[typeddict-unknown-key]
            return pipeline.load(header.id, item, run_id=migration_run(context), url=legacy_url(header.connection))

        @task(trigger_rule="none_failed")  # nothing left to load is no failure
        def publish(**context: Any) -> dict[str, Any]:
            from hopnhat import pipeline

            return pipeline.publish(header.id, run_id=migration_run(context))

        @task(pool=header.server)
        def reconcile(**context: Any) -> dict[str, Any]:
            from hopnhat import pipeline

            return pipeline.reconcile(header.id, run_id=migration_run(context), url=legacy_url(header.connection))

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
