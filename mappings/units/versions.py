"""Versions of the registry side by side: what a new one changes, whom it touches, and who may make it the active one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hopnhat.model.errors import MappingError
from mappings.units.build import HERE
from mappings.units.registry import Registry, load_registry
from mappings.units.timeline import Event, Instance

Key = tuple[str, str]


@dataclass(frozen=True)
class Diff:
    """Instances that begin, end or change their fields between two versions, and the events that only one of them has."""

    begun: tuple[Instance, ...]
    gone: tuple[Instance, ...]
    closed: tuple[tuple[Instance, Instance], ...]
    changed: tuple[tuple[Instance, Instance], ...]
    events_added: tuple[Event, ...]
    events_removed: tuple[Event, ...]

    @property
    def codes(self) -> frozenset[str]:
        """Every code whose meaning, name, type or validity differs."""
        touched = [*self.begun, *self.gone, *(after for _, after in self.closed + self.changed)]
        return frozenset(span.code for span in touched)


@dataclass(frozen=True)
class Impact:
    """What would move if the new version were active: rows per touched unit, and the decisions that cite one of them."""

    rows: Mapping[str, int]
    decisions: tuple[str, ...]

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def diff(before: Registry, after: Registry) -> Diff:
    """What `after` says otherwise than `before`. The key of an instance is (code, valid_from)."""
    old, new = _by_key(before), _by_key(after)
    both = [(old[key], new[key]) for key in old.keys() & new.keys() if old[key] != new[key]]
    closed = [pair for pair in both if pair[0]._replace(valid_to=pair[1].valid_to) == pair[1] and not pair[0].valid_to]
    changed = [pair for pair in both if pair not in closed]
    events_before, events_after = set(before.events), set(after.events)
    return Diff(
        begun=tuple(sorted(new[key] for key in new.keys() - old.keys())),
        gone=tuple(sorted(old[key] for key in old.keys() - new.keys())),
        closed=tuple(sorted(closed)),
        changed=tuple(sorted(changed)),
        events_added=tuple(sorted(events_after - events_before)),
        events_removed=tuple(sorted(events_before - events_after)),
    )


def preview(change: Diff, rows_by_code: Mapping[str, int], decisions_by_code: Mapping[str, list[str]]) -> Impact:
    """The rows and decisions that a change touches, before it is activated. Counts are per new commune code."""
    rows = {code: count for code, count in rows_by_code.items() if code in change.codes and count}
    decisions = sorted({key for code in change.codes for key in decisions_by_code.get(code, ())})
    return Impact(rows, tuple(decisions))


def activate(version: str, approvers: tuple[str, str], *, root: Path = HERE) -> None:
    """Make a version the active one. Two different persons answer for it; its files must be as recorded."""
    first, second = (name.strip() for name in approvers)
    if not first or not second or first == second:
        raise MappingError("a registry version is activated by two different persons", hint="name both")
    load_registry(version, root=root)
    path = root / "versions" / "versions.json"
    record = json.loads(path.read_text("utf-8"))
    record["active"] = version
    record["versions"][version]["activated_by"] = [first, second]
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _by_key(registry: Registry) -> dict[Key, Instance]:
    return {(span.code, span.valid_from): span for span in registry.instances}
