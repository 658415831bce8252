"""What the screens say and ask about the DAG of a legacy system. Defines no DAG (see .airflowignore)."""

from __future__ import annotations

from airflow.sdk import Param

TRIAGE = """\
### Triage
* **Red `plan`**: the source does not answer, refuses us, or differs from the mapping; the log's last line says what to do.
* **Red `plan`, "rows are below (above) … of the last good"**: ask the vendor whether the source is complete; if so, trigger a new run with
  *accept_volume*. Only that run accepts it, and the ledger notes it.
* **`up_for_reschedule`**: blackout hours of the legacy server; the task goes on by itself when they end (its log says when).
* **Red `load[...]`**: one key range; the others are staged and safe. Clear `plan` with everything after it: only the rest is read.
* **Red `publish`**: nothing was published, readers still see the earlier state. Clear it once the target answers.
* **Red `reconcile`**: two counts disagree. Do not cut over; read the reconciliation report with the vendor.
* Unavailable servers are retried by themselves; wrong mappings, changed sources and imbalances never are.
"""
PARAMS = {
    "mode": Param("delta", enum=["rehearsal", "bulk", "delta"], title="Chế độ", description="rehearsal: chạy thử · bulk: nạp toàn bộ · delta: phần thay đổi"),
    "as_of": Param(None, type=["null", "string"], format="date", title="Ngày áp dụng đơn vị hành chính", description="để trống: ngày chạy"),
    "accept_volume": Param(
        False, type="boolean", title="Chấp nhận số dòng khác thường",
        description="chỉ cho lần chạy này: nguồn có ít hơn hoặc nhiều hơn hẳn lần công bố trước, đã hỏi và xác nhận là đủ",
    ),
}  # fmt: skip
