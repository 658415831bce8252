"""The prover on a small hand-made run: it passes when all is well, and finds every planted fault on the right leg.

The run is loaded here by plain SQL, not by the loader: a prover that agrees with the loader's mistakes would pass.
Synthetic dossiers at real places of Hà Nội; unit facts are those of the registry.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pyarrow as pa
import pytest
from psycopg2.extensions import connection

from hopnhat.landing.parts import write_part
from hopnhat.model.errors import RunError
from hopnhat.server import dsn
from hopnhat.verify.reconcile import reconcile
from mappings.spec import System
from validators.reconciliation import EXPECTED_PUBLISHED, LANDING_EXPECTED, SOURCE_LANDING, SOURCE_PUBLISHED, Verdict

SYSTEM = System.model_validate(
    {
        "id": "alpha", "title": "Một cửa quận Ba Đình", "domain": "dossiers", "technology": "mariadb", "connection": "alpha", "server": "alpha",
        "units_as_of": "2025-06-30", "codes": {"status": {"0": "1", "1": "4", "9": "10"}},
        "tables": [
            {
                "name": "hoso", "entity": "dossier", "key": ["id"], "expect": {"min_rows": 1, "max_rows": 1000},
                "columns": {
                    "dossier_no": "ma", "status": {"from": "tt", "codes": "status"}, "fee_amount": "phi",
                    "received_at": {"from": "ngay", "formats": ["dd/mm/yyyy hh:mm"]},
                },
                "unit": {"carries": "people", "commune_code": "ma_xa", "commune": "ten_xa"},
                "filters": [{"rule": "test_rows", "column": "loai", "values": ["TEST"], "why": "rows of the vendor's training"}],
            }
        ],
    }
)  # fmt: skip
COLUMNS = ("id", "ma", "tt", "phi", "ngay", "ma_xa", "ten_xa", "loai")
# Phúc Xá → Hồng Hà; Trúc Bạch → Ba Đình; Vĩnh Phúc → Ngọc Hà; Cống Vị is split between Ngọc Hà 00008 and Giảng Võ 00025.
UNITS = {"00001": ("Phường Phúc Xá", "00097"), "00004": ("Phường Trúc Bạch", "00004"), "00006": ("Phường Vĩnh Phúc", "00008")}
SPLIT = ("00007", "Phường Cống Vị", ("00008", "00025"))
STATUS = {"0": "1", "1": "4", "9": "10"}


@dataclass(frozen=True)
class Rig:
    """One finished run of 60 rows: 48 published, 8 held, 2 filtered, 1 merged, 1 waiting for a steward's split."""

    conn: connection
    landing: Path
    run_id: str = "r1"

    def check(self, rows: int | None = 60) -> Verdict:
        verdict = reconcile(self.conn, SYSTEM, self.run_id, str(self.landing), None if rows is None else {"alpha.hoso": rows})
        self.conn.commit()
        return verdict

    def run(self, statement: str) -> int:
        with self.conn.cursor() as cursor:
            cursor.execute(statement)
            return int(cursor.rowcount)


@contextmanager
def finished_run(url: str, landing: Path) -> Iterator[Rig]:
    """The run of this module in a database that has the schema, and its parts in `landing`."""
    with closing(psycopg2.connect(dsn(url))) as conn:
        _load(conn, landing)
        yield Rig(conn, landing)


@pytest.fixture
def rig(furnished: str, tmp_path: Path) -> Iterator[Rig]:
    with finished_run(furnished, tmp_path / "landing") as run:
        yield run


def _raw(number: int) -> dict[str, bytes | None]:
    code, (name, _) = list(UNITS.items())[number % 3]
    return {
        "id": str(number).encode(), "ma": f"HS-{number:04d}".encode(), "tt": str([0, 1, 9][number % 3]).encode(),
        "phi": [b"15000", b"1.250.000", b"0", None][number % 4], "ngay": f"{number % 28 + 1:02d}/{number % 12 + 1:02d}/2024 08:30".encode(),
        "ma_xa": code.encode(), "ten_xa": name.encode(), "loai": b"",
    }  # fmt: skip


