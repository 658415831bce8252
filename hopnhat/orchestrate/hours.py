"""When a legacy server may be read again: a task that meets its blackout hours waits for their end, it does not fail."""

from __future__ import annotations

from datetime import datetime, timedelta

from hopnhat.extract.governor import VIET_NAM, Limits, blackout_end, read_limits
from hopnhat.settings import settings
from mappings.read import load_system


def opening(system_id: str, now: datetime | None = None) -> datetime | None:
    """The end of the blackout in which `now` lies, by the mapping of the system. None outside of one.

    Windows may touch: whoever comes back at the end of one may meet the next.
    """
    system = load_system(system_id, settings().mappings)
    given = system.reader_options(system.technology).get("governor")
    return None if given is None else _end_of_window(read_limits(given), now or datetime.now(VIET_NAM))


def _end_of_window(limits: Limits, now: datetime) -> datetime | None:
    """
    >>> _end_of_window(Limits(blackout=((1320, 300),)), datetime(2026, 1, 5, 23, 30, tzinfo=VIET_NAM)).isoformat()
    '2026-01-06T05:00:00+07:00'
    """
    end = blackout_end(limits, now)
    if end is None:
        return None
    hours, minutes = (int(part) for part in end.split(":"))
    local = now.astimezone(VIET_NAM)
    moment = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=hours, minutes=minutes)
    return moment if moment > local else moment + timedelta(days=1)
