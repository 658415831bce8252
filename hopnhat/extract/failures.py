"""Driver errors as ours. Only codes are read and only our own words are said: a driver's text may hold a password, the
statement or a row's values. None = not a driver error: let it through."""

from __future__ import annotations

import re

from hopnhat.model.errors import HopNhatError, SourceAccessError, SourceDriftError, SourceUnavailableError

_MYSQL_ACCESS = {1044, 1045, 1049, 1130, 1142, 1143, 1227, 1370, 1698, 1820, 1862, 3118, 4151}
_MYSQL_DRIFT = {1051, 1054, 1109, 1146, 1356}
_MYSQL_SLOW = {1205, 1213, 1969, 3024}
_CONNECTORX_CODE = re.compile(r"ERROR (\d+) \(")
_CONNECTORX_LOST = re.compile(r"timed out|IoError|refused|reset|broken pipe|unreachable|connection|DriverError", re.IGNORECASE)


def mysql_failure(error: Exception, system: str) -> HopNhatError | None:
    """pymysql (code in args) and connectorx (`ERROR 1146 (42S02)` in its text)."""
    if isinstance(error, HopNhatError):
        return None
    if type(error).__module__.startswith("pymysql"):
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        return _mysql_by_code(code, system)
    if isinstance(error, RuntimeError):
        found = _CONNECTORX_CODE.search(str(error))
        if found or _CONNECTORX_LOST.search(str(error)):
            return _mysql_by_code(int(found.group(1)) if found else 2013, system)
    return unavailable(system, str(type(error).__name__)) if isinstance(error, OSError) else None


def postgres_failure(error: Exception, system: str) -> HopNhatError | None:
    """psycopg2 by SQLSTATE; before a session exists there is none, only the server's sentence."""
    if isinstance(error, HopNhatError) or not type(error).__module__.startswith("psycopg2"):
        return None
    state = str(getattr(error, "pgcode", None) or "")
    if not state:
        said = str(error)
        is_refusal = any(word in said for word in ("authentication failed", "no password", "does not exist", "pg_hba.conf", "permission"))
        return refused(system, "login") if is_refusal else unavailable(system, "connect")
    if state[:2] == "28" or state in ("42501", "3D000"):
        return refused(system, state)
    if state in ("42P01", "42703", "3F000", "42704"):
        return changed(system, state)
    if state in ("57014", "55P03", "40001", "40P01"):
        return too_slow(system, state)
    return unavailable(system, state)


def _mysql_by_code(code: int, system: str) -> HopNhatError:
    if code in _MYSQL_ACCESS:
        return refused(system, str(code))
    if code in _MYSQL_DRIFT:
        return changed(system, str(code))
    if code in _MYSQL_SLOW:
        return too_slow(system, str(code))
    return unavailable(system, str(code))


def refused(system: str, code: str) -> SourceAccessError:
    return SourceAccessError(
        f"the server refused the login, the database or the right to read (code {code})", system=system,
        hint="check user, password, database name and SELECT grant of this system's connection",
    )  # fmt: skip


def changed(system: str, code: str) -> SourceDriftError:
    return SourceDriftError(
        f"a table or column vanished while it was read (code {code})", system=system,
        hint="run check-mappings against the source and ask the vendor what changed",
    )  # fmt: skip


def too_slow(system: str, code: str) -> SourceUnavailableError:
    return SourceUnavailableError(
        f"the server stopped our query at its time or lock limit (code {code})", system=system,
        hint="it is busy: retry later, read smaller ranges, or raise statement_seconds with its operator's consent",
    )  # fmt: skip


def unavailable(system: str, code: str) -> SourceUnavailableError:
    return SourceUnavailableError(
        f"the server does not answer or dropped the connection (code {code})", system=system,
        hint="check host, port, network and that the server runs; the run can be resumed",
    )  # fmt: skip
