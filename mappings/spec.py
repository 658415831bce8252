"""The shape of the two kinds of mapping file: a domain (what we store) and a system (what one legacy system has).

Strict on purpose: an unknown key, an unmapped column or an undeclared code is an error with file and line, because
whatever a mapping does not say would otherwise be guessed.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mappings.byte_tables import ENCODINGS

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
"""Becomes part of table, partition and file names, hence short and plain."""

Kind = Literal[
    "text", "name", "code", "timestamp", "amount", "integer", "dossier_no", "procedure_code", "person_id", "phone", "parent_key"
]
PG_TYPES: dict[Kind, str] = {
    "text": "text", "name": "text", "code": "text", "timestamp": "timestamp(0)", "amount": "bigint", "integer": "bigint",
    "dossier_no": "text", "procedure_code": "text", "person_id": "text", "phone": "text", "parent_key": "text",
}  # fmt: skip


def _as_text(value: Any) -> Any:
    """YAML reads 001 as 1: a code that is not quoted is refused instead of silently changed."""
    if isinstance(value, bool | int | float):
        raise ValueError(f"write the code {value!r} in quotes: codes are text and may start with 0")
    return value


Code = Annotated[str, BeforeValidator(_as_text)]
Reason = Annotated[str, Field(pattern=r"\S")]
DateFormat = Literal["iso", "dd/mm/yyyy", "dd/mm/yyyy hh:mm", "dd/mm/yyyy hh:mm:ss", "yyyymmddhhmmss", "yyyymmdd", "excel-serial"]


def _known_encoding(value: str) -> str:
    known = ("utf-8", "mojibake", "utf-16-le", "utf-16-be", *(name + how for name in ENCODINGS for how in ("", "-as-utf8", "-as-cp1258")))
    if value not in known:
        raise ValueError(f"no encoding {value!r}; there are {', '.join(known)}")
    return value


Encoding = Annotated[str, AfterValidator(_known_encoding)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DomainColumn(Strict):
    """One column of a unified table. `policy` is the attribute class used on merge (F22)."""

    kind: Kind
    label: str
    required: bool = False
    codelist: dict[Code, str] | None = None
    pii: Literal["none", "basic", "sensitive"] = "none"
    policy: Literal["identity", "descriptive", "additive", "categorical", "document"] = "descriptive"


class Entity(Strict):
    label: str
    columns: dict[Identifier, DomainColumn]
    business_key: Identifier | None = None
    parent: Identifier | None = None
    has_unit: bool = False
    measures: list[Identifier] = []
    month: Identifier | None = None
    """The timestamp by whose month the reconciliation counts."""


class Domain(Strict):
    domain: Identifier
    title: str
    entities: dict[Identifier, Entity]


class ColumnMap(Strict):
    """Where one of our columns comes from."""

    source: str = Field(alias="from")
    encoding: Encoding | None = None
    formats: list[DateFormat] = []
    codes: str | None = None


class UnitMap(Strict):
    """Which columns say where a row belongs, in any mix, and what a split must be decided for."""

    carries: Literal["people", "area", "both"]
    commune_code: str | None = None
    commune: str | None = None
    district_code: str | None = None
    district: str | None = None
    province_code: str | None = None
    province: str | None = None
    text: str | None = None
    encoding: Encoding | None = None
    address: str | None = Field(default=None, description="column kept verbatim as the old address, when it is not `text`")

    def inputs(self) -> dict[str, str]:
        names = ("commune_code", "commune", "district_code", "district", "province_code", "province", "text")
        return {name: column for name in names if (column := getattr(self, name)) is not None}

    @model_validator(mode="after")
    def _says_where(self) -> UnitMap:
        if not self.inputs():
            raise ValueError("names no column that says where a row belongs")
        return self


class Filter(Strict):
    """A named rule that leaves rows out on purpose; they are counted, never lost."""

    rule: Identifier
    column: str
    values: list[Code]
    why: Reason


class Expect(Strict):
    min_rows: int = Field(ge=0)
    max_rows: int = Field(gt=0)
    min_share: float = Field(default=0.8, ge=0, le=1, description="least share of the rows of the last published run")
    max_share: float = Field(default=2.0, ge=1, description="greatest share of the rows of the last published run")

    @model_validator(mode="after")
    def _in_order(self) -> Expect:
        if self.min_rows > self.max_rows:
            raise ValueError("min_rows is greater than max_rows")
        return self


class Changes(Strict):
    """Where the vendor notes which rows changed: change data capture, change tracking behind a view, a log filled by triggers."""

    table: str = Field(description="the change table, schema.table outside the default schema")
    key: list[str] = Field(min_length=1, description="its columns that hold the key of the changed row, in the order of the table's `key`")
    at: str = Field(description="its column that only grows: a sequence number, a log position or a moment")
    overlap: int = Field(default=300, ge=0, description="numbers (or seconds) before the last mark from which a delta reads again")


def _one_column(value: Any) -> Any:
    return {"from": value} if isinstance(value, str) else value


class Table(Strict):
    name: str
    entity: Identifier
    key: list[str] = Field(min_length=1)
    columns: dict[Identifier, Annotated[ColumnMap, BeforeValidator(_one_column, json_schema_input_type=str | ColumnMap)]]
    ignored: dict[str, Reason] = Field(default={}, description="source column → why it is left behind")
    unit: UnitMap | None = None
    watermark: str | None = None
    watermark_overlap: int = Field(default=300, ge=0, description="seconds (or numbers) before the last watermark from which a delta reads again")
    changes: Changes | None = Field(default=None, description="the vendor's change table: a delta reads the rows that it names, and finds deletes")
    encoding: Encoding = "utf-8"
    filters: list[Filter] = []
    chunk_rows: int = Field(default=100_000, ge=1_000, le=1_000_000)
    drift: Literal["freeze", "quarantine", "accept"] = Field(
        default="freeze", description="a column that the mapping does not know: stop, hold every row of the table, or leave the column behind and say so"
    )
    expect: Expect

    def used_columns(self) -> list[str]:
        """Every source column that the mapping reads, once, in a fixed order."""
        used = [*self.key, *(m.source for m in self.columns.values())]
        if self.unit:
            used += [*self.unit.inputs().values(), *([self.unit.address] if self.unit.address else [])]
        used += [f.column for f in self.filters] + ([self.watermark] if self.watermark else [])
        return list(dict.fromkeys(used))


Hours = Annotated[str, Field(pattern=r"^([01]?\d|2[0-3]):[0-5]\d-(([01]?\d|2[0-3]):[0-5]\d|24:00)$")]


class Governor(Strict):
    """How gently the system is read (hopnhat/extract/governor.py). It changes how long a run takes, never what it reads."""

    target_seconds: float = Field(default=0.5, gt=0, le=60, description="how long one query may take; its size follows the measured speed")
    statement_seconds: int | None = Field(default=None, ge=1, description="the server ends a query that runs longer")
    lock_seconds: int | None = Field(default=None, ge=1, description="no query waits longer for a lock")
    pause_share: float = Field(default=0.0, ge=0, le=20, description="rest per second of reading: 1.0 leaves the server idle half the time")
    max_running: int = Field(default=0, ge=0, description="wait while more sessions are at work on the server; 0 = do not ask")
    blackout: list[Hours] = Field(default=[], description="hours, Viet Nam time, in which the system is left alone: 07:30-11:30")

    def options(self, technology: str) -> dict[str, Any]:
        """The same as reader options."""
        given = {"target_seconds": self.target_seconds, "pause": self.pause_share, "max_running": self.max_running, "blackout": self.blackout}
        limits = {name: getattr(self, name) for name in _LIMITS.get(technology, ())}
        return {"governor": given, **{name: value for name, value in limits.items() if value is not None}}


WITH_CHANGES = ("mysql", "mariadb", "sqlite", "postgres", "postgresql", "mssql", "oracle")
"""Technologies that can have a change table."""
_LIMITS = dict.fromkeys(("mysql", "mariadb", "postgres", "postgresql", "mssql"), ("statement_seconds", "lock_seconds")) | {"oracle": ("statement_seconds",)}
"""Which limits a technology's server can keep by itself."""


