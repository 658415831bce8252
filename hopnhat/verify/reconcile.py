"""Prove a finished run: landing, registry and target compared in SQL, apart from the code that loaded them (law 9)."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv
from psycopg2.extensions import connection

from hopnhat.model.errors import RunError
from hopnhat.verify.cells import Cells
from hopnhat.verify.crosswalk import crosswalk, load_crosswalk
from hopnhat.verify.expected import MAPS, WRONG, classify, join_sides, judge
from hopnhat.verify.explanations import explanations, unexplained_keys
from hopnhat.verify.landed import Shape, quoted, shape_of
from hopnhat.verify.legs import Found, Proof, expected_published, landing_expected, source_landing, source_published
from hopnhat.verify.side import LandedSide
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
from validators.reconciliation import EXPECTED_PUBLISHED, LANDING_EXPECTED, Example, Verdict, as_table, broken, not_applicable, with_verdict

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
    beside: connection | None = None

    @property
    def sessions(self) -> list[connection]:
        """Those that share the reading of a large table."""
        return [self.conn, self.beside] if self.beside else [self.conn]

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
    ahead: LandedSide | None = None,
    beside: connection | None = None,
) -> Verdict:
    """Recompute what a run should have done, compare it with what the target holds, and write verify.result.

    Args:
        conn: the unified database; the results are written but not committed.
        source_counts: source id → rows counted in the live source; None or absent = not counted.
        staged: for a rehearsed run, source id → relation (quoted as SQL needs it) of its staged rows, when that is not
            `staging."<source>"`.
        ahead: what was read of one source already; used only if the run names those parts, and closed.
        beside: a second session on the unified database, which then shares the reading of what was published.

    Raises:
        RunError: the run is unknown or neither published nor rehearsed.
    """
    run = _finished_run(conn, run_id, system.id)
    domain = load_domain(system.domain)
    tables: list[pa.Table] = []
    examples: list[Example] = []
    for table in system.tables:
        source = system.source_id(table)
        relation = (staged or {}).get(source, f"staging.{quoted(source)}")
        work = Work(conn, system, table, domain.entities[table.entity], run_id, run, landing_root, relation, beside)
        found, where = _check_source(work, (source_counts or {}).get(source), ahead)
        tables.append(found)
        examples += where
    verdict = Verdict(system.id, run_id, as_table(tables), tuple(examples))
    _write(conn, verdict)
    return verdict


def side_ahead(conn: connection, system: System, run_id: str, landing_root: str) -> LandedSide:
    """The landing side of the system's largest source, still unread, for a reconcile() of the same run that follows: it
    needs nothing of the target, so its parts can be read as they come. So does the crosswalk, made and kept for that call."""
    run = _run_row(conn, run_id, system.id)
    for carries in {table.unit.carries for table in system.tables if table.unit}:
        crosswalk(run.registry_version, system.units_as_of, run.until, carries)
    with conn.cursor() as cursor:
        cursor.execute("select source from ledger.source_count where run_id = %s and system = %s order by rows desc, source limit 1", (run_id, system.id))
        largest = (cursor.fetchone() or ("",))[0]
    conn.rollback()
    table = next((table for table in system.tables if system.source_id(table) == largest), system.tables[0])
    return LandedSide(system, table, load_domain(system.domain).entities[table.entity], landing_root)


def catch_up(conn: connection, system: str, run_id: str, side: LandedSide) -> None:
    """Read the parts that were staged since the last call."""
    parts = run_facts(conn, run_id, system, side.source).parts
    conn.rollback()
    side.read(parts)


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
    return RunRow(*row)


def _finished_run(conn: connection, run_id: str, system: str) -> RunRow:
    run = _run_row(conn, run_id, system)
    if run.state not in ("published", "rehearsed"):
        raise RunError(f"run {run_id!r} is {run.state}", system=system, hint="only a finished run can be reconciled")
    return run


def _check_source(work: Work, source_count: int | None, ahead: LandedSide | None) -> tuple[pa.Table, list[Example]]:
    facts = run_facts(work.conn, work.run_id, work.system.id, work.source)
    if ahead is None or ahead.source != work.source or not set(ahead.parts) <= set(facts.parts):
        ahead = LandedSide(work.system, work.table, work.entity, work.landing_root)
    with ahead as side:
        side.read(facts.parts)
        side.complete()
        db = side.db
        if side.altered:
            lines = [*source_landing(work.source, facts, side.altered, None, source_count)]
            why = "the landing zone is not what was landed; nothing can be proved from it"
            return as_table([*lines, *(broken(work.source, leg, "rows", why) for leg in (LANDING_EXPECTED, EXPECTED_PUBLISHED))]), []
        if not facts.parts:
            return as_table([not_applicable(work.source, LANDING_EXPECTED, "rows", "the run has no part of this source")]), []
        shape = shape_of(work.table, work.entity)
        _load(work, side, shape, facts)
        db.execute(f"set threads = {len(os.sched_getaffinity(0))}")  # everything is here: the target is not needed meanwhile
        counts = join_sides(db, shape, [rule.rule for rule in work.table.filters])
        _set_aside_older(work, db)
        classify(db, shape)
        codes = work.system.codes.get(work.table.columns[shape.status].codes or "", {}) if shape.status else {}
        formats = work.table.columns[shape.month].formats if shape.month else []
        judge(db, shape, codes=codes, formats=formats, as_of=work.run.as_of, encodings=_encodings(work.table, shape))
        proof = Proof(db, work.source, shape, facts, counts, source_count)
        found = as_table([*source_landing(work.source, facts, (), counts["landed"], source_count), *_legs(proof, work.conn), *source_published(proof)])
        return found, list(_examples(work, proof, found))


def _legs(proof: Proof, conn: connection) -> list[Found]:
    """Legs 2 and 3, each in a session of its own: queries over a few thousand groups leave one of two cores idle."""
    checks: list[Callable[[Proof], Iterable[Found]]] = [landing_expected, lambda own: explanations(own, conn), expected_published]
    with ThreadPoolExecutor(len(checks)) as threads:
        found = list(threads.map(lambda check: list(check(replace(proof, db=proof.db.cursor()))), checks))
    return [line for lines in found for line in lines]


def _load(work: Work, side: LandedSide, shape: Shape, facts: RunFacts) -> None:
    """Fill the tables p (published) and q (held) beside what was landed."""
    unit = work.table.unit
    if shape.has_unit and unit:
        load_crosswalk(side.db, version=work.run.registry_version, as_of=work.system.units_as_of, until=work.run.until, carries=unit.carries)
    create_published(side.db, shape)
    _load_published(work, side.db, shape, side.cells, facts)
    write_published_cells(side.db, side.cells)
    fetch_held(work.conn, side.db, work.run_id, work.source)


def _load_published(work: Work, db: duckdb.DuckDBPyConnection, shape: Shape, cells: Cells, facts: RunFacts) -> None:
    columns = published_columns(work.entity, shape)
    keys = None if facts.whole else [str(k) for (k,) in db.execute("select distinct k from l where k is not null").fetchall()]
    relations = _relations(work)
    for number, leaf in enumerate(relations):
        if keys is not None:
            fetch_keys(work.conn, db, cells, leaf, work.source, columns, keys)
        elif number == 0:
            fetch_published(work.sessions, db, cells, leaf, work.source, columns)
        else:  # a rehearsal: what was published before and is not staged anew stays as it is
            db.execute("create table before as select * from p limit 0")
            fetch_published(work.sessions, db, cells, leaf, work.source, columns, into="before")
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


def _examples(work: Work, proof: Proof, lines: pa.Table) -> Iterator[Example]:
    """Keys behind the failing measures. Keys that are personal data themselves are masked by the reports."""
    failing = set(with_verdict(lines, "fail")["measure"].to_pylist())
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
    rows, out = verdict.table, io.BytesIO()
    for name, value in (("run_id", verdict.run_id), ("system", verdict.system)):
        rows = rows.append_column(name, pa.repeat(value, rows.num_rows))
    pacsv.write_csv(rows, out, pacsv.WriteOptions(include_header=False))
    out.seek(0)
    with conn.cursor() as cursor:
        cursor.execute("delete from verify.result where run_id = %s and system = %s", (verdict.run_id, verdict.system))
        cursor.copy_expert(f"copy verify.result ({', '.join(rows.column_names)}) from stdin (format csv)", out)
