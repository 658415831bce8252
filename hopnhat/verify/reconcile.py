"""Prove a finished run: landing, registry and target compared in SQL, apart from the code that loaded them (law 9)."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg2.extensions import connection

from hopnhat.model.errors import RunError
from hopnhat.verify.cells import Cells, day_part, is_plain
from hopnhat.verify.crosswalk import load_crosswalk
from hopnhat.verify.expected import MAPS, WRONG, classify, join_sides, judge
from hopnhat.verify.explanations import explanations, unexplained_keys
from hopnhat.verify.landed import ROW, Shape, backslashed, cell_texts, cells_read, filter_rule, key_expression, quoted, shape_of
from hopnhat.verify.legs import Proof, expected_published, landing_expected, source_landing, source_published
from hopnhat.verify.parts import check_parts, transports
from hopnhat.verify.target import (
    RunFacts,
    batches_of,
    create_published,
    fetch_held,
    fetch_keys,
    fetch_published,
    leaf_tables,
    published_columns,
    run_facts,
    write_published_cells,
)
from mappings.read import load_domain
from mappings.spec import Entity, System, Table
from validators.reconciliation import EXPECTED_PUBLISHED, LANDING_EXPECTED, Example, Line, Verdict, broken, not_applicable

MEMORY = "300MB"
"""What DuckDB may hold before it goes to disk: with it the proof stays below a loading worker, whatever the rows."""
_EXAMPLES = 20


@dataclass(frozen=True)
class RunRow:
    """The run as the ledger has it."""

    state: str
    mode: str
    as_of: date
    registry_version: str
    until: date


@dataclass(frozen=True)
class Work:
    """What the check of one source needs."""

    conn: connection
    system: System
    table: Table
    entity: Entity
    run_id: str
    run: RunRow
    landing_root: str
    staged: str

    @property
    def source(self) -> str:
        return self.system.source_id(self.table)


def reconcile(
    conn: connection,
    system: System,
    run_id: str,
    landing_root: str,
    source_counts: Mapping[str, int] | None,
    *,
    staged: Mapping[str, str] | None = None,
) -> Verdict:
    """Recompute what a run should have done, compare it with what the target holds, and write verify.result.

    Args:
        conn: the unified database; the results are written but not committed.
        source_counts: source id → rows counted in the live source; None or absent = not counted.
        staged: for a rehearsed run, source id → relation (quoted as SQL needs it) of its staged rows, when that is not
            `staging."<source>"`.

    Raises:
        RunError: the run is unknown or neither published nor rehearsed.
    """
    run = _run_row(conn, run_id, system.id)
    domain = load_domain(system.domain)
    lines: list[Line] = []
    examples: list[Example] = []
    for table in system.tables:
        source = system.source_id(table)
        relation = (staged or {}).get(source, f"staging.{quoted(source)}")
        work = Work(conn, system, table, domain.entities[table.entity], run_id, run, landing_root, relation)
        found, where = _check_source(work, (source_counts or {}).get(source))
        lines += found
        examples += where
    verdict = Verdict(system.id, run_id, tuple(lines), tuple(examples))
    _write(conn, verdict)
    return verdict


def _run_row(conn: connection, run_id: str, system: str) -> RunRow:
    with conn.cursor() as cursor:
        cursor.execute(
            "select r.state, r.mode, r.as_of, v.registry_version, v.until from ledger.run r join ledger.version v using (version_id)"
            " where r.run_id = %s and r.system = %s",
            (run_id, system),
        )
        row = cursor.fetchone()
    if row is None:
        raise RunError(f"no run {run_id!r}", system=system, hint="see `runs` for those that the ledger knows")
    if row[0] not in ("published", "rehearsed"):
        raise RunError(f"run {run_id!r} is {row[0]}", system=system, hint="only a finished run can be reconciled")
    return RunRow(*row)


def _check_source(work: Work, source_count: int | None) -> tuple[list[Line], list[Example]]:
    facts = run_facts(work.conn, work.run_id, work.system.id, work.source)
    with tempfile.TemporaryDirectory(prefix="hopnhat-verify-") as scratch, _database(scratch) as db:
        parts = check_parts(work.landing_root, facts.parts, Path(scratch))
        if parts.altered:
            lines = [*source_landing(work.source, facts, parts.altered, None, source_count)]
            why = "the landing zone is not what was landed; nothing can be proved from it"
            return [*lines, *(broken(work.source, leg, "rows", why) for leg in (LANDING_EXPECTED, EXPECTED_PUBLISHED))], []
        if not facts.parts:
            return [not_applicable(work.source, LANDING_EXPECTED, "rows", "the run has no part of this source")], []
        shape = shape_of(work.table, work.entity)
        _load(work, db, shape, facts, parts.files)
        counts = join_sides(db, shape, [rule.rule for rule in work.table.filters])
        _set_aside_older(work, db)
        classify(db, shape)
        codes = work.system.codes.get(work.table.columns[shape.status].codes or "", {}) if shape.status else {}
        formats = work.table.columns[shape.month].formats if shape.month else []
        judge(db, shape, codes=codes, formats=formats, as_of=work.run.as_of, encodings=_encodings(work.table, shape))
        proof = Proof(db, work.source, shape, facts, counts, source_count)
        lines = [
            *source_landing(work.source, facts, (), counts["landed"], source_count), *landing_expected(proof), *explanations(proof, work.conn),
            *expected_published(proof), *source_published(proof),
        ]  # fmt: skip
        return lines, list(_examples(work, proof, lines))


def _database(scratch: str) -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    db.execute(f"set memory_limit = '{MEMORY}'")
    for threshold in ("allocator_flush_threshold", "allocator_bulk_deallocation_flush_threshold"):
        db.execute(f"set {threshold} = '16MB'")  # freed memory goes back at once: the limit is then also what is seen from outside
    db.execute(f"set temp_directory = '{scratch}/spill'")
    db.execute(f"set threads = {len(os.sched_getaffinity(0))}")
    db.execute("set preserve_insertion_order = false")
    db.create_function("backslashed", backslashed, ["BLOB"], "VARCHAR", null_handling="special")  # type: ignore[call-overload]
    return db


def _load(work: Work, db: duckdb.DuckDBPyConnection, shape: Shape, facts: RunFacts, files: tuple[str, ...]) -> None:
    """Fill the tables lf (landed), p (published) and q (held)."""
    cells = Cells()
    _load_landed(work, db, shape, cells, files)
    unit = work.table.unit
    if shape.has_unit and unit:
        load_crosswalk(db, version=work.run.registry_version, as_of=work.system.units_as_of, until=work.run.until, carries=unit.carries)
    create_published(db, shape)
    _load_published(work, db, shape, cells, facts)
    write_published_cells(db, cells)
    fetch_held(work.conn, db, work.run_id, work.source)


def _load_landed(work: Work, db: duckdb.DuckDBPyConnection, shape: Shape, cells: Cells, files: tuple[str, ...]) -> None:
    """Table lf: a row per landed row, its key as text, its cells as numbers, and the number of its filter rule."""
    named, key = cells_read(work.table, shape), work.table.key
    db.execute(f"create table l (k varchar{''.join(f', {name} integer' for name in named)})")
    for file in files:
        part = pq.read_table(file, columns=list(dict.fromkeys([*key, *named.values()]))).combine_chunks()
        plain = len(key) == 1 and key[0] != ROW and is_plain(part[key[0]])
        numbers = {name: cells.numbered(name, _cell(name, part[column])) for name, column in named.items()}
        keys = {column: part[column].cast(pa.string()) if plain else part[column] for column in key}
        db.register("part", pa.table({**{f"key {name}": values for name, values in keys.items()}, **numbers}))
        spelled = quoted(f"key {key[0]}") if plain else key_expression([f"key {name}" for name in key], rows=f"key {ROW}")
        db.execute(f"insert into l select {', '.join([spelled, *numbers])} from part")
        db.unregister("part")
    for name, text in cell_texts(work.table, shape, transports(files[0])).items():
        cells.write(db, name, text)
    rules = [name for name in named if name.startswith("f")]
    joins = " ".join(f"join cell_{name} {name} on {name}.code = l.{name}" for name in rules)
    kept = ", ".join(f"l.{name}" for name in ("k", *named) if name not in rules)
    db.execute(f"create view lf as select {kept}, {filter_rule(work.table, shape)} as f from l {joins}")


def _cell(name: str, column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return day_part(whole) if name == "d" else whole


def _load_published(work: Work, db: duckdb.DuckDBPyConnection, shape: Shape, cells: Cells, facts: RunFacts) -> None:
    columns = published_columns(work.entity, shape)
    keys = None if facts.whole else [str(k) for (k,) in db.execute("select distinct k from l where k is not null").fetchall()]
    relations = _relations(work)
    for number, leaf in enumerate(relations):
        if keys is not None:
            fetch_keys(work.conn, db, cells, leaf, work.source, columns, keys)
        elif number == 0:
            fetch_published(work.conn, db, cells, leaf, work.source, columns)
        else:  # a rehearsal: what was published before and is not staged anew stays as it is
            db.execute("create table before as select * from p limit 0")
            fetch_published(work.conn, db, cells, leaf, work.source, columns, into="before")
            db.execute("insert into p select * from before anti join p using (k)")
    _set_aside_gone(work, db)


def _set_aside_gone(work: Work, db: duckdb.DuckDBPyConnection) -> None:
    """Rows noted as gone from the source stay published: expected, provided that this reading really did not meet them."""
    with work.conn.cursor() as cursor:
        cursor.execute("select distinct source_key from ledger.gone where source = %s", (work.source,))
        gone = [key for (key,) in cursor.fetchall()]
    if gone:
        db.execute("delete from p where k in (select unnest(?)) and k not in (select k from l where k is not null)", [gone])


def _relations(work: Work) -> list[str]:
    staged = leaf_tables(work.conn, work.staged, work.source) if work.run.state == "rehearsed" else []
    return [*staged, *leaf_tables(work.conn, f"unified.{work.table.entity}", work.source)]


def _set_aside_older(work: Work, db: duckdb.DuckDBPyConnection) -> None:
    """A key both published and held: the newer version waits while the older stays (stale), or it is a fault (clash)."""
    stale: list[str] = []
    db.execute("create table clash (k varchar)")
    both = db.execute("select q.k, q.batch_id from q join jc using (k) where jc.side = 0 and q.k not in (select k from again)").fetchall()
    written: dict[str, int] = {}
    for leaf in _relations(work) if both else []:
        written = batches_of(work.conn, leaf, work.source, [k for k, _ in both]) | written
    for key, held in both:
        if held > written[key]:
            stale.append(key)
        elif held == written[key] or work.run.state != "rehearsed":
            db.execute("insert into clash values (?)", [key])
    if stale:
        db.execute("update jc set side = 3 where side = 0 and k in (select unnest(?))", [stale])


def _encodings(table: Table, shape: Shape) -> dict[str, str]:
    """The declared encoding of the status and of the commune name."""
    status = table.columns[shape.status].encoding if shape.status else None
    unit = table.unit.encoding if table.unit else None
    return {"status": status or table.encoding, "unit": unit or table.encoding}


def _examples(work: Work, proof: Proof, lines: list[Line]) -> Iterator[Example]:
    """Keys behind the failing measures. Keys that are personal data themselves are masked by the reports."""
    failing = {line.measure for line in lines if line.verdict == "fail"}
    queries = {
        "keys-missing": "select k from rest where class = 'missing'",
        "keys-unexpected": "select k from j where side = 2",
        "keys-twice": "select k from j where side = 4",
        "keys-published-and-held": "select k from clash",
        "keys-filtered-but-published": "select k from j where side = 0 and f <> ''",
    }
    for name, wrong in WRONG.items():
        queries[f"row-by-row {name}"] = f"select k from j {MAPS[name]} where side = 0 and f = '' and {wrong}"
    for name, n in proof.measures[1:]:
        queries[f"row-by-row {name}"] = f"select k from j where side = 0 and f = '' and m{n}_ok and m{n}_value is distinct from pm{n}"
    for measure in sorted(failing & queries.keys()):
        keys = proof.rows(f"select * from ({queries[measure]}) order by 1 limit {_EXAMPLES}")
        yield Example(work.source, measure, tuple(str(k) for (k,) in keys))
    for measure in sorted(failing & {"units-unexplained", "units-contradicted", "split-without-evidence"}):
        yield Example(work.source, measure, tuple(unexplained_keys(proof)))


def _write(conn: connection, verdict: Verdict) -> None:
    """Replace the results of this run and system: the latest check stands."""
    columns = (
        "run_id", "system", "source", "leg", "measure", "old_unit", "new_unit", "month", "status", "source_value", "landing_value",
        "published_value", "quarantined_value", "other_value", "difference", "verdict", "note",
    )  # fmt: skip
    values = attrgetter(*columns[2:])
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows((verdict.run_id, verdict.system, *values(line)) for line in verdict.lines)
    lines.seek(0)
    texts = ", ".join(c for c in columns if not c.endswith("_value") and c != "difference")  # empty there is empty, not NULL
    with conn.cursor() as cursor:
        cursor.execute("delete from verify.result where run_id = %s and system = %s", (verdict.run_id, verdict.system))
        cursor.copy_expert(f"copy verify.result ({', '.join(columns)}) from stdin (format csv, force_not_null ({texts}))", lines)
