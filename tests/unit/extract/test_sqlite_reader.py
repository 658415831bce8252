"""SQLite: typed by value, keys of any affinity, damaged files."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hopnhat.extract.contract import KeyRange, Source
from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import HopNhatError, SourceAccessError, SourceDriftError, SourceUnavailableError

WHOLE = KeyRange(0, None, None)


def opened(path: Path, **options: object) -> Source:
    return open_source("sqlite", str(path), {"system": "s", **options})


def made(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


def test_values_are_rendered_by_what_they_are(tmp_path: Path) -> None:
    path = made(
        tmp_path / "a.db", "CREATE TABLE a (id integer PRIMARY KEY, t text, n numeric, r real, u, b blob, d date)",
        "INSERT INTO a VALUES (1, CAST(X'b8b500' AS text), 12.50, 1e21, 'x', X'00ff', '2020-01-02')",
        "INSERT INTO a VALUES (2, '', NULL, 0.1, 9007199254740993, NULL, 20200102)", "INSERT INTO a VALUES (3, '00123', 38001000123, 2, 1.5, X'', NULL)",
    )  # fmt: skip
    assert opened(path).read("a", ["id"], WHOLE, list("tnrubd")).to_pylist() == [
        {"t": b"\xb8\xb5\0", "n": b"12.5", "r": b"1000000000000000000000", "u": b"x", "b": b"\0\xff", "d": b"2020-01-02"},
        {"t": b"", "n": None, "r": b"0.1", "u": b"9007199254740993", "b": None, "d": b"20200102"},
        {"t": b"00123", "n": b"38001000123", "r": b"2", "u": b"1.5", "b": b"", "d": None},
    ]


KEYS = {
    "integer": ("k integer PRIMARY KEY", ["k"], [(n * 7 - 900,) for n in range(300)]),
    "integer without gaps": ("k integer PRIMARY KEY", ["k"], [(n + 5,) for n in range(300)]),
    "text, numbers inside": ("k text PRIMARY KEY", ["k"], [(f"{n:04d}",) for n in range(300)]),
    "text without case": ("k text COLLATE NOCASE PRIMARY KEY", ["k"], [(f"Hồ-{chr(65 + n % 26)}{n}",) for n in range(300)]),
    "raw bytes in text": ("k text PRIMARY KEY", ["k"], [(bytes([200 + n % 50, 39, n // 50]),) for n in range(300)]),
    "untyped": ("k, v", ["k", "v"], [(n if n % 3 else f"t'{n}" if n % 2 else bytes([n % 256]), n) for n in range(300)]),
    "composite without rowid": ("a text, b int, PRIMARY KEY (a, b)) WITHOUT ROWID --", ["a", "b"], [(f"a{n % 7}", n) for n in range(300)]),
    "none": ("rowid text, v", [], [(None, n % 5) for n in range(300)]),
}


@pytest.mark.parametrize("name", list(KEYS))
def test_ranges_of_any_key_hold_every_row_once(tmp_path: Path, name: str) -> None:
    columns, key, rows = KEYS[name]
    path = made(
        tmp_path / "a.db", f"CREATE TABLE a ({columns}\n)" if "--" not in columns else f"CREATE TABLE a ({columns.removesuffix(' --')}"
    )
    with closing(sqlite3.connect(path)) as connection:
        marks = ["CAST(? AS text)" if "bytes" in name else "?"] * len(rows[0])
        connection.executemany(f"INSERT INTO a VALUES ({', '.join(marks)})", rows)
        connection.commit()
    source = opened(path)
    names = [column.name for column in source.shape("a").columns]
    ranges = source.ranges("a", key, 64)
    parts = [source.read("a", key, part, names) for part in ranges]
    assert sum(part.num_rows for part in parts) == 300
    assert len(ranges) == 5
    found = sorted((tuple(row.values()) for part in parts for row in part.to_pylist()), key=repr)
    assert found == sorted((tuple(row.values()) for row in source.read("a", key, WHOLE, names).to_pylist()), key=repr)


def test_view_without_a_key_is_cut_by_its_row_hash(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", "CREATE TABLE a (k)", "CREATE VIEW v AS SELECT k % 40 AS k FROM a")
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany("INSERT INTO a VALUES (?)", [(n,) for n in range(400)])
        connection.commit()
    source = opened(path)
    parts = [source.read("v", [], part, ["k"]) for part in source.ranges("v", [], 100)]
    assert (len(parts), sum(part.num_rows for part in parts)) == (4, 400)


def test_snapshot_shows_one_instant_while_a_writer_goes_on(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", "PRAGMA journal_mode = wal", "CREATE TABLE a (k integer PRIMARY KEY, v)", "INSERT INTO a VALUES (1, 1)")
    source = opened(path, snapshot=True)
    assert source.count("a") == 1
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("INSERT INTO a VALUES (2, 2)")
        writer.commit()
        assert (source.count("a"), opened(path).count("a")) == (1, 2)
    source.close()


def _count(path: Path) -> int:
    return opened(path).count("a")


def test_connection_is_not_carried_over_a_fork(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", "CREATE TABLE a (k)", "INSERT INTO a VALUES (1)")
    source = opened(path)
    assert source.count("a") == 1
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(_count, [path] * 4) == [1] * 4
    assert source.count("a") == 1


def test_a_column_dropped_while_the_source_is_open_is_drift_not_its_own_name(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", 'CREATE TABLE a (k integer PRIMARY KEY, v text, `o``i"x` text)', "INSERT INTO a VALUES (1, 'x', 'y')")
    source = opened(path)
    assert source.read("a", ["k"], WHOLE, ["v", 'o`i"x']).to_pylist() == [{"v": b"x", 'o`i"x': b"y"}]
    made(path, "ALTER TABLE a DROP COLUMN v")
    with pytest.raises(SourceDriftError, match="vanished"):
        source.read("a", ["k"], WHOLE, ["v"])


def test_other_files_and_directories_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"khong phai sqlite" * 100)
    with pytest.raises(SourceDriftError, match=r"a\.db"):
        opened(tmp_path / "a.db").tables()
    with pytest.raises(SourceUnavailableError):
        opened(tmp_path).tables()


def _refused(path: Path) -> str:
    os.setuid(65534)
    try:
        opened(path).tables()
    except SourceAccessError as error:
        return str(error)
    return "read"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody who may not read")
def test_unreadable_file_is_an_access_error(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", "CREATE TABLE a (k)")
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_uid == 0 and "pytest" in str(directory):
            directory.chmod(0o755)
    path.chmod(0o600)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert "may not be read" in pool.apply(_refused, (path,))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_gives_a_clear_error_or_rows(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "seed.db"
    if not path.exists():
        made(path, "CREATE TABLE a (k integer PRIMARY KEY, v text)", *[f"INSERT INTO a VALUES ({n}, 'v{n}')" for n in range(50)])
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "x.db").write_bytes(bytes(raw))
    source = opened(tmp_path / "x.db")
    with suppress(HopNhatError):  # anything else fails the test
        frame = source.read("a", ["k"], WHOLE, ["k", "v"])
        frame.validate(full=True)
        assert frame.column_names == ["k", "v"]
    source.close()