def landed_rows() -> list[dict[str, bytes | None]]:
    rows = [_raw(n) for n in range(1, 60)]
    rows[9] |= {"loai": b"TEST"}  # 10, 11: filtered
    rows[10] |= {"loai": b" TEST "}
    for n in range(20, 27):  # 21–27: a status nobody mapped
        rows[n] |= {"tt": b"77"}
    rows[29] |= {"ma_xa": SPLIT[0].encode(), "ten_xa": SPLIT[1].encode()}  # 30: waits; 31, 32: decided by the address
    for n in (30, 31):
        rows[n] |= {"ma_xa": SPLIT[0].encode(), "ten_xa": SPLIT[1].encode()}
    rows[40] |= {"ten_xa": "Phường Kim Mã".encode()}  # 41: code and name disagree: the code alone proves nothing
    rows[41] |= {"ngay": b"31/02/2024 00:00"}  # 42: impossible, held
    rows.append(dict(rows[4]))  # an exact copy of row 5
    return rows


def _load(conn: connection, landing: Path) -> None:
    rows = landed_rows()
    table = pa.table({c: pa.array([r[c] for r in rows], pa.binary()) for c in COLUMNS})
    parts = [write_part(str(landing), "alpha.hoso", table.slice(at, 30)) for at in (0, 30)]
    held = {n for n in range(21, 28)} | {30, 42}
    with conn.cursor() as cursor:
        cursor.execute("insert into ledger.version values (1, 'alpha', 'm', '2026-08-24', 'c', '2026-11-01')")
        cursor.execute(
            "insert into ledger.run (run_id, system, mode, as_of, state, version_id) values ('r1', 'alpha', 'bulk', '2026-11-01', 'published', 1)"
        )
        cursor.execute("create table unified.here partition of unified.dossier for values in ('alpha.hoso')")
        for number, part in enumerate(parts):
            ids = [int(r["id"] or 0) for r in rows[number * 30 : number * 30 + 30]]
            n_held, n_filtered, n_merged = sum(i in held for i in ids), sum(i in (10, 11) for i in ids), number
            cursor.execute(
                "insert into ledger.batch (run_id, system, source, entity, part_number, part, part_sha, version_id, extracted, published,"
                " unchanged, merged, quarantined, filtered, state) values ('r1', 'alpha', 'alpha.hoso', 'dossier', %s, %s, %s, 1, %s, %s, 0, %s,"
                " %s, %s, 'published') returning batch_id",
                (number, part.path, part.sha256, len(ids), len(ids) - n_held - n_filtered - n_merged, n_merged, n_held, n_filtered),
            )
            batch = cursor.fetchone()[0]  # type: ignore[index]
            for row in rows[number * 30 : number * 30 + 30][: 30 - n_merged]:
                _load_row(cursor, row, batch, held)
    conn.commit()


def _load_row(cursor: object, row: dict[str, bytes | None], batch: int, held: set[int]) -> None:
    execute = cursor.execute  # type: ignore[attr-defined]
    number = int(row["id"] or 0)
    if number in (10, 11):
        return
    if number in held:
        execute(
            "insert into quarantine.row (batch_id, source, source_key, source_hash, entity, old_unit, problems, raw)"
            " values (%s, 'alpha.hoso', %s, 0, 'dossier', '?', '[]', '{}')",
            (batch, str(number)),
        )
        return
    code = (row["ma_xa"] or b"").decode()
    new = SPLIT[2][number % 2] if code == SPLIT[0] else UNITS[code][1]
    inputs = {"commune_code": code} | ({"text": f"tổ {number}"} if code == SPLIT[0] else {})
    resolution = int(code) * 100 + (number if code == SPLIT[0] else 0)
    execute(
        "insert into unified.unit_resolution (resolution_id, registry_version, inputs, status, old_code, new_code)"
        " values (%s, '2026-08-24', %s, 'resolved', %s, %s) on conflict do nothing",
        (resolution, json.dumps(inputs), code, new),
    )
    fee = {b"15000": 15000, b"1.250.000": 1250000, b"0": 0}.get(row["phi"] or b"")
    day = (row["ngay"] or b"").decode()
    execute(
        "insert into unified.dossier (source, source_key, dossier_no, status, received_at, fee_amount, old_commune_code, new_commune_code,"
        " resolution_id, source_hash, batch_id) values ('alpha.hoso', %s, %s, %s, to_timestamp(%s, 'DD/MM/YYYY HH24:MI'), %s, %s, %s, %s, 0, %s)",
        (str(number), row["ma"].decode(), STATUS[row["tt"].decode()], day, fee, code, new, resolution, batch),  # type: ignore[union-attr]
    )


