"""Fold the facts about units before the reform into dated instances and events.

Input is the registry's own journal (`facts/history.csv`, one row a change) and the official list of the last day of
the old system (`facts/units_old.csv`). A code's rows are replayed in date order; what the list says at the end wins
over the journal's spelling. Intervals are half open: `valid_to` is the first day on which the unit is no longer so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

Row = Mapping[str, str]

CODES_BEGIN = "2004-07-08"  # Decision 124/2004/QĐ-TTg began the code system; the unit itself may be older
REFORM = "2025-07-01"
TYPES = ("Thành phố Trung ương", "Thành phố", "Thị trấn", "Thị xã", "Đặc khu", "Phường", "Huyện", "Quận", "Tỉnh", "Xã")
KINDS = {"created": "created", "renamed": "rename", "retyped": "retype", "reparented": "transfer"}


class Instance(NamedTuple):
    """A unit as it was between two days. The key is (code, valid_from); a code alone names no place."""

    code: str
    level: str
    name: str
    type: str
    parent_code: str
    valid_from: str
    valid_to: str = ""


class Event(NamedTuple):
    """What turned one instance into another, when, and by which act. Empty `code_before` = the unit came into being."""

    kind: str
    effective_date: str
    notice_date: str
    date_basis: str
    code_before: str
    valid_from_before: str
    code_after: str
    valid_from_after: str
    carries: str
    part_kind: str
    legal_ref: str
    confidence: str
    sources: str
    final_codes: str = ""
    area_shares: str = ""


Change = tuple[Row, Instance | None, Instance | None]  # a row of the journal, the instance it ends, the one it begins


def unit_type(name: str) -> str:
    """The type word a full name starts with, '' when it starts with none."""
    folded = name.casefold()
    return next((word for word in TYPES if folded.startswith(word.casefold() + " ")), "")


def replay(history: Iterable[Row], old_units: Iterable[Row]) -> tuple[list[Instance], list[Event]]:
    """All instances and events up to the day before the reform."""
    by_code: dict[str, list[Row]] = defaultdict(list)
    for row in history:
        by_code[row["code"]].append(row)
    last = {row["code"]: row for row in old_units}
    instances: list[Instance] = []
    pending: list[Change] = []
    for code in sorted(by_code.keys() | last.keys()):
        rows = sorted(by_code.get(code, []), key=lambda row: row["event_date"])
        spans, changes = _replay_code(code, rows, last.get(code))
        instances += spans
        pending += changes
    alive = _by_code(instances)
    return instances, [_event(row, before, after, alive) for row, before, after in pending]


def _replay_code(code: str, rows: list[Row], last: Row | None) -> tuple[list[Instance], list[Change]]:
    spans: list[Instance] = []
    changes: list[Change] = []
    now: Instance | None = None
    if not rows or rows[0]["kind"] != "created":
        now = _first(code, rows[0] if rows else None, last)
    for row in rows:
        if row["kind"].startswith("abolished"):
            if now is None:  # the journal exports some abolitions twice, months apart
                continue
            spans.append(now._replace(valid_to=row["event_date"]))
            changes.append((row, spans[-1], None))
            now = None
            continue
        after = _after(code, row)
        before = now._replace(valid_to=row["event_date"]) if now else None
        if before:
            spans.append(before)
        changes.append((row, before, after))
        now = after
    if now is None and last is not None:  # abolished in the journal, alive in the official list: the list wins
        now = _first(code, None, last, since=rows[-1]["event_date"])
    if now is not None:
        spans.append(_closed(now, last))
    return _lasting(spans, changes)


def _first(code: str, row: Row | None, last: Row | None, since: str = CODES_BEGIN) -> Instance:
    if row is not None:
        name, parent, level = row["name_before"], row["parent_before"], row["level"]
        parent = parent or (last["parent_code"] if last else row["parent_after"])
    else:
        assert last is not None
        name, parent, level = last["name"], last["parent_code"], last["level"]
    return Instance(code, level, name, unit_type(name), parent, since)


def _after(code: str, row: Row) -> Instance:
    name, parent = row["name_after"], row["parent_after"] or row["parent_before"]
    return Instance(code, row["level"], name, unit_type(name), parent, row["event_date"])


def _closed(now: Instance, last: Row | None) -> Instance:
    """The span open at the reform, spelled as in the official list of that day."""
    if last is None:
        return now._replace(valid_to=REFORM)
    name, parent = last["name"], last["parent_code"]
    return now._replace(name=name, type=unit_type(name), parent_code=parent, valid_to=REFORM)


def _lasting(spans: list[Instance], changes: list[Change]) -> tuple[list[Instance], list[Change]]:
    """Without spans of no length and the changes from and to them: several journal rows of one day are one change."""
    kept = [span for span in spans if span.valid_from < span.valid_to]
    starts = {span.valid_from for span in kept}
    lasting = [
        (row, before, after)
        for row, before, after in changes
        if (before is None or before.valid_from < row["event_date"]) and (after is None or after.valid_from in starts)
    ]
    return kept, lasting


def _by_code(instances: Iterable[Instance]) -> dict[str, list[Instance]]:
    found: dict[str, list[Instance]] = defaultdict(list)
    for span in instances:
        found[span.code].append(span)
    return found


def instance_at(spans: list[Instance], day: str) -> Instance | None:
    """The span that holds on `day`, else the first one after it (journals lag behind the acts they record)."""
    held = [span for span in spans if span.valid_from <= day and (not span.valid_to or day < span.valid_to)]
    later = [span for span in spans if span.valid_from > day]
    return held[-1] if held else later[0] if later else None


def _event(row: Row, before: Instance | None, after: Instance | None, alive: dict[str, list[Instance]]) -> Event:
    kind = "+".join(KINDS[part] for part in row["kind"].split("+")) if after else "abolished"
    if not after and row["successor_code"]:
        kind = "recode" if row["method"].startswith("recoded") else "merge"
        after = instance_at(alive.get(row["successor_code"], []), row["event_date"])
    return Event(
        kind=kind,
        effective_date=row["event_date"],
        notice_date="",
        date_basis="registry",
        code_before=before.code if before else "",
        valid_from_before=before.valid_from if before else "",
        code_after=after.code if after else "",
        valid_from_after=after.valid_from if after else "",
        carries="both",
        part_kind="",
        legal_ref=row["legal_ref"],
        confidence=row["confidence"],
        sources=row["method_source"] or "dated rosters of the General Statistics Office",
        final_codes=row["final_codes"],
        area_shares=row["area_shares"],
    )
