"""A source under load sees no query of ours longer than its limit: measured by the server, not by us."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hopnhat.extract.contract import KeyRange
from hopnhat.extract.technologies import open_source
from hopnhat.sample.servers import mariadb_available, remove_mariadb, start_mariadb
from hopnhat.server import create_database, dsn

ROWS = 60_000
LIMIT = 2
"""Seconds after which the server ends a query of ours; the governor aims far below."""
GENTLE = {"target_seconds": 0.1, "first_rows": 500, "most_rows": 50_000}


@contextlib.contextmanager
def load(work: Callable[[], object], workers: int = 4) -> Iterator[None]:
    """Clerks who keep the server busy while we read: each has had an answer before we start."""
    stop = threading.Event()
    all_at_work = threading.Barrier(workers + 1, timeout=120)

    def keep_busy() -> None:
        work()
        all_at_work.wait()
        while not stop.is_set():
            work()

    threads = [threading.Thread(target=keep_busy, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    all_at_work.wait()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def read_gently(technology: str, url: str) -> Any:
    source: Any = open_source(technology, url, {"system": "huyen", "statement_seconds": LIMIT, "governor": GENTLE})
    frame = source.read("hs", ["k"], KeyRange(0, None, None), ["k", "v"])
    assert frame["k"].to_pylist() == [str(k).encode() for k in range(1, ROWS + 1)]
    source.close()
    return source


def settled(pieces: list[tuple[int, float]]) -> None:
    """Within two pieces of a slow one the next is smaller, and the whole is read in many short ones."""
    assert len(pieces) > 5
    for at, (rows, seconds) in enumerate(pieces[:-3]):
        if seconds > 2 * GENTLE["target_seconds"] and rows > 200:
            assert min(after for after, _ in pieces[at + 1 : at + 3]) < rows


@pytest.mark.services
@pytest.mark.skipif(not mariadb_available(), reason="needs MariaDB: make services")
def test_mariadb_under_load(tmp_path: Path) -> None:
    """Its own slow log is the judge: no statement over the limit, and the load itself is in it (the log works)."""
    import pymysql

    url = start_mariadb(tmp_path / "mariadb")
    parts = urlsplit(url)

    def connected() -> Any:
        return pymysql.connect(
            host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, database="legacy", autocommit=True
        )

    def clerk() -> None:
        with contextlib.closing(connected()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM hs a JOIN hs b ON a.v = b.v WHERE a.k < 300 AND b.k < 3000")

    try:
        with contextlib.closing(connected()) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE hs (k int PRIMARY KEY, v varchar(300))")
            cursor.execute(f"INSERT INTO hs SELECT seq, repeat('x', 300) FROM seq_1_to_{ROWS}")
            cursor.execute("SET GLOBAL log_output = 'TABLE', GLOBAL slow_query_log = ON, GLOBAL long_query_time = 0.0001")
            with load(clerk):
                source = read_gently("mysql", url)
            cursor.execute("SET GLOBAL slow_query_log = OFF")
            cursor.execute(
                "SELECT sql_text LIKE '%JOIN%', count(*), max(TIME_TO_SEC(query_time) + MICROSECOND(query_time) / 1e6)"
                " FROM mysql.slow_log WHERE sql_text LIKE '%`hs`%' OR sql_text LIKE '%hs a%' GROUP BY 1 ORDER BY 1"
            )
            found = {bool(clerks): (int(count), float(longest)) for clerks, count, longest in cursor.fetchall()}
    finally:
        remove_mariadb(tmp_path / "mariadb")
    assert found[True][0] >= 4
    assert found[False][0] >= 2 * len(source.pieces)
    assert found[False][1] < LIMIT
    settled(source.pieces)


def test_postgresql_under_load(server_url: str) -> None:
    """pg_stat_activity, looked at all the time, is the judge."""
    import psycopg2

    url = create_database(server_url, "duoi_tai")
    longest: list[float] = []
    stop = threading.Event()

    def clerk() -> None:
        with contextlib.closing(psycopg2.connect(dsn(url))) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM hs a JOIN hs b ON a.v = b.v WHERE a.k < 100 AND b.k < 1000")

    def watch() -> None:
        with contextlib.closing(psycopg2.connect(dsn(url))) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not stop.is_set():
                cursor.execute(
                    "SELECT extract(epoch FROM clock_timestamp() - query_start) FROM pg_stat_activity"
                    " WHERE application_name = 'hopnhat extract' AND state = 'active' AND datname = current_database()"
                )
                longest.extend(float(seconds) for (seconds,) in cursor.fetchall())
                time.sleep(0.005)

    with contextlib.closing(psycopg2.connect(dsn(url))) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE hs AS SELECT g AS k, repeat('x', 300) AS v FROM generate_series(1, {ROWS}) g")
        cursor.execute("ALTER TABLE hs ADD PRIMARY KEY (k)")
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        with load(clerk):
            source = read_gently("postgres", url)
    finally:
        stop.set()
        watcher.join()
    assert longest
    assert max(longest) < LIMIT
    settled(source.pieces)
