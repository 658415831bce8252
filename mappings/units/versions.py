"""Versions of the registry side by side: what a new one changes, whom it touches, and who may make it the active one."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hopnhat.model.errors import MappingError
from mappings.units.build import HERE
from mappings.units.registry import Registry, load_registry
from mappings.units.timeline import Event, Instance

Key = tuple[str, str]
APPROVERS = 2


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
    if not first or not second or first.casefold() == second.casefold():
        raise MappingError("a registry version is activated by two different persons", hint="name both")
    on = datetime.now(UTC).date().isoformat()
    approve(version, first, on, root=root)
    approve(version, second, on, root=root)


def approve(version: str, person: str, on: str, *, root: Path = HERE) -> bool:
    """Put one person's approval on record; the second person's makes the version the active one. True = it is active.

    An approval names the facts that it approves, by their checksum. Saying it twice does not make two persons.
    """
    name = " ".join(person.split())
    if not name:
        raise MappingError("an approval needs a person's name")
    facts = load_registry(version, root=root).checksum
    path = root / "versions" / "versions.json"
    record = json.loads(path.read_text("utf-8"))
    approvals = [one for one in record["versions"][version].get("approvals", []) if one["facts"] == facts]
    if name.casefold() not in {one["by"].casefold() for one in approvals}:
        approvals.append({"by": name, "on": on, "facts": facts})
    record["versions"][version]["approvals"] = approvals
    if len(approvals) >= APPROVERS:
        record["active"] = version
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return len(approvals) >= APPROVERS


def main(arguments: Sequence[str]) -> int:
    """`approve VERSION PERSON`: one of the two persons who answer for a version says so."""
    if len(arguments) != 3 or arguments[0] != "approve":
        sys.stderr.write("python -m mappings.units.versions approve VERSION PERSON\n")
        return MappingError.exit_code
    _, version, person = arguments
    is_active = approve(version, person, datetime.now(UTC).date().isoformat())
    sys.stdout.write(f"{version}: {'active' if is_active else 'one more person has to approve it'}\n")
    return 0


def _by_key(registry: Registry) -> dict[Key, Instance]:
    return {(span.code, span.valid_from): span for span in registry.instances}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
