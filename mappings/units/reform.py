"""The reform of 1 July 2025 and every decree after it, as instances and events.

The reform is two files (the new list and the crosswalk of the 34 resolutions); a later decree is one file of
`decrees/`, whose rows say which code changed into what. Adding a decree adds a file and a version, never code.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from mappings.units.timeline import REFORM, Event, Instance, Row, instance_at, unit_type

POPULATION_ONLY = "part_population_only"
PROVINCE_ACT = "NQ 202/2025/QH15"
DISTRICT_ACT = "NQ 203/2025/QH15; Luật 72/2025/QH15"


def new_instances(new_units: Iterable[Row]) -> list[Instance]:
    """The 34 provinces and 3,321 communes as they came into being on the day of the reform."""
    return [Instance(row["code"], row["level"], row["name"], unit_type(row["name"]), row["parent_code"], REFORM) for row in new_units]


def reform_events(crosswalk: Iterable[Row], provinces: Iterable[Row], old: Iterable[Instance], new: Iterable[Instance]) -> list[Event]:
    """One event per row of the crosswalk, one per old province, and the end of every district."""
    rows = list(crosswalk)
    before = {span.code: span for span in old if span.valid_to == REFORM}
    after = {span.code: span for span in new}
    targets = Counter(row["old_code"] for row in rows)
    sources = Counter(row["new_code"] for row in rows)
    events = [_commune_event(row, before, after, targets, sources) for row in rows]
    fed = Counter(row["new_code"] for row in provinces)
    for row in provinces:
        kind = "merge" if fed[row["new_code"]] > 1 else "identity"
        events.append(_reform_event(kind, before[row["old_code"]], after[row["new_code"]], legal_ref=PROVINCE_ACT))
    special = {row["old_code"][1:] for row in rows if row["old_code"].startswith("D")}
    ended = [span for span in before.values() if span.level == "district" and span.code not in special]
    return events + [_reform_event("abolished", span, None, legal_ref=DISTRICT_ACT) for span in ended]


def _commune_event(
    row: Row,
    before: Mapping[str, Instance],
    after: Mapping[str, Instance],
    targets: Mapping[str, int],
    sources: Mapping[str, int],
) -> Event:
    old, new = before[row["old_code"].removeprefix("D")], after[row["new_code"]]
    carries = "both" if row["carries_population"] == "yes" else "area"
    return _reform_event(
        _kind(old, new, targets[row["old_code"]], sources[row["new_code"]]),
        old,
        new,
        carries="people" if row["part_kind"] == POPULATION_ONLY else carries,
        part_kind=row["part_kind"],
        legal_ref=row["legal_ref"],
        sources=row["note"] or row["nso_note"],
    )


def _kind(old: Instance, new: Instance, n_targets: int, n_sources: int) -> str:
    if n_targets > 1:
        return "split"
    if n_sources > 1:
        return "merge"
    if old.code != new.code:
        return "recode"
    if old.name == new.name:
        return "identity"
    return "retype" if old.name.removeprefix(old.type) == new.name.removeprefix(new.type) else "rename"


def _reform_event(
    kind: str,
    before: Instance,
    after: Instance | None,
    *,
    carries: str = "both",
    part_kind: str = "whole",
    legal_ref: str = "",
    sources: str = "",
) -> Event:
    return Event(
        kind=kind,
        effective_date=REFORM,
        notice_date="2025-06-16",
        date_basis="effective",
        code_before=before.code,
        valid_from_before=before.valid_from,
        code_after=after.code if after else "",
        valid_from_after=after.valid_from if after else "",
        carries=carries,
        part_kind=part_kind,
        legal_ref=legal_ref,
        confidence="high",
        sources=sources,
    )


def apply_decree(instances: list[Instance], rows: Iterable[Row]) -> tuple[list[Instance], list[Event]]:
    """Close what the decree ends, open what it begins. A row without `code_after` abolishes, without `code_before` creates."""
    spans: dict[str, list[Instance]] = defaultdict(list)
    for span in instances:
        spans[span.code].append(span)
    opened: dict[str, Instance] = {}
    events: list[Event] = []
    for row in rows:
        day = row["effective_date"]
        before = instance_at(spans[row["code_before"]], day) if row["code_before"] else None
        if before and not before.valid_to:
            spans[before.code][-1] = before._replace(valid_to=day)
        after = opened.get(row["code_after"]) or _begin(row, before, spans)
        if after:
            opened[after.code] = after
        events.append(_decree_event(row, before, after))
    for code, span in opened.items():
        if span not in spans[code]:
            spans[code].append(span)
    return [span for code in spans for span in spans[code]], events


def _begin(row: Row, before: Instance | None, spans: Mapping[str, list[Instance]]) -> Instance | None:
    code, day = row["code_after"], row["effective_date"]
    if not code:
        return None
    model = before or next(iter(spans.get(code, [])), None)
    name = row["name_after"] or (model.name if model else "")
    parent = row.get("parent_after", "") or (model.parent_code if model else "")
    level = model.level if model else {2: "province", 5: "commune"}[len(code)]
    return Instance(code, level, name, unit_type(name), parent, day)


def _decree_event(row: Row, before: Instance | None, after: Instance | None) -> Event:
    return Event(
        kind=row["kind"],
        effective_date=row["effective_date"],
        notice_date=row["notice_date"],
        date_basis=row["date_basis"],
        code_before=before.code if before else "",
        valid_from_before=before.valid_from if before else "",
        code_after=after.code if after else "",
        valid_from_after=after.valid_from if after else "",
        carries=row["carries"] or "both",
        part_kind="",
        legal_ref=row["legal_ref"],
        confidence="high" if row["date_basis"] == "effective" else "medium",
        sources=row["sources"],
    )