def failing(verdict: Verdict) -> set[tuple[str, str]]:
    return {(line.leg, line.measure) for line in verdict.failures()}


def test_a_sound_run_passes_with_every_leg_present(rig: Rig) -> None:
    verdict = rig.check()
    assert failing(verdict) == set()
    assert verdict.outcome == "pass"
    assert {line.leg for line in verdict.lines if line.verdict == "pass"} == {SOURCE_LANDING, LANDING_EXPECTED, EXPECTED_PUBLISHED, SOURCE_PUBLISHED}
    total = next(line for line in verdict.lines if line.leg == LANDING_EXPECTED and line.measure == "rows")
    assert (total.landing_value, total.published_value, total.quarantined_value, total.other_value) == (60, 48, 9, 3)


def test_rows_the_prover_cannot_know_are_a_stratum_of_their_own(rig: Rig) -> None:
    strata = {line.status: line.landing_value for line in rig.check().lines if line.measure == "rows by-stratum"}
    assert strata == {"known": 56, "split": 3, "unknown": 1}


FAULTS: dict[str, tuple[str, set[tuple[str, str]]]] = {
    "a published row is dropped": (
        "delete from unified.dossier where source_key = '7'",
        {(EXPECTED_PUBLISHED, "keys-missing"), (LANDING_EXPECTED, "ledger-published"), (SOURCE_PUBLISHED, "rows"), (LANDING_EXPECTED, "rows by-component")},
    ),
    "a row that no source has appears": (
        "insert into unified.dossier (source, source_key, source_hash, batch_id, status) values ('alpha.hoso', '900', 0, 1, '4')",
        {(EXPECTED_PUBLISHED, "keys-unexpected"), (SOURCE_PUBLISHED, "rows")},
    ),
    "the units of two rows are swapped": (
        "update unified.dossier d set old_commune_code = o.old_commune_code, new_commune_code = o.new_commune_code, resolution_id = o.resolution_id"
        " from unified.dossier o where (d.source_key, o.source_key) in (('7', '8'), ('8', '7'))",
        {(EXPECTED_PUBLISHED, "row-by-row unit")},
    ),
    "a unit is changed without its explanation": (
        "update unified.dossier set new_commune_code = '00025' where source_key = '7'",
        {(EXPECTED_PUBLISHED, "row-by-row unit"), (EXPECTED_PUBLISHED, "rows by-unit"), (LANDING_EXPECTED, "units-contradicted")},
    ),
    "a status is changed": (
        "update unified.dossier set status = '4' where source_key = '9'",
        {(EXPECTED_PUBLISHED, "row-by-row status"), (EXPECTED_PUBLISHED, "rows by-status")},
    ),
    "two statuses are swapped": (
        "update unified.dossier d set status = o.status from unified.dossier o where (d.source_key, o.source_key) in (('7', '8'), ('8', '7'))",
        {(EXPECTED_PUBLISHED, "row-by-row status")},
    ),
    "a fee is lost": (
        "update unified.dossier set fee_amount = null where source_key = '5'",
        {(EXPECTED_PUBLISHED, "row-by-row fee_amount"), (EXPECTED_PUBLISHED, "fee_amount by-status"), (LANDING_EXPECTED, "fee_amount by-component")},
    ),
    "a date slips into another month": (
        "update unified.dossier set received_at = received_at + interval '1 month' where source_key = '6'",
        {(EXPECTED_PUBLISHED, "row-by-row month"), (EXPECTED_PUBLISHED, "rows by-month")},
    ),
    "a split is collapsed into one unit": (
        "update unified.dossier set new_commune_code = '00008', resolution_id = 700 where old_commune_code = '00007'",
        {(LANDING_EXPECTED, "split-without-evidence"), (LANDING_EXPECTED, "units-unexplained")},
    ),
    "a split is guessed from the code, with an explanation that admits it": (
        "update unified.unit_resolution set inputs = inputs - 'text' where old_code = '00007'",
        {(LANDING_EXPECTED, "split-without-evidence")},
    ),
    "an unmapped status is published": (
        "with gone as (delete from quarantine.row where source_key = '21' returning *) insert into unified.dossier (source, source_key,"
        " source_hash, batch_id, status, fee_amount, received_at, old_commune_code, new_commune_code, resolution_id)"
        " select 'alpha.hoso', '21', 0, batch_id, '4', 15000, '2024-10-22', '00001', '00097', 100 from gone",
        {(EXPECTED_PUBLISHED, "row-by-row status"), (LANDING_EXPECTED, "ledger-published"), (LANDING_EXPECTED, "ledger-quarantined")},
    ),
    "a held row is lost": (
        "delete from quarantine.row where source_key = '22'",
        {(EXPECTED_PUBLISHED, "keys-missing"), (LANDING_EXPECTED, "ledger-quarantined")},
    ),
    "a row is both published and held": (
        "insert into quarantine.row (batch_id, source, source_key, source_hash, entity, old_unit, problems, raw)"
        " select batch_id, source, source_key, 0, 'dossier', '?', '[]', '{}' from unified.dossier where source_key = '12'",
        {(EXPECTED_PUBLISHED, "keys-published-and-held")},
    ),
    "a filtered row is published": (
        "insert into unified.dossier (source, source_key, source_hash, batch_id, status) values ('alpha.hoso', '10', 0, 1, '4')",
        {(EXPECTED_PUBLISHED, "keys-filtered-but-published")},
    ),
    "the ledger is edited": (
        "update ledger.batch set published = published - 1, merged = merged + 1 where part_number = 0",
        {(LANDING_EXPECTED, "ledger-published"), (LANDING_EXPECTED, "ledger-merged")},
    ),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.replace(" ", "-"))
