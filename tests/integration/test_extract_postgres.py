"""PostgreSQL as a legacy source: types, keys, grants, snapshots, limits."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from hopnhat.extract.contract import KeyRange, Source
from hopnhat.extract.postgres import PostgresSession
from hopnhat.extract.shared_snapshot import held_snapshot
from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import HopNhatError, SourceAccessError, SourceDriftError, SourceUnavailableError
from hopnhat.server import create_database, dsn, ensure_server, remove_server

WHOLE = KeyRange(0, None, None)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("legacy-postgres")
    yield ensure_server(home)
    remove_server(home)


@pytest.fixture
def run(url: str) -> Iterator[Any]:
    with closing(psycopg2.connect(dsn(url))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor.execute


def opened(url: str, **options: object) -> Source:
    return open_source("postgres", url, {"system": "so", **options})


@pytest.mark.parametrize("snapshot", [False, True])
def test_types_lose_nothing(url: str, run: Any, snapshot: bool) -> None:
    run("DROP TABLE IF EXISTS kieu; CREATE TABLE kieu (id int PRIMARY KEY, t text, b bytea, f float8, g real, n numeric(38,10), bo bool, d date,"
        " ts timestamptz, u uuid, j jsonb, i interval, arr int[])")  # fmt: skip
    run("""INSERT INTO kieu VALUES (1, E'Nguyễn "x",\\n', '\\x00ff', 1e21, 0.1, 12.50, true, '2020-01-02', '2020-01-01 00:00:00.123456Z',
        '11223344-5566-7788-99AA-BBCCDDEEFF00', '{"a":1.10}', '1 day', '{1,2}'), (2, '', '', 0.1, null, null, false, null, null, null, null, null, null)""")
    names = [column.name for column in opened(url).shape("kieu").columns]
    rows = opened(url, snapshot=snapshot).read("kieu", ["id"], WHOLE, names).to_pylist()
    assert rows[0] == {
        "id": b"1", "t": 'Nguyễn "x",\n'.encode(), "b": b"\x00\xff", "f": b"1000000000000000000000", "g": b"0.1", "n": b"12.5000000000", "bo": b"1",
        "d": b"2020-01-02", "ts": b"2020-01-01 07:00:00.123456", "u": b"11223344-5566-7788-99aa-bbccddeeff00", "j": b'{"a": 1.10}', "i": b"P1D",
        "arr": b"{1,2}",
    }  # fmt: skip
    assert {name for name, value in rows[1].items() if value is None} == {"g", "n", "d", "ts", "u", "j", "i", "arr"}
    assert (rows[1]["t"], rows[1]["b"], rows[1]["bo"]) == (b"", b"", b"0")


def test_sql_ascii_database_gives_its_bytes_untouched(url: str, run: Any) -> None:
    run("DROP DATABASE IF EXISTS tcvn3")
    run("CREATE DATABASE tcvn3 ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    legacy = create_database(url, "tcvn3")
    with closing(psycopg2.connect(dsn(legacy))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE dan (k text PRIMARY KEY)")
        cursor.execute("INSERT INTO dan VALUES (E'\\xb8\\xb5'), (E'\\xae\\xff'), ('abc')")
    source = opened(legacy)
    ranges = source.ranges("dan", ["k"], 1)
    assert [source.read("dan", ["k"], part, ["k"]).to_pylist() for part in ranges] == [
        [{"k": b"abc"}],
        [{"k": b"\xae\xff"}],
        [{"k": b"\xb8\xb5"}],
    ]
    assert "SQL_ASCII" in source.shape("dan").columns[0].declared_type
    source.close()


@pytest.mark.parametrize("key", [["id"], ["v"], ["c", "id"], ["ts", "id"], ["u"], ["b"], []], ids=str)
def test_ranges_of_any_key_hold_every_row_once(url: str, run: Any, key: list[str]) -> None:
    run("DROP TABLE IF EXISTS khoa; CREATE TABLE khoa AS SELECT g AS id, 'Hồ ' || (g * 7919) % 1000 AS v, (ARRAY['a', 'B', 'đ', NULL])[1 + g % 4] AS c,"
        " timestamptz '2020-01-01' + g * interval '1 microsecond' AS ts, md5(g::text)::uuid AS u, sha256(g::text::bytea) AS b"
        " FROM generate_series(1, 1000) g; ALTER TABLE khoa ADD PRIMARY KEY (id)")  # fmt: skip
    source = opened(url)
    ranges = source.ranges("khoa", key, 130)
    parts = [source.read("khoa", key, part, ["id"]) for part in ranges]
    assert sorted(int(row["id"]) for part in parts for row in part.to_pylist()) == list(range(1, 1001))
    assert len(ranges) >= 6
    assert source.ranges("khoa", key, 130, ranges) == ranges


def test_view_without_a_key_is_cut_by_its_row_hash(url: str, run: Any) -> None:
    run("CREATE OR REPLACE VIEW xem AS SELECT g % 300 AS k, NULL::text AS v FROM generate_series(1, 1000) g")
    source = opened(url)
    parts = [source.read("xem", [], part, ["k"]) for part in source.ranges("xem", [], 300)]
    assert [len(parts), sum(part.num_rows for part in parts)] == [4, 1000]


def test_other_schemas_are_named_in_full(url: str, run: Any) -> None:
    run('DROP SCHEMA IF EXISTS "Cũ" CASCADE; CREATE SCHEMA "Cũ"; CREATE TABLE "Cũ"."Hồ sơ" ("Số" int PRIMARY KEY)')
    source = opened(url)
    assert "Cũ.Hồ sơ" in source.tables()
    assert source.read("Cũ.Hồ sơ", ["Số"], WHOLE, ["Số"]).num_rows == 0


@pytest.mark.parametrize("wrong", ["login", "database", "grant"])
def test_refusals_are_access_errors_without_secrets(url: str, run: Any, wrong: str) -> None:
    run("DROP TABLE IF EXISTS kin; CREATE TABLE kin (k int)")
    run("DROP ROLE IF EXISTS khach; CREATE ROLE khach LOGIN PASSWORD 'mat-khau-la'")
    made = make_url(url).set(password="mat-khau-la")
    address = {"login": made.set(username="khong_co"), "database": made.set(database="khong_co"), "grant": made.set(username="khach")}[
        wrong
    ]
    with pytest.raises(SourceAccessError) as caught:
        opened(address.render_as_string(hide_password=False)).count("kin")
    assert "mat-khau-la" not in repr(caught.value)


def test_snapshot_shows_one_instant_and_writes_nothing(url: str, run: Any) -> None:
    run("DROP TABLE IF EXISTS so_du; CREATE TABLE so_du (k int PRIMARY KEY, v int); INSERT INTO so_du VALUES (1, 100), (2, 0)")
    fixed = opened(url, snapshot=True)
    before = fixed.read("so_du", ["k"], KeyRange(0, None, ("1",)), ["v"]).to_pylist()[0]["v"]
    run("UPDATE so_du SET v = 100 - v")
    after = fixed.read("so_du", ["k"], KeyRange(1, ("1",), None), ["v"]).to_pylist()[0]["v"]
    assert int(before) + int(after) == 100
    fixed.close()


def test_slow_query_and_lock_end_at_their_limits(url: str, run: Any) -> None:
    run("CREATE OR REPLACE VIEW cham AS SELECT pg_sleep(5)::text AS k")
    with pytest.raises(SourceUnavailableError, match="limit"):
        opened(url, statement_seconds=1).read("cham", ["k"], WHOLE, ["k"])
    run("DROP TABLE IF EXISTS khoa_lai; CREATE TABLE khoa_lai (k int)")
    source = opened(url)
    source.shape("khoa_lai")
    with closing(psycopg2.connect(dsn(url))) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE khoa_lai IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(SourceUnavailableError, match="limit"):
            source.count("khoa_lai")
    assert source.count("khoa_lai") == 0


def test_column_dropped_while_reading_is_drift(url: str, run: Any) -> None:
    run("DROP TABLE IF EXISTS doi; CREATE TABLE doi (k int PRIMARY KEY, v int)")
    source = opened(url)
    source.shape("doi")
    run("ALTER TABLE doi DROP COLUMN v")
    with pytest.raises(SourceDriftError):
        source.read("doi", ["k"], WHOLE, ["k", "v"])


def _balance(url: str, number: int) -> tuple[int, str]:
    """In a worker of its own: the sum over two tables, read one after the other."""
    source = opened(url)
    total = 0
    for name in ("co", "no"):
        frame = source.read(name, ["k"], KeyRange(0, None, None), ["k", "v"])
        total += sum(int(value) for value in frame["v"].to_pylist())
        time.sleep(0.05)
    said = source.snapshot()
    source.close()
    return total, said


@pytest.mark.parametrize("shared", [True, False])
def test_forked_workers_share_one_instant_while_the_source_is_written_to(url: str, run: Any, shared: bool) -> None:
    for name, sign in (("co", ""), ("no", "-")):
        run(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} AS SELECT g AS k, {sign}100 AS v FROM generate_series(1, 50) g")
    stop = threading.Event()

    def transfer() -> None:
        with closing(psycopg2.connect(dsn(url))) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("UPDATE co SET v = v + 1; UPDATE no SET v = v - 1")
                connection.commit()

    writer = threading.Thread(target=transfer, daemon=True)
    with held_snapshot(url, {"snapshot": shared}) as held:
        writer.start()
        time.sleep(0.1)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            found = pool.starmap(_balance, [(url, number) for number in range(6)])
    stop.set()
    writer.join()
    assert (held is None) != shared
    if shared:
        assert [total for total, _ in found] == [0] * 6
        assert all("shared" in said for _, said in found)
    else:
        assert any(total for total, _ in found)  # the writer is fast enough to be noticed


def _read_until_it_is_gone(url: str, snapshot: str) -> None:
    """The server notices a moment later that the keeper has left."""
    for _ in range(100):
        late = PostgresSession("so", make_url(url), {}, snapshot)
        late.rows("SELECT 1")
        late.close()
        time.sleep(0.05)


def test_a_failed_read_goes_on_in_the_lent_snapshot(url: str, run: Any) -> None:
    run("DROP TABLE IF EXISTS co; CREATE TABLE co AS SELECT 1 AS k, 1 AS v")
    with held_snapshot(url, {}) as held:
        session = PostgresSession("so", make_url(url), {}, held or "")
        run("UPDATE co SET v = 2")
        with pytest.raises(HopNhatError):
            session.rows("SELECT 1 / 0")
        assert session.rows("SELECT v FROM co") == [(b"1",)]
        session.close()
    with pytest.raises(SourceUnavailableError, match="snapshot that all readers share is gone"):
        _read_until_it_is_gone(url, held or "x")
    assert opened(url).read("co", ["k"], WHOLE, ["v"])["v"].to_pylist() == [b"2"]
