"""Extraction against each driver's own bare scan of the same rows in the same run, and the memory of a long read.

`python -m tests.bench.bench_extract [ROWS]` (default 200,000 × 22 columns; Excel a tenth). Prints, per technology, client
CPU-seconds per million rows of ours and of the bare scan, their ratio (1.0 = as fast as the driver alone, must be ≥ 0.6),
wall rows/s, and the growth of resident memory between the first and the last range. The memory of 1 and 5 million rows:
`python -m tests.bench.extract_memory`.
"""

from __future__ import annotations

import gc
import math
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy

from hopnhat.extract.contract import Source
from hopnhat.extract.technologies import open_source

COLUMNS = ["id", *(f"c{number}" for number in range(1, 21)), "phi"]
RANGE = 50_000


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    for number in range(1, count + 1):
        yield (number, *(f"Hồ sơ số {column * number} đường {column}" for column in range(1, 20)), f"{number % 97:05d}", number * 1.5)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident() -> float:
    """MiB of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def measured(work: Callable[[], int]) -> tuple[float, float, int]:
    """CPU-seconds and wall seconds per million rows, and rows."""
    gc.collect()
    started, began = cpu(), time.perf_counter()
    count = work()
    return (cpu() - started) / count * 1e6, (time.perf_counter() - began) / count * 1e6, count


def read_ranges(source: Source, table: str, key: list[str], growth: list[float]) -> int:
    total = 0
    for part in source.ranges(table, key, RANGE):
        total += source.read(table, key, part, COLUMNS).num_rows
        growth.append(resident())
    return total


@contextmanager
def mysql(home: Path, count: int) -> Iterator[tuple[str, str, list[str], Callable[[], int]]]:
    from urllib.parse import urlsplit

    import connectorx
    import pymysql

    from hopnhat.sample.servers import remove_mariadb, start_mariadb

    url = start_mariadb(home)
    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, database="legacy", autocommit=True
    )
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE hs (id int PRIMARY KEY, {', '.join(f'c{n} varchar(60)' for n in range(1, 21))}, phi decimal(12,2))")
        batch: list[tuple[Any, ...]] = []
        for row in rows(count):
            batch.append(row)
            if len(batch) == 5000:
                cursor.executemany(f"INSERT INTO hs VALUES ({', '.join(['%s'] * 22)})", batch)
                batch = []
        if batch:
            cursor.executemany(f"INSERT INTO hs VALUES ({', '.join(['%s'] * 22)})", batch)
    connection.close()

    def bare() -> int:
        return sum(
            connectorx.read_sql(url, f"SELECT * FROM hs WHERE id > {low} AND id <= {low + RANGE} ORDER BY id", return_type="arrow").num_rows
            for low in range(0, count, RANGE)
        )

    yield url, "hs", ["id"], bare
    remove_mariadb(home)


@contextmanager
def sqlite(home: Path, count: int) -> Iterator[tuple[str, str, list[str], Callable[[], int]]]:
    path = home / "hs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE hs (id integer PRIMARY KEY, {', '.join(f'c{n} text' for n in range(1, 21))}, phi real)")
        connection.executemany(f"INSERT INTO hs VALUES ({', '.join('?' * 22)})", rows(count))
        connection.commit()

    def bare() -> int:
        total = 0
        with closing(sqlite3.connect(path)) as connection:
            cursor = connection.execute("SELECT * FROM hs ORDER BY id")
            while batch := cursor.fetchmany(10_000):
                total += len(batch)
        return total

    yield str(path), "hs", ["id"], bare


@contextmanager
def csv(home: Path, count: int) -> Iterator[tuple[str, str, list[str], Callable[[], int]]]:
    import csv as standard

    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    path = home / "hs.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = standard.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows(count))

    def bare() -> int:
        options = arrow_csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.binary()))
        return int(
            arrow_csv.read_csv(
                path, arrow_csv.ReadOptions(use_threads=False), arrow_csv.ParseOptions(newlines_in_values=True), options
            ).num_rows
        )

    yield str(path), "hs", [], bare


@contextmanager
def dbf(home: Path, count: int) -> Iterator[tuple[str, str, list[str], Callable[[], int]]]:
    import struct

    path = home / "hs.dbf"
    width = 40
    with path.open("wb") as file:
        file.write(struct.pack("<B3BIHH20x", 3, 125, 7, 1, count, 33 + 32 * 22, 1 + 22 * width))
        file.write(b"".join(struct.pack("<11sc4xBB14x", name.encode(), b"C", width, 0) for name in COLUMNS) + b"\r")
        for row in rows(count):
            file.write(b" " + b"".join(str(value).encode()[:width].ljust(width) for value in row))
        file.write(b"\x1a")

    def bare() -> int:
        """numpy's fixed-width records, every field taken out as an array: what a plain reader does."""
        kind = numpy.dtype([("flag", "S1"), *((name, f"S{width}") for name in COLUMNS)])
        data = numpy.memmap(path, kind, "r", offset=33 + 32 * 22, shape=(count,))
        columns = [numpy.array(data[name]) for name in COLUMNS]
        return len(columns[-1])

    yield str(path), "hs", [], bare


