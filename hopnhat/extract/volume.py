"""The volume guard, pure: an extract that is too small or too large is a fault of the way, not news."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VolumeLimits:
    least: float = 0.8
    most: float = 2.0
    may_be_empty: bool = False


def volume_problem(rows: int, last_good: int | None, limits: VolumeLimits | None = None) -> str | None:
    """Why these rows must not be published; None when they may. `last_good`: rows of the last published full extract.

    >>> volume_problem(0, None), volume_problem(79, 100), volume_problem(80, 100), volume_problem(201, 100)
    ('no rows at all', '79 rows are below 80 % of the last good 100', None, '201 rows are above 200 % of the last good 100')
    """
    limits = limits or VolumeLimits()
    if rows == 0:
        return None if limits.may_be_empty else "no rows at all"
    if not last_good:
        return None
    if rows < limits.least * last_good:
        return f"{rows} rows are below {limits.least:.0%} of the last good {last_good}".replace("%", " %")
    if rows > limits.most * last_good:
        return f"{rows} rows are above {limits.most:.0%} of the last good {last_good}".replace("%", " %")
    return None
