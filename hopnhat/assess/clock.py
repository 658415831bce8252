"""The clock and the time zone of a database server: dates it wrote are only as good as these."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from hopnhat.assess.model import Clock, Finding
from hopnhat.assess.wording import made
from hopnhat.extract.contract import Source
from hopnhat.extract.governor import GentleSource
from hopnhat.extract.sqlsource import SqlSource
from hopnhat.model.errors import HopNhatError

_VIET_NAM = 7 * 60
_FAST_OR_SLOW = 120.0
_QUESTIONS = {
    "mysql": "SELECT UTC_TIMESTAMP(6), IF(@@GLOBAL.time_zone = 'SYSTEM', @@GLOBAL.system_time_zone, @@GLOBAL.time_zone),"
    " TIMESTAMPDIFF(MINUTE, '2026-01-01 00:00:00', CONVERT_TZ('2026-01-01 00:00:00', '+00:00', @@GLOBAL.time_zone))",
    "postgres": "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), s.reset_val,"
    " round(extract(epoch FROM (now() AT TIME ZONE s.reset_val) - (now() AT TIME ZONE 'UTC')) / 60)::int FROM pg_settings s WHERE s.name = 'TimeZone'",
    "mssql": "SELECT CONVERT(varchar(40), SYSUTCDATETIME(), 121), DATENAME(TZOFFSET, SYSDATETIMEOFFSET()), DATEDIFF(MINUTE, SYSUTCDATETIME(), SYSDATETIME())",
    "oracle": "SELECT TO_CHAR(SYS_EXTRACT_UTC(SYSTIMESTAMP), 'YYYY-MM-DD HH24:MI:SS.FF6'), TO_CHAR(SYSTIMESTAMP, 'TZR'),"
    " EXTRACT(TIMEZONE_HOUR FROM SYSTIMESTAMP) * 60 + EXTRACT(TIMEZONE_MINUTE FROM SYSTIMESTAMP) FROM DUAL",
}
"""UTC now, name of the server's own zone, its minutes before UTC. The session's zone is ours and says nothing."""
_SAME = {"mariadb": "mysql", "postgresql": "postgres"}


def ask_clock(source: Source, technology: str) -> Clock | None:
    """None when the source has no clock to ask (files, services), or its server does not tell."""
    inner = source.inner if isinstance(source, GentleSource) else source
    question = _QUESTIONS.get(_SAME.get(technology, technology))
    if question is None or not isinstance(inner, SqlSource):
        return None
    before = datetime.now(UTC)
    try:
        answer = inner._session.rows(question)[0]  # the contract asks for tables only
        after = datetime.now(UTC)
        moment, zone, minutes = ((part or b"").decode() for part in answer)
        there = datetime.fromisoformat(moment[:26]).replace(tzinfo=UTC)
        return Clock(
            there.isoformat(timespec="seconds"), round((there - before - (after - before) / 2).total_seconds(), 1), zone, int(minutes)
        )
    except (HopNhatError, ValueError, IndexError):
        return None


def clock_findings(clock: Clock | None) -> Iterator[Finding]:
    if clock is None:
        return
    if abs(clock.ahead_seconds) > _FAST_OR_SLOW:
        faster = "nhanh" if clock.ahead_seconds > 0 else "chậm"
        yield made(
            "clock-wrong", "máy chủ", "", 0, 0, f"{faster} {abs(clock.ahead_seconds):.0f} giây so với máy đang chạy chương trình này"
        )
    if clock.zone_minutes != _VIET_NAM:
        yield made("clock-zone", "máy chủ", "", 0, 0, f"{clock.zone or 'không tên'}, {clock_offset(clock)}")


def clock_offset(clock: Clock) -> str:
    """
    >>> clock_offset(Clock("", 0.0, "UTC", -330))
    'UTC-05:30'
    """
    hours, minutes = divmod(abs(clock.zone_minutes), 60)
    return f"UTC{'-' if clock.zone_minutes < 0 else '+'}{hours:02}:{minutes:02}"
