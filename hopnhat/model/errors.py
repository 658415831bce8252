"""What can go wrong, grouped by what the caller should do about it.

Nobody parses messages: the DAGs and the CLI decide by class (retry, fix the mapping, ask the vendor, stop), and
`exit_code` is what a script sees. Messages never hold a row's values: they name the system, table, key column or
mapping line at fault and what to do.
"""

from __future__ import annotations

from typing import Any


class HopNhatError(Exception):
    """Root of every error that is meant for a user: no traceback is shown for it."""

    exit_code = 1
    retry = False

    def __init__(self, problem: str, *, system: str = "", table: str = "", hint: str = "") -> None:
        self.problem, self.system, self.table, self.hint = problem, system, table, hint
        super().__init__(problem)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel whole from a worker process: class, text and fields."""
        return _restore, (type(self), self.problem, self.__dict__)

    def __str__(self) -> str:
        place = ".".join(part for part in (self.system, self.table) if part)
        return (f"{place}: " if place else "") + self.problem + (f" → {self.hint}" if self.hint else "")


def _restore(kind: type[HopNhatError], problem: str, fields: dict[str, Any]) -> HopNhatError:
    error = kind(problem)
    error.__dict__.update(fields)
    return error


class MappingError(HopNhatError):
    """A mapping file is wrong. Fix the file; retrying changes nothing."""

    exit_code = 2

    def __init__(self, problem: str, *, file: str = "", line: int = 0, hint: str = "") -> None:
        super().__init__(problem, hint=hint)
        self.file, self.line = file, line

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return place + super().__str__()


class SourceDriftError(HopNhatError):
    """A legacy table is not what the mapping says (gone, renamed, truncated). Ask the vendor."""

    exit_code = 3


class ConservationError(HopNhatError):
    """Rows do not balance or two independent counts disagree. Nothing is published; never cut over."""

    exit_code = 4


class SourceUnavailableError(HopNhatError):
    """A legacy system did not answer. Worth a retry."""

    exit_code = 5
    retry = True


class SourceAccessError(HopNhatError):
    """A legacy system refused us (credentials, grants). Fix the connection; do not hammer the login."""

    exit_code = 2


class TargetUnavailableError(HopNhatError):
    """The unified database did not answer or lost the connection. Worth a retry; nothing half-done remains."""

    exit_code = 5
    retry = True


class LandingError(HopNhatError):
    """The landing zone cannot take a part (disk full, no right to write) or a part there was altered. Stop."""

    exit_code = 6


class RunError(HopNhatError):
    """A run cannot go on as asked (another run is open, nothing to resume, unknown run)."""

    exit_code = 7
