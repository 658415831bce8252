"""The way of one part: extract → landing → conform → decide → staging. Memory is bounded by the part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandera.pandas import DataFrameSchema
from psycopg2.extras import Json

from hopnhat.declared import check_encodings
from hopnhat.extract.contract import ROW, KeyRange, Source
from hopnhat.landing.parts import FINGERPRINT, Part, has_part, read_part, write_part
from hopnhat.load import ledger, stage
from hopnhat.load.ledger import Run
from hopnhat.load.target import Connection
from hopnhat.version import drift_version
from mappings.spec import Entity, System, Table
from mappings.units.registry import Registry
from transforms import outcomes
from transforms.conform import Conformed, Finding, conform
from transforms.fingerprints import fingerprint, source_keys
from transforms.held import problems_of, raw_payloads
from transforms.outcomes import Known, Outcomes
from transforms.places import Answers, Placer
from transforms.units import Scope
from validators.dossiers import dossier_warnings
from validators.entities import failures, row_schema


@dataclass
class SourceWork:
    """What a worker keeps between the parts of one source: connections, answers already found, rows already waiting."""

    system: System
    table: Table
    entity: Entity
    run: Run
    source: Source
    target: Connection
    registry: Registry
    landing: str
    live: bool
    placer: Placer | None = None
    saved: tuple[Answers | None, int] = (None, 0)
    """Of which store of answers how many are in the database already."""
    held: pa.Array | None = None
    parentless: pa.Array | None = None
    habits: dict[str, bool] = field(default_factory=dict)
    drift: str = ""
    """A change of columns for which every row of the table waits; '' = none."""

    def __post_init__(self) -> None:
        if self.table.unit:
            scope = Scope(provinces=tuple(self.system.provinces))
            self.placer = Placer(self.registry, scope, self.table.unit.carries, self.system.units_as_of.isoformat())

    @cached_property
    def schema(self) -> DataFrameSchema:
        return row_schema(self.entity)

    @property
    def source_id(self) -> str:
        return self.system.source_id(self.table)

    @property
    def version_id(self) -> int:
        return drift_version(self.run.version_id, self.drift)

    def held_keys(self) -> pa.Array:
        if self.held is None:
            self.held = pa.array(ledger.held_keys(self.target, self.source_id), pa.string())
            self.target.rollback()
        return self.held

    def parentless_keys(self) -> pa.Array:
        if self.parentless is None:
            found = ledger.parentless_keys(self.target, self.source_id) if self.entity.parent else []
            self.parentless = pa.array(found, pa.string())
            self.target.rollback()
        return self.parentless


def load_part(work: SourceWork, key_range: KeyRange, since: tuple[str, str] | None) -> dict[str, int]:
    """Bring one key range into staging. Returns its outcome counts."""
    frame = work.source.read(work.table.name, work.table.key, key_range, work.table.used_columns(), since)
    if key_range.number == 0:
        check_encodings(work.system, work.table, work.entity, frame)
    columns = [name for name in frame.column_names if name != ROW]
    frame = frame.append_column(FINGERPRINT, fingerprint(frame, columns))
    part = write_part(work.landing, work.source_id, frame)
    before = ledger.last_batch(work.target, work.source_id, key_range.number) if work.live and since is None else None
    work.target.rollback()
    if before and before.version_id != work.version_id:
        before = None
    batch = _batch(work, key_range, part, since, frame)
    if before and before.part_sha == part.sha256 and not _awaits_parents(work, frame):
        return _repeat(work, batch, before)
    return _stage(work, batch, frame, _known(work, before))


def _batch(work: SourceWork, key_range: KeyRange, part: Part, since: tuple[str, str] | None, frame: pa.Table) -> dict[str, Any]:
    mark = None
    if work.table.watermark and frame.num_rows:
        greatest = pc.max(frame[work.table.watermark]).as_py()
        mark = greatest.decode("utf-8", "replace") if greatest is not None else None
    return {
        "run_id": work.run.run_id, "system": work.system.id, "source": work.source_id, "entity": work.table.entity,
        "part_number": key_range.number, "key_low": key_range.low and list(key_range.low),
        "key_high": key_range.high and list(key_range.high), "part": part.path, "part_sha": part.sha256,
        "version_id": work.version_id, "whole": since is None, "high_mark": mark, "state": "staged",
    }  # fmt: skip


def _repeat(work: SourceWork, batch: Mapping[str, Any], before: ledger.Batch) -> dict[str, int]:
    counts = dict(before.counts)
    counts["unchanged"] += counts["published"]
    counts["published"] = 0
    stage.stage_unchanged(work.target, {**batch, **counts, "held_again": counts["quarantined"]}, before)
    return counts


def _awaits_parents(work: SourceWork, frame: pa.Table) -> bool:
    keys = work.parentless_keys()
    return len(keys) > 0 and bool(pc.any(pc.is_in(source_keys(frame, work.table.key), value_set=keys)).as_py())


def _known(work: SourceWork, before: ledger.Batch | None) -> Known | None:
    """Keys and fingerprints of the last reading of this part, from the landing zone: it costs the database nothing."""
    if before is None or not has_part(work.landing, before.part):
        return None
    frame = read_part(work.landing, before.part, [*work.table.key, FINGERPRINT])
    keys, hashes = source_keys(frame, work.table.key), frame[FINGERPRINT].combine_chunks()
    settled = pc.invert(pc.is_in(keys, value_set=work.parentless_keys()))
    return Known(keys.filter(settled), hashes.filter(settled), work.held_keys())


def _stage(work: SourceWork, batch: Mapping[str, Any], frame: pa.Table, known: Known | None) -> dict[str, int]:
    keys, missing_key = _keys(work, frame, batch["part_number"])
    hashes = frame[FINGERPRINT].combine_chunks()
    conformed = conform(frame, work.system, work.table, work.entity, work.placer, work.habits)
    rules = outcomes.filter_rules(conformed.filters, work.table.filters, frame.num_rows)
    problems = list(conformed.problems)
    if missing_key is not None:
        problems.append(Finding("source_key", "|".join(work.table.key), missing_key))
    if work.drift:
        problems.append(Finding("table", work.drift, pa.repeat("schema-drift", frame.num_rows)))
    decided = outcomes.decide(keys, hashes, rules=rules, rejected=_any(problems, frame.num_rows), known=known)
    accepted = _accepted(conformed, keys, hashes, decided)
    if invalid := _invalid(work, accepted, decided):
        problems += invalid
        decided = outcomes.decide(keys, hashes, rules=rules, rejected=_any(problems, frame.num_rows), known=known)
        accepted = _accepted(conformed, keys, hashes, decided)
    if decided.duplicate_key.any():
        clash = pc.if_else(pa.array(decided.duplicate_key), "key-duplicate", pa.scalar(None, pa.string()))
        problems.append(Finding("source_key", "|".join(work.table.key), clash))
    _save_resolutions(work, conformed)
    counts = decided.counts()
    staged = stage.StagedPart(
        batch={**batch, "era": Json(conformed.placed.spoken()) if conformed.placed else None, "extracted": frame.num_rows, **counts, "held_again": int(decided.held_again.sum())},
        accepted=accepted,
        held=_held(work, frame, conformed, problems, decided, keys, hashes),
        unit_counts=outcomes.unit_counts(decided, conformed.columns.get("old_commune_code")),
        left_out=_left_out(work, keys, decided),
    )
    stage.stage(work.target, work.source_id, work.entity, staged)
    return {"extracted": frame.num_rows, **counts}


def _keys(work: SourceWork, frame: pa.Table, part_number: int) -> tuple[pa.Array, pa.Array | None]:
    """Source key per row; a row without one gets its coordinate instead, and a reason."""
    keys = source_keys(frame, work.table.key)
    blank = pc.or_kleene(pc.is_null(keys), pc.equal(pc.utf8_trim_whitespace(keys), ""))
    if not pc.any(blank).as_py():
        return keys, None
    rows = frame[ROW].combine_chunks() if ROW in frame.column_names else pa.array(np.arange(frame.num_rows))
    coordinate = pc.binary_join_element_wise(f"(no key) {part_number}", rows.cast(pa.string()), ":")
    return pc.if_else(blank, coordinate, keys), pc.if_else(blank, "key-missing", pa.scalar(None, pa.string()))


def _any(problems: Sequence[Finding], rows: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(rows, bool)
    for problem in problems:
        mask |= problem.reasons.is_valid().to_numpy(zero_copy_only=False)
    return mask


def _invalid(work: SourceWork, accepted: Mapping[str, pa.Array], decided: Outcomes) -> list[Finding]:
    """Run the pandera schema over the rows that would be published."""
    rows, schema = decided.rows(outcomes.PUBLISHED), work.schema
    frame = pd.DataFrame({name: pd.Series(accepted[name].to_pandas()) for name in schema.columns})
    found: dict[tuple[str, str], list[int]] = {}
    for name, reason, row in failures(frame, schema):
        found.setdefault((name, reason), []).append(int(rows[row]))
    return [Finding(name, _source_column(work.table, name), _reasons_at(at, reason, len(decided.code))) for (name, reason), at in found.items()]


def _source_column(table: Table, name: str) -> str:
    return table.columns[name].source if name in table.columns else name


def _reasons_at(rows: Sequence[int], reason: str, length: int) -> pa.Array:
    reasons = np.full(length, None, object)
    reasons[list(rows)] = reason
    return pa.array(reasons, pa.string())


def _accepted(conformed: Conformed, keys: pa.Array, hashes: pa.Array, decided: Outcomes) -> dict[str, pa.Array]:
    accepted = decided.code == outcomes.PUBLISHED
    columns = {"source_key": keys, **conformed.columns, "source_hash": hashes, "warnings": _warnings(conformed, len(keys))}
    return columns if accepted.all() else {name: values.filter(pa.array(accepted)) for name, values in columns.items()}


def _left_out(work: SourceWork, keys: pa.Array, decided: Outcomes) -> list[str]:
    rows = decided.rows(outcomes.FILTERED)
    if not work.live or not len(rows):
        return []
    left = keys.take(pa.array(rows))
    return list(pc.unique(left.filter(pc.is_in(left, value_set=work.held_keys()))).to_pylist())


def _warnings(conformed: Conformed, rows: int) -> pa.Array:
    """`field:code` of everything that was changed or looks odd, as one list per row; null where there is nothing."""
    named = [(w.field, w.reasons) for w in conformed.warnings]
    if "status" in conformed.columns:
        named += dossier_warnings(conformed.columns)
    marked = np.zeros(rows, bool)
    for _, reasons in named:
        marked |= reasons.is_valid().to_numpy(zero_copy_only=False)
    at = pa.array(np.flatnonzero(marked))
    if len(at) == 0:
        return pa.nulls(rows, pa.list_(pa.string()))
    entries = [pc.fill_null(pc.binary_join_element_wise(field, reasons.take(at), ":"), "") for field, reasons in named]
    joined = pc.binary_join_element_wise(*entries, " ") if len(entries) > 1 else entries[0]
    lists = pc.split_pattern(pc.utf8_trim_whitespace(pc.replace_substring_regex(joined, " +", " ")), " ")
    return lists.take(pa.array(np.cumsum(marked) - 1, mask=~marked))


def _held(
    work: SourceWork, frame: pa.Table, conformed: Conformed, problems: Sequence[Finding], decided: Outcomes, keys: pa.Array, hashes: pa.Array
) -> pa.Table | None:
    """The rows that go to quarantine, as its table has them."""
    rows = np.setdiff1d(decided.rows(outcomes.QUARANTINED), np.flatnonzero(decided.held_again))
    if len(rows) == 0:
        return None
    personal = frozenset(n for n, c in work.entity.columns.items() if c.pii != "none") | {"unit", "address_old", "source_key"}
    at, columns = pa.array(rows), conformed.columns

    def taken(name: str | None) -> pa.Array:
        return columns[name].take(at) if name and name in columns else pa.nulls(len(rows), pa.string())

    month = [m and f"{m:%Y-%m}" for m in taken(work.entity.month).to_pylist()]
    placed = "old_commune_code" in columns
    return pa.table(
        {
            "source": pa.repeat(work.source_id, len(rows)), "entity": pa.repeat(work.table.entity, len(rows)),
            "source_key": keys.take(at), "source_hash": hashes.take(at),
            "old_unit": taken("old_commune_code").fill_null(outcomes.UNKNOWN_UNIT) if placed else pa.repeat(outcomes.NO_UNIT, len(rows)),
            "month": pa.array(month, pa.string()), "status": taken("status"), "resolution_id": taken("resolution_id"),
            "problems": problems_of(problems, frame, rows, personal), "raw": raw_payloads(frame, rows),
        }
    )  # fmt: skip


def _save_resolutions(work: SourceWork, conformed: Conformed) -> None:
    if conformed.placed is None:
        return
    known, already = conformed.placed.known, work.saved
    start = already[1] if already[0] is known else 0
    if start < len(known):
        stage.save_resolutions(work.target, known.since(start), work.registry.version)
        work.saved = (known, len(known))
