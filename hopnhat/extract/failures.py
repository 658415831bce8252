"""Driver errors as ours. Only codes are read and only our own words are said: a driver's text may hold a password, the
statement or a row's values. None = not a driver error: let it through."""

from __future__ import annotations

import ssl

from hopnhat.model.errors import HopNhatError, SourceAccessError, SourceDriftError, SourceUnavailableError

_MYSQL_ACCESS = {1044, 1045, 1049, 1130, 1142, 1143, 1227, 1370, 1698, 1820, 1862, 3118, 4151}
_MYSQL_DRIFT = {1051, 1054, 1109, 1146, 1356}
_MYSQL_TLS = {2026, 3159}
_MYSQL_SLOW = {1205, 1213, 1969, 3024}


class SourceBusyError(SourceUnavailableError):
    """The server stopped our query at its time or lock limit: ask for less, or later."""


def mysql_failure(error: Exception, system: str) -> HopNhatError | None:
    """pymysql: the server's code is the first argument."""
    if isinstance(error, HopNhatError):
        return None
    if type(error).__module__.startswith("pymysql"):
        if isinstance(cause := getattr(error, "original_exception", None), ssl.SSLError):
            return untrusted(system, str(cause.reason or "TLS"))
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        return _mysql_by_code(code, system)
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


_MSSQL = {18456: "refused", 4060: "refused", 229: "refused", 230: "refused", 916: "refused", 208: "changed", 207: "changed",
          1222: "slow", 1205: "slow", 3952: "refused", 20003: "slow", 20047: "lost"}  # fmt: skip
_ORACLE = {1017: "refused", 1005: "refused", 1031: "refused", 1045: "refused", 28000: "refused", 28001: "refused", 12514: "refused",
           942: "changed", 904: "changed", 54: "slow", 30006: "slow", 60: "slow", 4024: "slow", 1555: "slow", 3136: "slow"}  # fmt: skip


def mssql_failure(error: Exception, system: str) -> HopNhatError | None:
    """pymssql: the server's message number is the first argument."""
    if isinstance(error, HopNhatError) or not type(error).__module__.startswith("pymssql"):
        return None
    first = error.args[0] if error.args else 0
    code = first[0] if isinstance(first, tuple) and first else first
    code = code if isinstance(code, int) else 0
    if not code and "18456" in str(error):  # a refused login is wrapped in a connection error
        code = 18456
    return _by_meaning(_MSSQL.get(code, "lost"), system, str(code))


def oracle_failure(error: Exception, system: str) -> HopNhatError | None:
    """oracledb: an error object with its number; DPY-4024 is our own time limit."""
    if isinstance(error, HopNhatError) or not type(error).__module__.startswith("oracledb"):
        return None
    detail = error.args[0] if error.args else None
    code = int(getattr(detail, "code", 0) or 0)
    full = str(getattr(detail, "full_code", "") or code)
    if full == "DPY-4024":
        code = 4024
    elif full == "DPY-6001":  # the listener does not know the service: a wrong name, not a dead server
        code = 12514
    return _by_meaning(_ORACLE.get(code, "lost"), system, full)


def _by_meaning(meaning: str, system: str, code: str) -> HopNhatError:
    makers = {"refused": refused, "changed": changed, "slow": too_slow, "lost": unavailable}
    return makers[meaning](system, code)


def _mysql_by_code(code: int, system: str) -> HopNhatError:
    if code in _MYSQL_TLS:
        return untrusted(system, str(code))
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


def untrusted(system: str, code: str) -> SourceAccessError:
    return SourceAccessError(
        f"no TLS session with the server as the connection asks for it (code {code})", system=system,
        hint="check ssl_ca, ssl_cert, ssl_key and the host name of this system's connection, or ask who runs the server",
    )  # fmt: skip


def changed(system: str, code: str) -> SourceDriftError:
    return SourceDriftError(
        f"a table or column vanished while it was read (code {code})", system=system,
        hint="run check-mappings against the source and ask the vendor what changed",
    )  # fmt: skip


def too_slow(system: str, code: str) -> SourceBusyError:
    return SourceBusyError(
        f"the server stopped our query at its time or lock limit (code {code})", system=system,
        hint="it is busy: retry later, read smaller ranges, or raise statement_seconds with its operator's consent",
    )  # fmt: skip


def unavailable(system: str, code: str) -> SourceUnavailableError:
    return SourceUnavailableError(
        f"the server does not answer or dropped the connection (code {code})", system=system,
        hint="check host, port, network and that the server runs; the run can be resumed",
    )  # fmt: skip
