"""MariaDB as legacy vendors leave it: Latin-1 columns full of TCVN3, zero dates, text keys, no key at all."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hopnhat.extract.contract import KeyRange, Source
from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import MappingError, SourceAccessError, SourceDriftError, SourceUnavailableError
from hopnhat.sample.servers import mariadb_available, remove_mariadb, start_mariadb
from hopnhat.urls import place_of

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(not mariadb_available(), reason="MariaDB is not installed (make services)"),
]
WHOLE = KeyRange(0, None, None)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("mariadb")
    yield start_mariadb(home)
    remove_mariadb(home)


@pytest.fixture
def run(url: str) -> Iterator[Any]:
    import pymysql

    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, database="legacy", autocommit=True
    )
    with connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")

        def execute(sql: str, rows: list[tuple[object, ...]] | None = None) -> None:
            cursor.executemany(sql, rows) if rows is not None else cursor.execute(sql)

        yield execute
    connection.close()


def opened(url: str, **options: object) -> Source:
    return open_source("mysql", url, {"system": "hn_motcua", **options})


@pytest.mark.parametrize("options", [{}, {"snapshot": True}], ids=["plain", "snapshot"])
def test_bytes_are_the_stored_bytes_whatever_the_character_set(url: str, run: Any, options: dict[str, object]) -> None:
    run("CREATE OR REPLACE TABLE chu (id int PRIMARY KEY, l varchar(50) CHARACTER SET latin1, u varchar(50) CHARACTER SET utf8mb4,"
        " b varbinary(20), t longtext CHARACTER SET latin1, d blob, e enum('có', 'không') CHARACTER SET utf8mb4, w varchar(9) CHARACTER SET ucs2)")  # fmt: skip
    run("INSERT INTO chu VALUES (1, X'B8B5AE80FF', 'Nguyễn', X'00FF', X'D1D2', X'000102', 'không', 'é'), (2, '', '', '', '', '', 'có', ''),"
        " (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL)")  # fmt: skip
    source = opened(url, **options)
    frame = source.read("chu", ["id"], WHOLE, ["l", "u", "b", "t", "d", "e", "w"])
    assert frame.to_pylist() == [
        {"l": b"\xb8\xb5\xae\x80\xff", "u": "Nguyễn".encode(), "b": b"\x00\xff", "t": b"\xd1\xd2", "d": b"\0\1\2", "e": "không".encode(), "w": b"\0\xe9"},
        {"l": b"", "u": b"", "b": b"", "t": b"", "d": b"", "e": "có".encode(), "w": b""},
        dict.fromkeys(["l", "u", "b", "t", "d", "e", "w"]),
    ]
    shape = {column.name: column for column in source.shape("chu").columns}
    assert shape["l"].declared_type == "varchar(50) CHARACTER SET latin1"
    assert shape["l"].transport == "bytes"
    assert shape["id"].transport == "text"
    assert source.shape("chu").primary_key == ("id",)


@pytest.mark.parametrize("options", [{}, {"snapshot": True}], ids=["plain", "snapshot"])
def test_types_lose_nothing(url: str, run: Any, options: dict[str, object]) -> None:
    run("CREATE OR REPLACE TABLE kieu (id bigint unsigned PRIMARY KEY, f float, d double, n decimal(38,10), bt bit(1), b8 bit(9), dt datetime(6),"
        " ts timestamp NULL, dz date, tm time(3), y year, u uuid, c char(10), z int(5) zerofill, bo tinyint(1), j json)")  # fmt: skip
    run("INSERT INTO kieu VALUES (18446744073709551615, 0.1, 1e300, 12345678901234567890.1234567891, 1, b'100000001', '2020-01-02 03:04:05.123456',"
        " '2020-01-01 00:00:00', '0000-00-00', '-838:59:59', 2020, '11223344-5566-7788-99aa-bbccddeeff00', 'ab', 42, 1, '{\"a\": 1.10}')")  # fmt: skip
    row = opened(url, **options).read("kieu", ["id"], WHOLE, ["id", "f", "d", "n", "bt", "b8", "dt", "dz", "tm", "y", "u", "c", "z", "bo", "j"]).to_pylist()[0]
    assert row.pop("d") == b"1" + b"0" * 300
    assert {name: value.decode() for name, value in row.items()} == {
        "id": "18446744073709551615", "f": "0.1", "n": "12345678901234567890.1234567891", "bt": "1", "b8": "257",
        "dt": "2020-01-02 03:04:05.123456", "dz": "0000-00-00", "tm": "-838:59:59.000", "y": "2020",
        "u": "11223344-5566-7788-99aa-bbccddeeff00", "c": "ab", "z": "00042", "bo": "1", "j": '{"a": 1.10}',
    }  # fmt: skip


def test_cells_and_rows_of_any_length_come_whole(url: str, run: Any) -> None:
    """Lengths in one, two and three bytes, and rows of several packets of 16 MB."""
    run("SET GLOBAL max_allowed_packet = 1 << 27")
    run("CREATE OR REPLACE TABLE dai (id int PRIMARY KEY, v longblob, w longtext)")
    sizes = [0, 250, 251, 65_535, 65_536, 3_000_000, (1 << 24) - 5, 1 << 24, 40_000_000, 1]
    for number, size in enumerate(sizes):
        run(f"INSERT INTO dai SELECT {number}, REPEAT(CHAR({65 + number}), {size}), IF({number} % 2, NULL, 'x')")
    found = opened(url).read("dai", ["id"], WHOLE, ["id", "v", "w"]).to_pylist()
    assert [(row["id"], len(row["v"]), row["w"]) for row in found] == [
        (str(number).encode(), size, None if number % 2 else b"x") for number, size in enumerate(sizes)
    ]
    assert all(set(row["v"]) <= {65 + number} for number, row in enumerate(found))


def test_a_reading_killed_on_the_server_is_unavailable_and_the_next_one_reads_anew(url: str, run: Any) -> None:
    run("CREATE OR REPLACE TABLE cat_ngang (k int PRIMARY KEY, v varchar(200))")
    run("INSERT INTO cat_ngang SELECT seq, repeat('x', 200) FROM seq_1_to_400000")
    source: Any = opened(url)
    session = source._session
    number = int(session.rows("SELECT CONNECTION_ID()")[0][0])
    killer = threading.Timer(0.05, run, [f"KILL {number}"])
    killer.start()
    with pytest.raises(SourceUnavailableError):
        _read_again_and_again(source)
    killer.join()
    assert source.read("cat_ngang", ["k"], WHOLE, ["k", "v"]).num_rows == 400_000


def _read_again_and_again(source: Source) -> None:
    for _ in range(50):
        source.read("cat_ngang", ["k"], WHOLE, ["k", "v"])


def test_timestamps_are_printed_in_viet_nam_time_whatever_the_server_thinks(url: str, run: Any) -> None:
    run("SET time_zone = '+00:00'")
    run("CREATE OR REPLACE TABLE gio (id int PRIMARY KEY, ts timestamp)")
    run("INSERT INTO gio VALUES (1, '2020-01-01 00:00:00')")
    assert opened(url).read("gio", ["id"], WHOLE, ["ts"]).to_pylist() == [{"ts": b"2020-01-01 07:00:00"}]
    assert opened(url, time_zone="+00:00").read("gio", ["id"], WHOLE, ["ts"]).to_pylist() == [{"ts": b"2020-01-01 00:00:00"}]


def test_rows_come_in_the_order_of_the_key_not_of_its_text(url: str, run: Any) -> None:
    run("CREATE OR REPLACE TABLE thu_tu (id int PRIMARY KEY)")
    run("INSERT INTO thu_tu VALUES (%s)", [(number,) for number in (100, 9, 10, -5, 1)])
    assert [row["id"] for row in opened(url).read("thu_tu", ["id"], WHOLE, ["id"]).to_pylist()] == [b"-5", b"1", b"9", b"10", b"100"]


KEYS: dict[str, tuple[str, list[str], list[tuple[object, ...]]]] = {
    "integer with gaps": ("k int PRIMARY KEY", ["k"], [(number * number,) for number in range(500)]),
    "case-blind text": ("k varchar(30) COLLATE utf8mb4_general_ci PRIMARY KEY", ["k"], [(f"Hồ-{number:04d}-ă{chr(97 + number % 26)}",) for number in range(500)]),
    "latin-1 bytes": ("k varbinary(30) PRIMARY KEY", ["k"], [(bytes([255 - number % 256, number // 256, 0, 92, 39]),) for number in range(500)]),
    "composite": ("a varchar(9) CHARACTER SET latin1, b int, c date, PRIMARY KEY (a, b, c)", ["a", "b", "c"],
                  [(f"X{number % 3}", number // 50, f"2020-01-{number % 28 + 1:02d}") for number in range(560)]),
    "moments": ("k datetime(6) PRIMARY KEY", ["k"], [(f"2020-01-01 00:00:{number % 60:02d}.{number:06d}",) for number in range(500)]),
    "with NULLs": ("a int, b varchar(9), KEY (a, b)", ["a", "b"], [(None if number % 5 == 0 else number % 9, None if number % 7 == 0 else f"b{number}") for number in range(500)]),
    "ties across a boundary": ("k int, KEY (k)", ["k"], [(number // 150,) for number in range(500)]),
    "no key": ("k int, v varchar(9)", [], [(number % 250, None if number % 2 else "x") for number in range(500)]),
}  # fmt: skip


@pytest.mark.parametrize("name", list(KEYS))
def test_ranges_of_any_key_hold_every_row_once(url: str, run: Any, name: str) -> None:
    columns, key, rows = KEYS[name]
    run(f"CREATE OR REPLACE TABLE khoa ({columns})")
    width = len(rows[0])
    run(f"INSERT INTO khoa VALUES ({', '.join(['%s'] * width)})", rows)
    source = opened(url)
    ranges = source.ranges("khoa", key, 100)
    names = [column.name for column in source.shape("khoa").columns]
    parts = [source.read("khoa", key, part, names) for part in ranges]
    found = sorted((tuple(row.values()) for part in parts for row in part.to_pylist()), key=repr)
    whole = sorted((tuple(row.values()) for row in source.read("khoa", key, WHOLE, names).to_pylist()), key=repr)
    assert len(found) == len(rows)
    assert found == whole
    assert len(ranges) >= 3
    if name not in ("no key", "with NULLs", "ties across a boundary"):
        assert max(part.num_rows for part in parts) <= 100


def test_new_rows_cut_only_the_last_range(url: str, run: Any) -> None:
    run("CREATE OR REPLACE TABLE them (k int PRIMARY KEY)")
    run("INSERT INTO them VALUES (%s)", [(number,) for number in range(0, 1000, 2)])
    source = opened(url)
    before = source.ranges("them", ["k"], 100)
    run("INSERT INTO them VALUES (%s)", [(number,) for number in range(1000, 1300)])
    run("INSERT INTO them VALUES (1)")
    after = source.ranges("them", ["k"], 100, before)
    assert after[: len(before) - 1] == before[:-1]
    assert len(after) > len(before)
    assert sum(source.read("them", ["k"], part, ["k"]).num_rows for part in after) == 801


def test_no_offset_and_no_write_ever_reaches_the_server(url: str, run: Any) -> None:
    run("CREATE OR REPLACE TABLE nhat_ky (k varchar(9) PRIMARY KEY, v int)")
    run("INSERT INTO nhat_ky VALUES (%s, %s)", [(f"k{number:04d}", number) for number in range(300)])
    run("SET GLOBAL log_output = 'TABLE'")
    run("TRUNCATE mysql.general_log")
    run("SET GLOBAL general_log = 1")
    source = opened(url)
    for part in source.ranges("nhat_ky", ["k"], 50):
        source.read("nhat_ky", ["k"], part, ["k", "v"], since=("v", "10"))
    run("SET GLOBAL general_log = 0")
    logged = opened(url.replace("/legacy", "/mysql")).read("general_log", [], WHOLE, ["argument"])
    said = [row["argument"].decode().upper() for row in logged.to_pylist()]
    reads = [sql for sql in said if "NHAT_KY" in sql and sql.startswith("SELECT")]
    assert len(reads) >= 6
    assert not [sql for sql in said if "OFFSET" in sql]
    assert not [sql for sql in said if sql.split(" ")[0] in ("INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "LOCK")]


def test_key_conditions_use_the_index(url: str, run: Any) -> None:
    """A text key in its own character set and collation: the literal must not force a scan."""
    import pymysql

    from hopnhat.extract.keyset import within
    from hopnhat.extract.mysql import MySqlDialect, MySqlSession
    from hopnhat.extract.sqlsource import SqlSource

    run("CREATE OR REPLACE TABLE chi_muc (k varchar(20) CHARACTER SET latin1 PRIMARY KEY, v varchar(200))")
    run("INSERT INTO chi_muc SELECT concat('k', lpad(seq, 6, '0')), repeat('x', 200) FROM seq_1_to_20000")
    run("ANALYZE TABLE chi_muc")
    source = SqlSource("s", MySqlDialect(), MySqlSession("s", place_of(url), {}))
    parts = [part for part, _ in source._key("chi_muc", ["k"])]
    condition = within(parts, KeyRange(0, ("k010000",), ("k010050",)))
    address = urlsplit(url)
    connection = pymysql.connect(host=address.hostname, port=address.port, user=address.username, password=address.password, database="legacy")
    with connection.cursor(pymysql.cursors.DictCursor) as cursor:
        cursor.execute(f"EXPLAIN SELECT v FROM chi_muc t WHERE {condition} ORDER BY t.k")
        plan = cursor.fetchone()
    connection.close()
    assert plan["type"] == "range"
    assert plan["key"] == "PRIMARY"
    assert "filesort" not in (plan["Extra"] or "")


def test_delta_reads_from_the_watermark_at_native_precision(url: str, run: Any) -> None:
    run("CREATE OR REPLACE TABLE moi (k int PRIMARY KEY, sua datetime(6))")
    marks = ["2026-01-01 00:00:00.000001", "2026-01-01 00:00:00.000002", "2026-01-01 00:00:00.000003", None]
    run("INSERT INTO moi VALUES (%s, %s)", list(enumerate(marks)))
    found = opened(url).read("moi", ["k"], WHOLE, ["k"], since=("sua", "2026-01-01 00:00:00.000002"))
    assert [row["k"] for row in found.to_pylist()] == [b"1", b"2", b"3"]  # 3 has no mark: rather read than missed


def test_snapshot_shows_one_instant_over_all_reads(url: str, run: Any) -> None:
    run("CREATE OR REPLACE TABLE so_du (k int PRIMARY KEY, v int)")
    run("INSERT INTO so_du VALUES (1, 100), (2, 0)")
    fixed, floating = opened(url, snapshot=True), opened(url)
    first, second = KeyRange(0, None, ("1",)), KeyRange(1, ("1",), None)
    before = [source.read("so_du", ["k"], first, ["v"]).to_pylist()[0]["v"] for source in (fixed, floating)]
    run("UPDATE so_du SET v = 100 - v")
    after = [source.read("so_du", ["k"], second, ["v"]).to_pylist()[0]["v"] for source in (fixed, floating)]
    assert [int(a) + int(b) for a, b in zip(before, after, strict=True)] == [100, 200]
    assert "repeatable-read" in fixed.snapshot()
    assert "per-range" in floating.snapshot()


@pytest.mark.parametrize("word", ["unix_socket", "socket"])
def test_a_server_of_this_machine_by_its_socket(url: str, run: Any, word: str) -> None:
    from hopnhat.extract.mysql import MySqlSession

    ((socket, account),) = MySqlSession("s", place_of(url), {}).rows("SELECT @@socket, CURRENT_USER()")
    access = url.partition("://")[2].partition("@")[0]
    by_socket = MySqlSession("s", place_of(f"mysql://{access}@127.0.0.1:1/legacy?{word}={(socket or b'').decode()}"), {})  # nothing listens on port 1
    assert by_socket.rows("SELECT database()") == [(b"legacy",)]
    assert (account or b"").decode().startswith(access.partition(":")[0])


def test_session_cannot_write(url: str, run: Any) -> None:
    from hopnhat.extract.mysql import MySqlSession

    run("CREATE OR REPLACE TABLE cam (k int)")
    with pytest.raises(Exception, match="code 1792"):
        MySqlSession("s", place_of(url), {}).rows("INSERT INTO cam VALUES (1)")
    assert opened(url).count("cam") == 0


def test_slow_query_ends_at_its_limit_and_is_worth_a_retry(url: str, run: Any) -> None:
    run("CREATE OR REPLACE VIEW cham AS SELECT a.seq + SLEEP(0) AS k FROM seq_1_to_20000 a JOIN seq_1_to_20000 b ORDER BY RAND()")
    started = time.monotonic()
    with pytest.raises(SourceUnavailableError, match="limit"):
        opened(url, statement_seconds=1).count("cham")
    with pytest.raises(SourceUnavailableError, match="limit"):
        opened(url, statement_seconds=1).read("cham", ["k"], WHOLE, ["k"])
    assert time.monotonic() - started < 30


def test_column_dropped_while_reading_is_drift(url: str, run: Any) -> None:
    run("CREATE OR REPLACE TABLE doi (k int PRIMARY KEY, v int)")
    source = opened(url)
    source.shape("doi")
    run("ALTER TABLE doi DROP COLUMN v")
    with pytest.raises(SourceDriftError):
        source.read("doi", ["k"], WHOLE, ["k", "v"])


def test_table_without_grant_is_an_access_error(url: str, run: Any) -> None:
    run("CREATE OR REPLACE TABLE kin (k int)")
    run("CREATE OR REPLACE USER 'nguoi_la'@'127.0.0.1' IDENTIFIED BY 'mat-khau-la'")
    run("GRANT USAGE ON *.* TO 'nguoi_la'@'127.0.0.1'")
    stranger = f"mysql://nguoi_la:mat-khau-la@127.0.0.1:{urlsplit(url).port}/legacy"
    with pytest.raises(SourceAccessError) as caught:
        opened(stranger).count("kin")
    assert "mat-khau-la" not in str(caught.value)


def test_server_that_dies_in_the_middle_is_unavailable(tmp_path: Path) -> None:
    from hopnhat.sample.servers import stop_mariadb

    source = opened(start_mariadb(tmp_path))
    assert source.tables() == []
    stop_mariadb(tmp_path)
    with pytest.raises(SourceUnavailableError):
        source.tables()
    remove_mariadb(tmp_path)


def _child(url: str, number: int) -> int:
    source = open_source("mysql", url, {"system": "s"})
    part = KeyRange(number, (str(number * 100),), (str(number * 100 + 100),))
    return int(source.read("con", ["k"], part, ["k", "v"]).num_rows)


def test_forked_workers_open_connections_of_their_own(url: str, run: Any) -> None:
    run("CREATE OR REPLACE TABLE con (k int PRIMARY KEY, v varchar(20))")
    run("INSERT INTO con SELECT seq, concat('v', seq) FROM seq_1_to_400")
    program = (
        "import multiprocessing, sys\n"
        "from hopnhat.extract.technologies import open_source\n"
        "from hopnhat.extract.contract import KeyRange\n"
        f"url = {url!r}\n"
        "def child(n):\n"
        "    part = KeyRange(n, (str(n * 100),), (str(n * 100 + 100),))\n"
        "    return parent.read('con', ['k'], part, ['k', 'v']).num_rows\n"
        "parent = open_source('mysql', url, {'system': 's'})\n"
        "assert parent.count('con') == 400\n"
        "ranges = parent.ranges('con', ['k'], 100)\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    assert pool.map(child, range(4)) == [100] * 4\n"
        "assert parent.count('con') == 400\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.starmap(_child, [(url, number) for number in range(4)]) == [100] * 4


def test_governor_keeps_queries_short_and_the_part_whole(url: str, run: Any) -> None:
    run("CREATE OR REPLACE TABLE em (k int PRIMARY KEY, v varchar(200))")
    run("INSERT INTO em SELECT seq, repeat('x', 200) FROM seq_1_to_20000")
    plain = opened(url).read("em", ["k"], KeyRange(0, ("5",), ("15000",)), ["k", "v"])
    gentle: Any = opened(url, governor={"target_seconds": 0.02, "first_rows": 500})
    assert gentle.read("em", ["k"], KeyRange(0, ("5",), ("15000",)), ["k", "v"]).equals(plain)
    assert len(gentle.pieces) > 2
    assert sum(rows for rows, _ in gentle.pieces) == 14_995


def test_governor_waits_while_the_server_is_busy(url: str, run: Any) -> None:
    from hopnhat.extract.governor import Clock, GentleSource, read_limits

    run("CREATE OR REPLACE TABLE ban (k int PRIMARY KEY)")
    run("INSERT INTO ban VALUES (1), (2)")
    busy = threading.Thread(target=_hold, args=(url, 3.0))
    waits: list[float] = []
    inner: Any = open_source("mysql", url, {"system": "s"})
    inner.shape("ban")
    busy.start()
    time.sleep(0.5)
    source = GentleSource(inner, read_limits({"max_running": 0.5}), Clock(sleep=lambda seconds: (waits.append(seconds), time.sleep(0.2))[0]))
    assert source.read("ban", ["k"], WHOLE, ["k"]).num_rows == 2
    busy.join()
    assert waits


def _hold(url: str, seconds: float) -> None:
    import pymysql

    parts = urlsplit(url)
    connection = pymysql.connect(host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, database="legacy")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT SLEEP({seconds})")
    connection.close()


def test_misspelt_option_is_refused(url: str) -> None:
    with pytest.raises(MappingError, match="snapshoot"):
        opened(url, snapshoot=True)


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_private_server_survives_a_crash_and_repeated_starts(tmp_path: Path) -> None:
    import pymysql

    from hopnhat.sample.servers import _read_note, _running_pid, stop_mariadb

    url = start_mariadb(tmp_path)
    parts = urlsplit(url)
    connection = pymysql.connect(host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, database="legacy", autocommit=True)
    connection.cursor().execute("CREATE TABLE giu AS SELECT 1 AS k")
    assert start_mariadb(tmp_path) == url
    note = _read_note(tmp_path)
    assert note is not None
    pid = _running_pid(Path(str(note["place"])))
    assert pid is not None
    os.kill(pid, 9)
    time.sleep(0.3)
    assert start_mariadb(tmp_path) == url
    assert opened(url).count("giu") == 1
    stop_mariadb(tmp_path)
    stop_mariadb(tmp_path)
    assert _running_pid(Path(str(note["place"]))) is None
    remove_mariadb(tmp_path)
    assert not list(tmp_path.iterdir())
