"""The registry in PostgreSQL: loaded once, twice is once, other facts under one name are refused, and the views answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psycopg2
import pytest

from hopnhat.load.registry import load_units
from hopnhat.load.target import Connection
from hopnhat.model.errors import MappingError
from hopnhat.server import create_database, dsn
from mappings.units.registry import load_registry


@pytest.fixture(scope="module")
def database(server_url: str) -> Iterator[Connection]:
    with closing(psycopg2.connect(dsn(create_database(server_url, f"registry_{os.getpid()}")))) as connection:
        assert load_units(connection, load_registry()) > 17_000
        connection.commit()
        yield connection


def ask(connection: Connection, query: str, *values: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def test_loading_again_changes_nothing(database: Connection) -> None:
    before = ask(database, "select count(*) from registry.unit")
    assert load_units(database, load_registry()) == 0
    assert ask(database, "select count(*) from registry.unit") == before


def test_other_facts_under_a_known_version_are_refused(database: Connection) -> None:
    with pytest.raises(MappingError, match="other facts"):
        load_units(database, replace(load_registry(), checksum="0" * 16))
    database.rollback()


def test_a_code_names_another_unit_after_the_reform(database: Connection) -> None:
    before = ask(database, "select name from registry.unit_on(%s, %s)", "00004", "2025-06-30")
    after = ask(database, "select name from registry.unit_on(%s, %s)", "00004", "2025-07-01")
    assert (before, after) == ([("Phường Trúc Bạch",)], [("Phường Ba Đình",)])


def test_lookup_shows_both_addresses_and_counts_the_parts(database: Connection) -> None:
    rows = ask(
        database,
        "select old_name, old_district, old_province, new_code, new_province, n_new from registry.lookup "
        "where old_code = '00007' order by new_code",
    )
    district = ("Phường Cống Vị", "Quận Ba Đình", "Thành phố Hà Nội")
    assert rows == [(*district, "00008", "Thành phố Hà Nội", 2), (*district, "00025", "Thành phố Hà Nội", 2)]


def test_lookup_covers_every_old_commune_and_agrees_with_the_law_on_people(database: Connection) -> None:
    live = "from registry.lookup where old_valid_to = '2025-07-01' and length(old_code) = 5"
    assert ask(database, f"select count(distinct old_code) {live}") == [(10_035,)]
    assert ask(database, f"select count(distinct old_code) {live} and n_new > 1") == [(441,)]
    assert ask(database, f"select count(distinct old_code) {live} and n_new > 1 and n_new_people = 1") == [(60,)]


def test_reverse_lookup_names_the_units_a_new_commune_was_made_of(database: Connection) -> None:
    rows = ask(database, "select old_code from registry.lookup where new_code = '00004' and old_valid_to = '2025-07-01' order by 1")
    assert [row[0] for row in rows] == ["00004", "00013", "00016", "00019", "00022", "00028", "00040", "00055", "00073", "00112"]
