"""A vendor's change table, filled by triggers on real servers: rows changed since a mark are read whole, deletes are told."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hopnhat.extract.changes import ChangedSource, deleted_keys, last_change, reaches_back, window
from hopnhat.extract.contract import KeyRange, Source
from hopnhat.extract.governor import GentleSource
from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import MappingError, SourceDriftError
from hopnhat.sample.servers import mariadb_available, remove_mariadb, start_mariadb
from hopnhat.server import create_database, dsn
from mappings.spec import Table

Run = Callable[..., None]
_number = itertools.count()
WHOLE = KeyRange(0, None, None)
MARIADB = """
CREATE TABLE hs (nam char(4), so varchar(10), ten varchar(60), PRIMARY KEY (nam, so)) CHARACTER SET utf8mb4;
CREATE TABLE hs_log (seq bigint AUTO_INCREMENT PRIMARY KEY, nam char(4), so varchar(10), viec char(1)) CHARACTER SET utf8mb4;
CREATE TRIGGER t1 AFTER INSERT ON hs FOR EACH ROW INSERT INTO hs_log (nam, so, viec) VALUES (NEW.nam, NEW.so, 'I');
CREATE TRIGGER t3 AFTER DELETE ON hs FOR EACH ROW INSERT INTO hs_log (nam, so, viec) VALUES (OLD.nam, OLD.so, 'D');
CREATE TRIGGER t2 AFTER UPDATE ON hs FOR EACH ROW INSERT INTO hs_log (nam, so, viec) VALUES (OLD.nam, OLD.so, 'U'), (NEW.nam, NEW.so, 'U')
"""
POSTGRES = """
CREATE TABLE hs (nam char(4), so varchar(10), ten text, PRIMARY KEY (nam, so));
CREATE TABLE hs_log (seq bigserial PRIMARY KEY, nam char(4), so varchar(10), viec char(1), luc timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
 IF TG_OP <> 'INSERT' THEN INSERT INTO hs_log (nam, so, viec) VALUES (OLD.nam, OLD.so, left(TG_OP, 1)); END IF;
 IF TG_OP <> 'DELETE' THEN INSERT INTO hs_log (nam, so, viec) VALUES (NEW.nam, NEW.so, left(TG_OP, 1)); END IF; RETURN NULL; END $$;
CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON hs FOR EACH ROW EXECUTE FUNCTION note()
"""


@contextlib.contextmanager
def mariadb(home: Path, _: str) -> Iterator[tuple[str, str, Run]]:
    import pymysql

    if not mariadb_available():
        pytest.skip("needs MariaDB: make services")
    url = start_mariadb(home)
    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, database="legacy", autocommit=True
    )

    def run(*statements: str) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    run(*MARIADB.split(";\n"))
    yield "mysql", url, run
    connection.close()
    remove_mariadb(home)


@contextlib.contextmanager
def postgres(home: Path, server: str) -> Iterator[tuple[str, str, Run]]:
    import psycopg2

    url = create_database(server, f"doi_thay_{next(_number)}")
    connection = psycopg2.connect(dsn(url))
    connection.autocommit = True

    def run(*statements: str) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    run(POSTGRES)
    yield "postgres", url, run
    connection.close()


@pytest.fixture(params=[mariadb, postgres], ids=["mariadb", "postgres"], scope="module")
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server_url: str) -> Iterator[tuple[str, str, Run]]:
    with request.param(tmp_path_factory.mktemp("changes"), server_url) as found:
        yield found


@pytest.fixture
def run(place: tuple[str, str, Run]) -> Run:
    place[2]("DELETE FROM hs", "DELETE FROM hs_log")
    place[2](*(f"INSERT INTO hs VALUES ('2024', '{n:05d}', 'Đặng {n}')" for n in range(1, 41)))
    return place[2]


def table(**changes: object) -> Table:
    said = {"table": "hs_log", "key": ["nam", "so"], "at": "seq", "overlap": 0, **changes}
    return Table.model_validate(
        {"name": "hs", "entity": "dossier", "key": ["nam", "so"], "columns": {}, "expect": {"min_rows": 0, "max_rows": 9}, "changes": said}
    )


def opened(place: tuple[str, str, Run], **options: object) -> Source:
    return open_source(place[0], place[1], {"system": "huyen", **options})


def changed(source: Source, since: str, key_range: KeyRange = WHOLE) -> dict[str, str]:
    frame = ChangedSource(source, table()).read("hs", ["nam", "so"], key_range, ["nam", "so", "ten"], ("seq", since))
    return {row["so"].decode(): row["ten"].decode() for row in frame.to_pylist()}


def after(mark: str) -> str:
    return str(int(mark) + 1)


@pytest.mark.parametrize("options", [{}, {"governor": {"target_seconds": 0.5}}], ids=["plain", "governed"])
def test_rows_changed_since_a_mark_are_read_whole_and_deletes_are_told(
    place: tuple[str, str, Run], run: Run, options: dict[str, object]
) -> None:
    source, spec = opened(place, **options), table()
    assert spec.changes is not None
    mark = last_change(source, spec.changes) or ""
    assert changed(source, after(mark)) == {}
    run(
        "UPDATE hs SET ten = 'Đổi' WHERE so IN ('00007', '00031')", "DELETE FROM hs WHERE so IN ('00003', '00004')",
        "INSERT INTO hs VALUES ('2024', '00050', 'Mới'), ('2024', '00051', 'Đến rồi đi')", "DELETE FROM hs WHERE so = '00051'",
        "DELETE FROM hs WHERE so = '00005'", "INSERT INTO hs VALUES ('2024', '00005', 'Trở lại')",
        "UPDATE hs SET so = '00060' WHERE so = '00006'",
    )  # fmt: skip
    expected = {"00007": "Đổi", "00031": "Đổi", "00050": "Mới", "00005": "Trở lại", "00060": "Đặng 6"}
    assert changed(source, after(mark)) == expected
    low, high = ("2024", "00007"), ("2024", "00050")
    assert changed(source, after(mark), KeyRange(1, low, high)) == {"00031": "Đổi", "00050": "Mới"}
    gone = deleted_keys(source, spec, after(mark)).to_pylist()
    assert {row["so"] for row in gone} == {b"00003", b"00004", b"00006", b"00051"}
    assert {row["nam"] for row in gone} == {b"2024"}
    again = last_change(source, spec.changes) or ""
    assert int(again) > int(mark)
    assert changed(source, after(again)) == {}
    whole = ChangedSource(source, spec).read("hs", ["nam", "so"], WHOLE, ["so"])
    assert whole.num_rows == 39
    assert isinstance(source, GentleSource) == bool(options)
    source.close()


def test_an_emptied_change_table_is_noticed(place: tuple[str, str, Run], run: Run) -> None:
    source, spec = opened(place), table()
    assert spec.changes is not None
    mark = last_change(source, spec.changes) or ""
    assert reaches_back(source, spec.changes, mark)
    run("DELETE FROM hs_log", "UPDATE hs SET ten = 'x' WHERE so = '00001'")
    assert not reaches_back(source, spec.changes, mark)
    run("DELETE FROM hs_log")
    assert last_change(source, spec.changes) is None
    source.close()


def test_the_window_begins_before_the_last_mark(place: tuple[str, str, Run], run: Run) -> None:
    source, spec = opened(place), table(overlap=10)
    assert spec.changes is not None
    mark = last_change(source, spec.changes) or ""
    assert window(source, spec.changes, mark) == str(int(mark) - 10)
    assert len(changed(source, window(source, spec.changes, mark))) == 11
    source.close()


def test_a_change_table_that_is_not_as_declared_is_told(place: tuple[str, str, Run], run: Run) -> None:
    source = opened(place)
    for wrong, said in (({"table": "hs_lgo"}, "hs_log"), ({"at": "seqq"}, "seq"), ({"key": ["nam", "soo"]}, "so")):
        with pytest.raises(SourceDriftError, match=said):
            ChangedSource(source, table(**wrong)).read("hs", ["nam", "so"], WHOLE, ["so"], ("seq", "1"))
    source.close()


def test_a_file_has_no_change_table(tmp_path: Path) -> None:
    (tmp_path / "hs.csv").write_text("so\n1\n")
    with pytest.raises(MappingError, match="needs a database"):
        ChangedSource(open_source("csv", str(tmp_path / "hs.csv")), table())


def test_a_moment_can_be_the_mark(place: tuple[str, str, Run], run: Run) -> None:
    if place[0] == "mysql":
        run(
            "DROP TABLE IF EXISTS hs_luc",
            "CREATE TABLE hs_luc AS SELECT nam, so, CAST('2026-01-01 00:00:00.000001' AS datetime(6)) AS luc FROM hs WHERE so < '00003'",
        )
        run("INSERT INTO hs_luc VALUES ('2024', '00009', '2026-01-01 00:10:00.5')")
    else:
        run(
            "DROP TABLE IF EXISTS hs_luc",
            "CREATE TABLE hs_luc AS SELECT nam, so, timestamptz '2026-01-01 00:00:00.000001+07' AS luc FROM hs WHERE so < '00003'",
        )
        run("INSERT INTO hs_luc VALUES ('2024', '00009', '2026-01-01 00:10:00.5+07')")
    source, spec = opened(place), table(table="hs_luc", at="luc", overlap=300)
    assert spec.changes is not None
    mark = last_change(source, spec.changes) or ""
    since = window(source, spec.changes, mark)
    assert since.startswith("2026-01-01 00:05:00.5")
    frame = ChangedSource(source, spec).read("hs", ["nam", "so"], WHOLE, ["so"], ("luc", since))
    assert frame["so"].to_pylist() == [b"00009"]
    source.close()