@contextmanager
def excel(home: Path, count: int) -> Iterator[tuple[str, str, list[str], Callable[[], int]]]:
    import python_calamine
    import xlsxwriter

    path = home / "hs.xlsx"
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("hs")
    sheet.write_row(0, 0, COLUMNS)
    for number, row in enumerate(rows(count // 10), start=1):
        sheet.write_row(number, 0, row)
    book.close()

    def bare() -> int:
        return len(python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_name("hs").to_python()) - 1

    yield str(path), "hs", [], bare


@contextmanager
def postgres(home: Path, count: int) -> Iterator[tuple[str, str, list[str], Callable[[], int]]]:
    import psycopg2

    from hopnhat.server import dsn, ensure_server, remove_server

    url = ensure_server(home)
    with closing(psycopg2.connect(dsn(url))) as connection, connection, connection.cursor() as cursor:
        cells = ", ".join(f"'Hồ sơ số ' || g::bigint * {n} || ' đường {n}' AS c{n}" for n in range(1, 21))
        cursor.execute(f"CREATE TABLE hs AS SELECT g AS id, {cells}, g * 1.5 AS phi FROM generate_series(1, {count}) g")
        cursor.execute("ALTER TABLE hs ADD PRIMARY KEY (id)")

    def bare() -> int:
        """A named cursor of the driver: rows as Python objects."""
        total = 0
        with closing(psycopg2.connect(dsn(url))) as connection, connection.cursor("bare") as cursor:
            cursor.itersize = 10_000
            cursor.execute("SELECT * FROM hs ORDER BY id")
            while batch := cursor.fetchmany(10_000):
                total += len(batch)
        return total

    yield url, "hs", ["id"], bare
    remove_server(home)


@contextmanager
def jsonl(home: Path, count: int) -> Iterator[tuple[str, str, list[str], Callable[[], int]]]:
    import json

    path = home / "hs.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) + "\n" for row in rows(count))

    def bare() -> int:
        """The standard library's parser and the columns gathered as Arrow arrays: what a plain reader does."""
        import pyarrow as pa

        total = 0
        with path.open("rb") as file:
            while lines := file.readlines(16 << 20):
                parsed = [json.loads(line) for line in lines]
                columns = [pa.array([record.get(name) for record in parsed]) for name in COLUMNS]
                total += len(columns[0])
        return total

    yield str(path), "hs", [], bare


@contextmanager
def xml(home: Path, count: int) -> Iterator[tuple[str, str, list[str], Callable[[], int]]]:
    from xml.sax.saxutils import escape

    path = home / "hs.xml"
    with path.open("w", encoding="utf-8") as file:
        file.write("<ds>")
        file.writelines(
            "<h>" + "".join(f"<{n}>{escape(str(v))}</{n}>" for n, v in zip(COLUMNS, row, strict=True)) + "</h>" for row in rows(count)
        )
        file.write("</ds>")

    def bare() -> int:
        """The same safe parser, element by element, texts taken."""
        from defusedxml.ElementTree import iterparse

        total = 0
        for _, element in iterparse(path, events=("end",)):
            if element.tag == "h":
                total += len([child.text for child in element]) > 0
                element.clear()
        return total

    yield str(path), "hs", [], bare


@contextmanager
def fixed(home: Path, count: int) -> Iterator[tuple[str, str, list[str], Callable[[], int]]]:
    path, width = home / "hs.txt", 40
    with path.open("wb") as file:
        file.writelines(b"".join(str(value).encode()[:width].ljust(width) for value in row) + b"\n" for row in rows(count))

    def bare() -> int:
        kind = numpy.dtype([*((name, f"S{width}") for name in COLUMNS), ("end", "S1")])
        data = numpy.memmap(path, kind, "r")
        columns = [numpy.array(data[name]) for name in COLUMNS]
        return len(columns[0])

    yield str(path), "hs", [], bare


TECHNOLOGIES = {
    "mysql": mysql, "sqlite": sqlite, "csv": csv, "dbf": dbf, "excel": excel, "postgres": postgres, "jsonl": jsonl, "xml": xml, "fixed": fixed,
}  # fmt: skip
OPTIONS: dict[str, dict[str, object]] = {"xml": {"record": "h"}, "fixed": {"fields": [{"name": name, "width": 40} for name in COLUMNS]}}
TRIES = 3


def main(count: int, wanted: list[str]) -> int:
    bad = 0
    print(
        f"{'technology':<10} {'ours':>7} {'bare':>7} {'ratio':>6} {'wall ratio':>10} {'rows/s':>9} {'growth MiB':>10}   (CPU-s per million rows)"
    )
    for name in wanted or TECHNOLOGIES:
        with ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hopnhat-bench-")))
            url, table, key, bare = stack.enter_context(TECHNOLOGIES[name](home, count))
            source = open_source(name, url, OPTIONS.get(name))
            read_ranges(source, table, key, [])  # imports and caches are not what is measured
            source.close()
            growth: list[float] = []
            ours, bare_scan = (math.inf, math.inf), (math.inf, math.inf)
            for _ in range(TRIES):  # in turn, and the best of each: the machine has other work too
                fresh = open_source(name, url, OPTIONS.get(name))
                ours = min(ours, measured(lambda: read_ranges(fresh, table, key, growth))[:2])  # noqa: B023 - called at once
                bare_scan = min(bare_scan, measured(bare)[:2])
                fresh.close()
            ratio = bare_scan[0] / ours[0]
            bad += ratio < 0.6
            print(
                f"{name:<10} {ours[0]:>7.2f} {bare_scan[0]:>7.2f} {ratio:>6.2f} {bare_scan[1] / ours[1]:>10.2f} {1e6 / ours[1]:>9,.0f}"
                f" {growth[-1] - growth[0]:>10.1f}",
                flush=True,
            )
    return 1 if bad else 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(int(arguments[0]) if arguments else 200_000, arguments[1:]))
