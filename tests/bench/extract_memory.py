"""Memory of a long read: a process that reads 1 million rows and one that reads 5 million, range by range.

`python -m tests.bench.extract_memory [SMALL LARGE] [TECHNOLOGY…]` (default 1,000,000 and 5,000,000; Excel is measured at a
tenth of its limit and at its limit, 1,048,575 rows under the header). Each read is a fresh process, so that its peak
(`ru_maxrss`) is its own. Reads whole ranges of 50,000 rows and lets each go, as a worker does. Constant = the large read
needs at most 1.15 times the memory of the small one; a workbook's parser holds the whole sheet, so Excel grows.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import numpy

from hopnhat.extract.technologies import open_source
from tests.bench.targets import FLAT

REPOSITORY = Path(__file__).resolve().parents[2]
RANGE = 50_000
COLUMNS = ["id", *(f"c{number}" for number in range(1, 10))]
Place = tuple[str, str, list[str]]
"""URL, table, key."""


def read(technology: str, url: str, table: str, key: list[str]) -> dict[str, float]:
    """In this process: rows, seconds, CPU-seconds and the greatest memory ever held."""
    source, rows, started = open_source(technology, url, OPTIONS.get(technology)), 0, time.perf_counter()
    for part in source.ranges(table, key, RANGE):
        rows += source.read(table, key, part, COLUMNS).num_rows
    source.close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"rows": rows, "seconds": time.perf_counter() - started, "cpu": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024}


def measured(technology: str, place: Place) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.extract_memory", "--read", json.dumps([technology, *place])]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY).stdout)
    return found


@contextmanager
def mysql(home: Path, rows: int) -> Iterator[Place]:
    from urllib.parse import urlsplit

    import pymysql

    from hopnhat.sample.servers import remove_mariadb, start_mariadb

    url = start_mariadb(home)
    parts = urlsplit(url)
    with closing(
        pymysql.connect(
            host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, database="legacy", autocommit=True
        )
    ) as c:
        cells = ", ".join(f"CONCAT('Hồ sơ số ', seq * {n}, ' đường {n}')" for n in range(1, 10))
        c.cursor().execute(
            f"CREATE TABLE m (id int PRIMARY KEY, {', '.join(f'c{n} varchar(60)' for n in range(1, 10))}) CHARACTER SET utf8mb4"
        )
        c.cursor().execute(f"INSERT INTO m SELECT seq, {cells} FROM seq_1_to_{rows}")
    yield url, "m", ["id"]
    remove_mariadb(home)


@contextmanager
def postgres(home: Path, rows: int) -> Iterator[Place]:
    import psycopg2

    from hopnhat.server import dsn, ensure_server, remove_server

    url = ensure_server(home)
    with closing(psycopg2.connect(dsn(url))) as connection, connection, connection.cursor() as cursor:
        cells = ", ".join(f"'Hồ sơ số ' || g::bigint * {n} || ' đường {n}' AS c{n}" for n in range(1, 10))
        cursor.execute(f"CREATE TABLE m AS SELECT g AS id, {cells} FROM generate_series(1, {rows}) g")
        cursor.execute("ALTER TABLE m ADD PRIMARY KEY (id)")
    yield url, "m", ["id"]
    remove_server(home)


@contextmanager
def sqlite(home: Path, rows: int) -> Iterator[Place]:
    with closing(sqlite3.connect(home / "m.db")) as connection:
        cells = ", ".join(f"'Hồ sơ số ' || i * {n} || ' đường {n}'" for n in range(1, 10))
        connection.execute(f"CREATE TABLE m (id integer PRIMARY KEY, {', '.join(f'c{n} text' for n in range(1, 10))})")
        connection.execute(
            f"WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < {rows}) INSERT INTO m SELECT i, {cells} FROM g"
        )
        connection.commit()
    yield str(home / "m.db"), "m", ["id"]


def blocks(rows: int) -> Iterator[tuple[int, int]]:
    yield from ((start, min(start + RANGE, rows)) for start in range(0, rows, RANGE))


@contextmanager
def csv(home: Path, rows: int) -> Iterator[Place]:
    with (home / "m.csv").open("w", encoding="utf-8") as file:
        file.write(",".join(COLUMNS) + "\n")
        for start, stop in blocks(rows):
            file.writelines(f"{i}," + ",".join(f'"Hồ sơ số {i * n} đường {n}"' for n in range(1, 10)) + "\n" for i in range(start, stop))
    yield str(home / "m.csv"), "m", []


@contextmanager
def dbf(home: Path, rows: int) -> Iterator[Place]:
    width = 30
    fields = b"".join(struct.pack("<11sc4xBB14x", name.encode(), b"C", width, 0) for name in COLUMNS)
    with (home / "m.dbf").open("wb") as file:
        file.write(struct.pack("<B3BIHH20x", 3, 125, 7, 1, rows, 33 + 32 * len(COLUMNS), 1 + width * len(COLUMNS)) + fields + b"\r")
        for start, stop in blocks(rows):
            numbers = numpy.arange(start, stop).astype(f"S{width}").view(numpy.uint8).reshape(-1, width)
            numbers = numpy.where(numbers == 0, 32, numbers).astype(numpy.uint8)
            file.write(numpy.hstack([numpy.full((stop - start, 1), 32, numpy.uint8), *[numbers] * len(COLUMNS)]).tobytes())
        file.write(b"\x1a")
    yield str(home / "m.dbf"), "m", []


@contextmanager
def jsonl(home: Path, rows: int) -> Iterator[Place]:
    with (home / "m.jsonl").open("w", encoding="utf-8") as file:
        for start, stop in blocks(rows):
            file.writelines(
                f'{{"id":{i},' + ",".join(f'"c{n}":"Hồ sơ số {i * n}"' for n in range(1, 10)) + "}\n" for i in range(start, stop)
            )
    yield str(home / "m.jsonl"), "m", []


@contextmanager
def xml(home: Path, rows: int) -> Iterator[Place]:
    with (home / "m.xml").open("w", encoding="utf-8") as file:
        file.write("<ds>")
        for start, stop in blocks(rows):
            file.writelines(
                f"<h><id>{i}</id>" + "".join(f"<c{n}>Hồ sơ số {i * n}</c{n}>" for n in range(1, 10)) + "</h>\n" for i in range(start, stop)
            )
        file.write("</ds>")
    yield str(home / "m.xml"), "m", []


@contextmanager
def fixed(home: Path, rows: int) -> Iterator[Place]:
    with (home / "m.txt").open("wb") as file:
        for start, stop in blocks(rows):
            file.writelines((b"%-30d" % i) * len(COLUMNS) + b"\r\n" for i in range(start, stop))
    yield str(home / "m.txt"), "m", []


@contextmanager
def excel(home: Path, rows: int) -> Iterator[Place]:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(home / "m.xlsx"), {"constant_memory": True})
    sheet = book.add_worksheet("m")
    sheet.write_row(0, 0, COLUMNS)
    for i in range(rows):
        sheet.write_row(i + 1, 0, [i, *(f"Hồ sơ số {i * n} đường {n}" for n in range(1, 10))])
    book.close()
    yield str(home / "m.xlsx"), "m", []


TECHNOLOGIES: dict[str, Callable[[Path, int], AbstractContextManager[Place]]] = {
    "mysql": mysql,
    "postgres": postgres,
    "sqlite": sqlite,
    "csv": csv,
    "dbf": dbf,
    "jsonl": jsonl,
    "xml": xml,
    "fixed": fixed,
    "excel": excel,
}
EXCEL_LIMIT = 1_048_575
OPTIONS: dict[str, dict[str, object]] = {"xml": {"record": "h"}, "fixed": {"fields": [{"name": name, "width": 30} for name in COLUMNS]}}


def main(small: int, large: int, wanted: list[str]) -> int:
    bad = 0
    print(f"{'technology':<10} {'rows':>20} {'MiB':>14} {'ratio':>6} {'rows/s':>9} {'CPU-s per million':>18}")
    for name in wanted or TECHNOLOGIES:
        sizes = (EXCEL_LIMIT // 10, EXCEL_LIMIT) if name == "excel" else (small, large)
        found = []
        for rows in sizes:
            with tempfile.TemporaryDirectory(prefix="hopnhat-bench-") as home, TECHNOLOGIES[name](Path(home), rows) as place:
                found.append(measured(name, place))
            assert found[-1]["rows"] == rows, f"{name}: {found[-1]['rows']} of {rows} rows"
        ratio = found[1]["mib"] / found[0]["mib"]
        bad += name != "excel" and ratio > FLAT
        print(
            f"{name:<10} {sizes[0]:>9,} {sizes[1]:>10,} {found[0]['mib']:>6.0f} {found[1]['mib']:>7.0f} {ratio:>6.2f}"
            f" {found[1]['rows'] / found[1]['seconds']:>9,.0f} {found[1]['cpu'] / found[1]['rows'] * 1e6:>18.2f}",
            flush=True,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--read"]:
        print(json.dumps(read(*json.loads(arguments[1]))))
        sys.exit(0)
    numbers = [int(argument) for argument in arguments if argument.isdigit()]
    sys.exit(main(*(numbers or (1_000_000, 5_000_000)), [argument for argument in arguments if not argument.isdigit()]))