def test_a_planted_fault_is_found_by_its_leg(rig: Rig, fault: str) -> None:
    statement, expected = FAULTS[fault]
    assert rig.run(statement) > 0, "the fault was not planted"
    verdict = rig.check()
    assert verdict.outcome == "fail"
    assert expected <= failing(verdict), sorted(failing(verdict))


def test_a_duplicated_row_is_found_even_when_the_table_has_no_key(rig: Rig) -> None:
    rig.run("alter table unified.dossier detach partition unified.here")
    rig.run("alter table unified.here drop constraint here_pkey; alter table unified.dossier drop constraint dossier_pkey")
    rig.run("alter table unified.dossier attach partition unified.here for values in ('alpha.hoso')")
    assert rig.run("insert into unified.dossier select * from unified.dossier where source_key = '7'") == 1
    verdict = rig.check()
    assert {(EXPECTED_PUBLISHED, "keys-twice"), (SOURCE_PUBLISHED, "rows")} <= failing(verdict)
    assert [e.keys for e in verdict.examples if e.measure == "keys-twice"] == [("7",)]


@pytest.mark.parametrize("spoil", [lambda p: p.write_bytes(p.read_bytes()[:-1] + b"?"), lambda p: p.unlink()], ids=["altered", "gone"])
def test_an_altered_landing_part_voids_the_proof(rig: Rig, spoil: Callable[[Path], object]) -> None:
    part = next((rig.landing / "alpha.hoso").rglob("*.parquet"))
    spoil(part)
    verdict = rig.check()
    assert (SOURCE_LANDING, "part-sha256") in failing(verdict)
    assert verdict.outcome == "error"
    assert {line.verdict for line in verdict.lines if line.leg != SOURCE_LANDING} == {"error"}


