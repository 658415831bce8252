"""Look-ups for officials and other systems, in both directions and as of a date, over one registry version."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mappings.units.registry import Registry
from mappings.units.timeline import Event, Instance
from transforms.units_index import Index, index_of
from transforms.units_outcome import REFORM


@dataclass(frozen=True, slots=True)
class Relation:
    """One step between two instances, as the law states it."""

    code: str
    name: str
    valid_from: str
    kind: str
    effective_date: str
    carries: str
    part_kind: str
    legal_ref: str


def units_of_code(registry: Registry, code: str, as_of: str = "") -> list[Instance]:
    """Every instance a code ever named, or the one it named on a day: 00004 is Trúc Bạch until 2025-06-30, Ba Đình after."""
    spans = _lookups(registry).instances.get(code, [])
    return [span for span in spans if not as_of or _holds(span, as_of)]


def old_to_new(registry: Registry, code: str, *, as_of: str = "2025-06-30") -> list[Relation]:
    """The new communes of an old code, with what each received. A unit that ended before the reform goes through its events."""
    index = index_of(registry)
    units = [index.units[uid] for uid in index.by_code.get(code, ()) if index.units[uid].valid_from < REFORM]
    held = [unit for unit in units if unit.holds(as_of)] or units[-1:]
    found = {new: carries for unit in held for new, carries in unit.successors}
    events = {event.code_after: event for event in _lookups(registry).after.get(code, ()) if event.effective_date == REFORM}
    return [_relation(index, new, carries, events.get(new)) for new, carries in sorted(found.items())]


def new_to_old(registry: Registry, code: str) -> list[Relation]:
    """The units a new commune was made of on the day of the reform, with the part of each that came to it."""
    facts = _lookups(registry)
    events = [event for event in facts.before.get(code, ()) if event.effective_date == REFORM]
    return [_predecessor(facts, event) for event in events]


def full_name(registry: Registry, code: str, day: str) -> str:
    """`Phường Trúc Bạch, Quận Ba Đình, Thành phố Hà Nội` on a day; '' when the code named nothing then."""
    names: list[str] = []
    while code:
        spans = units_of_code(registry, code, day)
        if not spans:
            break
        names.append(spans[-1].name)
        code = spans[-1].parent_code
    return ", ".join(names)


@dataclass(eq=False)
class _Facts:
    instances: dict[str, list[Instance]]
    before: dict[str, list[Event]]
    after: dict[str, list[Event]]


@lru_cache(maxsize=4)
def _lookups(registry: Registry) -> _Facts:
    found = _Facts({}, {}, {})
    for span in registry.instances:
        found.instances.setdefault(span.code, []).append(span)
    for event in registry.events:
        found.before.setdefault(event.code_after, []).append(event)
        found.after.setdefault(event.code_before, []).append(event)
    return found


def _holds(span: Instance, day: str) -> bool:
    return span.valid_from <= day and (not span.valid_to or day < span.valid_to)


def _relation(index: Index, code: str, carries: str, event: Event | None) -> Relation:
    return Relation(
        code,
        index.new_name[code],
        event.valid_from_after if event else REFORM,
        event.kind if event else "merge",
        event.effective_date if event else REFORM,
        carries,
        event.part_kind if event else "",
        event.legal_ref if event else "",
    )


def _predecessor(facts: _Facts, event: Event) -> Relation:
    spans = [span for span in facts.instances[event.code_before] if span.valid_from == event.valid_from_before]
    return Relation(
        event.code_before,
        spans[0].name,
        event.valid_from_before,
        event.kind,
        event.effective_date,
        event.carries,
        event.part_kind,
        event.legal_ref,
    )
