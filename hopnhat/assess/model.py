"""What an assessment finds. Facts are counted by the scan; findings are what a person must know or do about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["stop", "fix", "note"]
Verdict = Literal["GO", "FIX FIRST", "BLOCKED"]
EXIT_CODES: Mapping[str, int] = {"GO": 0, "FIX FIRST": 1, "BLOCKED": 2}
UNREADABLE = 3


@dataclass(frozen=True)
class Role:
    """What a legacy column is taken for. `kind`: a domain kind, or unit | watermark. `sure`: the mapping says so, or the
    guess is strong enough to stand in a draft; otherwise it is only a suggestion."""

    name: str
    kind: str
    confidence: float = 1.0
    why: str = ""
    encoding: str = "utf-8"
    formats: tuple[str, ...] = ()
    codes: Mapping[str, str] | None = None
    sure: bool = True


@dataclass(frozen=True)
class TablePlan:
    """How one table is looked at: from its mapping (`declared`), or from guesses."""

    name: str
    entity: str | None
    key: tuple[str, ...]
    roles: Mapping[str, Role]
    unit: Mapping[str, str]
    watermark: str | None
    declared: bool
    carries: str = "people"


@dataclass(frozen=True)
class Hit:
    """One kind of fault in one column: exact number of rows, the first keys, masked values."""

    code: str
    rows: int
    keys: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnFacts:
    name: str
    declared_type: str
    nulls: int
    blanks: int
    shortest: int
    longest: int
    distinct: int | None
    """None = more than were kept."""
    encoding: str
    found: str | None
    """The encoding that the sample's bytes prove; None = undecided."""
    evidence: tuple[str, ...]
    role: Role | None
    hits: tuple[Hit, ...] = ()
    values: tuple[tuple[str, int], ...] = ()
    """Masked values with their rows, for columns of few values."""
    read: bool = True


@dataclass(frozen=True)
class KeyFacts:
    columns: tuple[str, ...]
    origin: str
    """declared | mapped | candidate"""
    rows: int
    missing: int
    duplicates: int
    """Rows whose key another row has as well."""
    samples: tuple[str, ...] = ()

    @property
    def unique(self) -> bool:
        return self.duplicates == 0 and self.missing == 0


@dataclass(frozen=True)
class UnitFacts:
    """The unit columns judged together over their distinct rows."""

    era: str
    reason: str
    values: int
    rows_by_era: Mapping[str, int]
    rows_by_status: Mapping[str, int]
    clusters: Mapping[str, str]
    lesser_keys: tuple[str, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class Activity:
    column: str
    greatest: str
    undated: int
    future: int
    months: tuple[tuple[str, int], ...]
    """The last twelve months with rows up to the greatest date."""


@dataclass(frozen=True)
class Orphans:
    table: str
    column: str
    parent: str
    parent_key: str
    rows: int
    orphans: int
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rehearsal:
    """A sample taken through the mapping: which reasons would hold rows back, and how fast it went."""

    rows: int
    held: int
    reasons: tuple[tuple[str, str, int], ...]
    """(field, reason code, rows)"""
    seconds: float


@dataclass(frozen=True)
class TableFacts:
    name: str
    plan: TablePlan | None
    rows: int
    counted: int
    columns: tuple[ColumnFacts, ...] = ()
    keys: tuple[KeyFacts, ...] = ()
    declared_key: tuple[str, ...] = ()
    same_rows: int = 0
    filtered: int = 0
    activity: Activity | None = None
    units: UnitFacts | None = None
    rehearsal: Rehearsal | None = None
    read_seconds: float = 0.0
    new_columns: tuple[str, ...] = ()
    gone_columns: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Finding:
    severity: Severity
    code: str
    table: str
    column: str
    rows: int
    of: int
    title: str
    detail: str
    advice: str
    keys: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clock:
    """A server's clock when it was asked. `zone`: the server's own, `zone_minutes` its minutes before UTC (Viet Nam: 420)."""

    utc: str
    ahead_seconds: float
    zone: str
    zone_minutes: int


@dataclass(frozen=True)
class Assessment:
    system: str
    title: str
    technology: str
    place: str
    when: str
    mapped: bool
    snapshot: str
    tables: tuple[TableFacts, ...]
    orphans: tuple[Orphans, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict
    extract_seconds: float
    load_seconds: float
    draft_problem: str = ""
    notes: tuple[str, ...] = field(default=())
    clock: Clock | None = None

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]

    def to_json(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "exit_code": self.exit_code, **asdict(self)}