def test_rows_missing_from_the_source_count_are_leg_one(rig: Rig) -> None:
    assert {(SOURCE_LANDING, "rows"), (SOURCE_PUBLISHED, "rows")} == failing(rig.check(rows=61))


def test_an_uncounted_source_is_said_to_be_so(rig: Rig) -> None:
    lines = [line for line in rig.check(rows=None).lines if line.leg in (SOURCE_LANDING, SOURCE_PUBLISHED) and line.measure == "rows"]
    assert [(line.verdict, line.note) for line in lines] == [("not applicable", "the live source was not counted")] * 2


def test_the_same_data_gives_the_same_digest_and_other_data_another(rig: Rig) -> None:
    first = rig.check().digest
    rig.run("insert into ledger.run (run_id, system, mode, as_of, state, version_id) values ('r2', 'alpha', 'bulk', '2026-11-02', 'published', 1)")
    rig.run("update ledger.batch set run_id = 'r2', unchanged = published, published = 0, held_again = quarantined")
    again = Rig(rig.conn, rig.landing, "r2").check()
    assert again.digest == first
    rig.run("update unified.dossier set status = '4' where source_key = '9'")
    assert Rig(rig.conn, rig.landing, "r2").check().digest != first


def test_results_are_written_and_replaced(rig: Rig) -> None:
    verdict = rig.check()
    rig.check()
    with rig.conn.cursor() as cursor:
        cursor.execute("select count(*), count(distinct leg) from verify.result where run_id = 'r1' and system = 'alpha'")
        assert cursor.fetchone() == (len(verdict.lines), 4)


def test_a_delta_is_checked_for_the_rows_it_read(rig: Rig) -> None:
    """Part 1 alone, as a delta: rows of part 0 are out of its view and nothing is said about them."""
    rig.run("update ledger.batch set whole = false")
    rig.run("insert into ledger.run (run_id, system, mode, as_of, state, version_id) values ('r0', 'alpha', 'bulk', '2026-10-01', 'published', 1)")
    rig.run("update ledger.batch set run_id = 'r0' where part_number = 0")
    rig.run("update ledger.batch set published = published - 1, merged = merged where false")
    verdict = rig.check()
    total = next(line for line in verdict.lines if line.leg == LANDING_EXPECTED and line.measure == "rows")
    assert total.landing_value == 30
    assert (EXPECTED_PUBLISHED, "keys-unexpected") not in failing(verdict)
    rig.run("delete from unified.dossier where source_key = '55'")
    assert (EXPECTED_PUBLISHED, "keys-missing") in failing(rig.check())


def test_a_newer_version_that_waits_leaves_the_older_published(rig: Rig) -> None:
    rig.run("insert into ledger.run (run_id, system, mode, as_of, state, version_id) values ('r0', 'alpha', 'bulk', '2026-10-01', 'published', 1)")
    rig.run(
        "insert into ledger.batch (batch_id, run_id, system, source, entity, part_number, part, part_sha, version_id, extracted, published, unchanged,"
        " merged, quarantined, filtered, state) overriding system value"
        " values (-1, 'r0', 'alpha', 'alpha.hoso', 'dossier', 0, 'x', 'x', 1, 1, 1, 0, 0, 0, 0, 'published')"
    )
    rig.run("update unified.dossier set batch_id = -1, status = '1' where source_key = '12'")
    rig.run(
        "insert into quarantine.row (batch_id, source, source_key, source_hash, entity, old_unit, problems, raw)"
        " select min(batch_id), 'alpha.hoso', '12', 0, 'dossier', '?', '[]', '{}' from ledger.batch where run_id = 'r1'"
    )
    rig.run("update ledger.batch set published = published - 1, quarantined = quarantined + 1 where run_id = 'r1' and part_number = 0")
    assert failing(rig.check()) == set()