class System(Strict):
    """One legacy system = one file `mappings/systems/<id>.yml`."""

    id: Identifier
    title: str
    domain: Identifier
    technology: Identifier
    connection: Identifier
    server: Identifier = Field(description="Airflow pool: one per legacy server, so that it is never hurt")
    units_as_of: date = Field(description="the date whose unit codes and names this system speaks")
    provinces: list[Code] = Field(default=[], description="old province codes that the system serves; empty = any")
    schedule: str | None = None
    options: dict[str, Any] = Field(default={}, description="reader options of the technology: delimiter, header row, …")
    governor: Governor | None = None
    codes: dict[Identifier, dict[Code, Code]] = {}
    tables: list[Table] = Field(min_length=1)

    @model_validator(mode="after")
    def _tables_differ(self) -> System:
        names = [t.name for t in self.tables]
        if len(set(names)) != len(names):
            raise ValueError("a table is mapped twice")
        if self.governor and "governor" in self.options:
            raise ValueError("governor is given twice: leave it out of `options`")
        return self

    def reader_options(self, technology: str) -> dict[str, Any]:
        """Options of the reader, the governor's among them."""
        return {**self.options, **(self.governor.options(technology) if self.governor else {})}

    def source_id(self, table: Table) -> str:
        """Name of one source everywhere: ledger, partition, report."""
        return f"{self.id}.{table.name}"
