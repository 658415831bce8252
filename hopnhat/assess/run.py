"""The assessment of one legacy system or one unknown file: open, sample, scan, judge, write."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hopnhat.assess.clock import ask_clock, clock_findings
from hopnhat.assess.draft import draft, system_id
from hopnhat.assess.headers import widest_header
from hopnhat.assess.inspect import Inspection, inspect
from hopnhat.assess.judge import ordered, orphan_findings, table_findings, verdict
from hopnhat.assess.model import Assessment, TableFacts
from hopnhat.assess.rehearse import LOAD_PER_ROW, rehearse
from hopnhat.assess.report import write_reports
from hopnhat.assess.sniff import require_sound_database, sniff
from hopnhat.assess.unreadable import UnreadableError, unreadable
from hopnhat.extract.files import path_of
from hopnhat.extract.technologies import TECHNOLOGIES, open_source
from hopnhat.model.errors import HopNhatError, MappingError
from mappings.read import load_domain, load_system
from mappings.spec import System
from mappings.units.registry import Registry, load_registry

Say = Callable[[str], None]
DOMAIN = "dossiers"


@dataclass(frozen=True)
class Target:
    """What is to be assessed. `system` is set when a mapping exists."""

    id: str
    title: str
    technology: str
    url: str
    place: str
    """What the report calls the source: a file or system name, never a URL with a password."""
    options: Mapping[str, object] = field(default_factory=dict)
    system: System | None = None
    notes: tuple[str, ...] = ()


def assess_file(
    path: Path, out: Path, *, now: datetime, max_rows: int | None = None, say: Say = print
) -> tuple[Assessment, dict[str, str]]:
    """Assess one unknown file. Raises UnreadableError with a clear reason, and nothing else of the sources."""
    try:
        found = sniff(path)
        options, notes = dict(found.options), found.notes
        if found.technology == "sqlite":
            require_sound_database(path)
        if found.technology == "excel":
            row, said = widest_header(str(path))
            options |= {"header_row": row} if row > 1 else {}
            notes += said
    except HopNhatError as error:
        raise unreadable(error, path.name) from None
    name = system_id(path.stem)
    return assess(
        Target(name, path.name, found.technology, str(path), path.name, options, None, notes), out, now=now, max_rows=max_rows, say=say
    )


def assess_system(
    system: str, url: Callable[[str], str], out: Path, *, now: datetime, mappings: Path | None = None, technology: str | None = None,
    max_rows: int | None = None, say: Say = print,
) -> tuple[Assessment, dict[str, str]]:  # fmt: skip
    """Assess a legacy system by its mapping, or, when it has none yet, from what `url(system)` shows. `url` takes a connection id."""
    try:
        try:
            spec = load_system(system, mappings)
        except MappingError as error:
            if "no legacy system" not in error.problem:
                raise
            target = _new_system(system, _place(url, system, error), technology)
        else:
            place = url(spec.connection)
            kind = _scheme(place) or spec.technology  # as a migration does: a copy may stand in for the server
            target = Target(spec.id, spec.title, kind, place, spec.id, spec.reader_options(kind), spec)
    except HopNhatError as error:
        raise unreadable(error, system) from None
    return assess(target, out, now=now, max_rows=max_rows, say=say)


def _place(url: Callable[[str], str], system: str, unknown: MappingError) -> str:
    """The URL of a system that has no mapping: a misspelt id has neither, and is told as such."""
    try:
        return url(system)
    except MappingError:
        raise unknown from None


def _scheme(url: str) -> str | None:
    """The technology that a URL names by its scheme."""
    scheme = url.partition(":")[0].partition("+")[0]
    return scheme if scheme in TECHNOLOGIES and "://" in url else None


def _new_system(system: str, url: str, technology: str | None) -> Target:
    """A system without a mapping: its technology by the URL's scheme, or by the file that the URL names."""
    known = technology or _scheme(url)
    if known is not None:
        return Target(system_id(system), system, known, url, system)
    found = sniff(path_of(url))
    return Target(system_id(system), system, found.technology, url, system, found.options, None, found.notes)


def assess(target: Target, out: Path, *, now: datetime, max_rows: int | None = None, say: Say = print) -> tuple[Assessment, dict[str, str]]:
    """Write assessment.html, .xlsx, .json and the draft mapping into `out`; return the assessment and their paths."""
    registry, domain = load_registry(), load_domain(target.system.domain if target.system else DOMAIN)
    try:
        source = open_source(target.technology, target.url, {**target.options, "system": target.id})
    except HopNhatError as error:
        raise unreadable(error, target.place) from None
    try:
        clock = ask_clock(source, target.technology)
        seen = inspect(source, target.system, domain, registry, now, max_rows, say)
    except HopNhatError as error:
        raise unreadable(error, target.place) from None
    finally:
        source.close()
    if all(facts.error for facts in seen.tables):
        nothing = UnreadableError(f"{target.place}: không có bảng nào đọc được", hint="kiểm tra cơ sở dữ liệu và quyền đọc")
        raise unreadable(seen.first_error or nothing, target.place)
    text = draft(target.id, target.title, domain, target.technology, dict(target.options), seen.tables)
    system, problem = (target.system, "") if target.system else _parsed(target.id, text)
    tables = _rehearsed(seen, system, registry)
    has_rows = any(facts.rows for facts in tables)
    findings = [one for facts in tables for one in table_findings(facts, domain, target.system, has_rows=has_rows)]
    findings += [*orphan_findings(seen.orphans), *clock_findings(clock)]
    wanted = [facts for facts in tables if target.system is None or facts.plan is not None]
    made = Assessment(
        target.id, target.title, target.technology, target.place, f"{now:%Y-%m-%d %H:%M}", target.system is not None, seen.snapshot,
        tables, seen.orphans, ordered(findings), verdict(findings), _extract_seconds(wanted), _load_seconds(wanted), problem,
        (*target.notes, *seen.notes), clock,
    )  # fmt: skip
    return made, write_reports(made, text, out)


def _parsed(name: str, text: str) -> tuple[System | None, str]:
    """The draft as the migration would read it; what it still lacks, when it cannot."""
    with tempfile.TemporaryDirectory(prefix="hopnhat-draft-") as folder:
        (Path(folder) / f"{name}.yml").write_text(text, encoding="utf-8")
        try:
            return load_system(name, Path(folder)), ""
        except MappingError as error:
            return None, str(error)


def _rehearsed(seen: Inspection, system: System | None, registry: Registry) -> tuple[TableFacts, ...]:
    tables = []
    specs: dict[str, Any] = {table.name: table for table in system.tables} if system else {}
    for facts in seen.tables:
        sample = seen.samples.get(facts.name)
        if facts.name in specs and sample is not None and sample.frame.num_rows and not facts.gone_columns and system is not None:
            facts = replace(facts, rehearsal=rehearse(system, specs[facts.name], sample, registry))
        tables.append(facts)
    return tuple(tables)


def _extract_seconds(tables: list[TableFacts]) -> float:
    return round(sum(facts.read_seconds * facts.rows / facts.counted for facts in tables if facts.counted), 3)


def _load_seconds(tables: list[TableFacts]) -> float:
    """By the speed of the rehearsal on one processor core, and the measured floor of writing."""
    measured = [facts for facts in tables if facts.rehearsal and facts.rehearsal.rows]
    work = sum(facts.rows * (facts.rehearsal.seconds / facts.rehearsal.rows + LOAD_PER_ROW) for facts in measured if facts.rehearsal)
    return round(work, 3)
