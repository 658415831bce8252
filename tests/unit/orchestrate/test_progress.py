"""What somebody who waits for a run is told."""

from __future__ import annotations

from typing import Any

from hopnhat.orchestrate.progress import Watch, name


def instance(task: str, state: str | None, index: int = -1, label: str | None = None, duration: float | None = None) -> dict[str, Any]:
    return {
        "dag_id": "migrate_x",
        "task_id": task,
        "state": state,
        "map_index": index,
        "rendered_map_index": label,
        "duration": duration,
        "start_date": None,
    }


def test_each_change_is_said_once() -> None:
    said: list[str] = []
    watch = Watch(said.append)
    for _ in range(3):
        watch.update([instance("plan", "running")])
    watch.update([instance("plan", "success", duration=1.25)])
    assert [line.split("] ")[1] for line in said] == ["migrate_x · plan started", "migrate_x · plan done in 1.2 s"]


def test_a_label_that_comes_late_does_not_double_a_task() -> None:
    watch = Watch(lambda text: None)
    watch.update([instance("load", "running", 0), instance("load", None, 1)])
    watch.update([instance("load", "success", 0, "ho_so 1", 2.0), instance("load", "running", 1, "ho_so 2")])
    assert watch.counts() == "1 of 2 tasks done, 1 running"


def test_failures_are_returned_once_and_named() -> None:
    watch = Watch(lambda text: None)
    bad = instance("load", "failed", 3, "ho_so 4", 1.0)
    assert watch.update([bad]) == [bad]
    assert watch.update([bad, instance("publish", "upstream_failed")]) == []
    assert watch.failed() == ["migrate_x · load[ho_so 4]", "migrate_x · publish"]


def test_waiting_is_no_news_but_its_failure_is() -> None:
    said: list[str] = []
    watch = Watch(said.append)
    watch.update([instance("wait", "running")])
    watch.update([instance("wait", "failed")])
    assert len(said) == 1
    assert "FAILED" in said[0]


def test_silence_ends_with_a_count() -> None:
    said: list[str] = []
    watch = Watch(said.append, heartbeat=-1)
    watch.update([instance("load", "running", n) for n in range(3)])
    assert said[-1].endswith("0 of 3 tasks done, 3 running")


def test_waiting_for_the_end_of_blackout_hours_is_said_and_waiting_for_systems_is_not() -> None:
    said: list[str] = []
    watch = Watch(said.append)
    assert watch.update([instance("plan", "up_for_reschedule"), instance("wait", "up_for_reschedule")]) == []
    assert len(said) == 1
    assert said[0].endswith("migrate_x · plan waits until the legacy server may be read")


def test_names() -> None:
    assert name(instance("load", "running", 2)) == "migrate_x · load[2]"
    assert name(instance("load", "running", 2, "ho_so 3–5")) == "migrate_x · load[ho_so 3–5]"