def test_a_rehearsed_run_is_proved_on_its_staged_rows(rig: Rig) -> None:
    rig.run("update ledger.run set state = 'rehearsed'")
    rig.run("update ledger.batch set state = 'rehearsed'")
    rig.run('create table staging."alpha.hoso" as select * from unified.dossier where source_key::int > 20')
    rig.run("delete from unified.dossier where source_key::int > 40")
    verdict = reconcile(rig.conn, SYSTEM, "r1", str(rig.landing), None, staged={"alpha.hoso": 'staging."alpha.hoso"'})
    assert failing(verdict) == set()
    rig.run("""update staging."alpha.hoso" set status = '4' where source_key = '57'""")
    verdict = reconcile(rig.conn, SYSTEM, "r1", str(rig.landing), None, staged={"alpha.hoso": 'staging."alpha.hoso"'})
    assert (EXPECTED_PUBLISHED, "row-by-row status") in failing(verdict)


def test_an_unfinished_or_unknown_run_is_refused(rig: Rig) -> None:
    rig.run("update ledger.run set state = 'failed'")
    with pytest.raises(RunError, match="failed"):
        rig.check()
    with pytest.raises(RunError, match="no run"):
        reconcile(rig.conn, SYSTEM, "r9", str(rig.landing), None)


def test_the_prover_imports_neither_the_transforms_nor_the_loader() -> None:
    folder = Path(reconcile.__code__.co_filename).parent
    text = "\n".join(p.read_text(encoding="utf-8") for p in folder.glob("*.py"))
    assert text.count("import") > 20
    assert "transforms" not in text.replace("without the transforms", "").replace("calling the transforms", "")
    assert "hopnhat.load" not in text


def test_a_value_that_holds_the_separator_is_one_value(rig: Rig) -> None:
    rig.run("update unified.dossier set status = '5' where source_key = '2'")
    as_usual = failing(rig.check())
    rig.run("update unified.dossier set status = E'5\\x1f4' where source_key = '2'")
    assert failing(rig.check()) == as_usual
    assert (EXPECTED_PUBLISHED, "row-by-row status") in as_usual


@pytest.mark.parametrize("moment", ["null", "'infinity'", "'1969-12-31 23:59'", "'0044-03-15 BC'"])
def test_another_month_is_found_whatever_it_is(rig: Rig, moment: str) -> None:
    rig.run(f"update unified.dossier set received_at = {moment} where source_key = '2'")
    assert (EXPECTED_PUBLISHED, "row-by-row month") in failing(rig.check())


def test_an_amount_that_is_gone_is_found(rig: Rig) -> None:
    rig.run("update unified.dossier set fee_amount = null where source_key = '2'")
    assert (EXPECTED_PUBLISHED, "row-by-row fee_amount") in failing(rig.check())


def test_where_no_row_has_an_amount_nothing_balances_nothing(furnished: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = _raw
    monkeypatch.setattr(sys.modules[__name__], "_raw", lambda number: plain(number) | {"phi": None})
    with finished_run(furnished, tmp_path / "landing") as rig:
        verdict = rig.check()
        with rig.conn.cursor() as cursor:
            cursor.execute("select measure, count(*) from verify.result group by 1")
            written = dict(cursor.fetchall())
    assert failing(verdict) == set()
    assert written == Counter(line.measure for line in verdict.lines)
    amounts = [line for line in verdict.lines if line.leg == LANDING_EXPECTED and line.measure.startswith("fee_amount")]
    assert {line.landing_value for line in amounts} == {line.published_value for line in amounts} == {0}
    assert {"fee_amount by-component", "fee_amount by-old-unit", "fee_amount by-month"} <= {line.measure for line in amounts}
