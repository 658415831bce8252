"""The prover's own reading of the registry, against the figures of the law."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from hopnhat.verify.crosswalk import components_of, load_crosswalk

_VERSION = "2026-08-24"


def crosswalk(carries: str, as_of: date = date(2025, 6, 30)) -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    load_crosswalk(db, version=_VERSION, as_of=as_of, until=date(2026, 11, 1), carries=carries)
    return db


def one(db: duckdb.DuckDBPyConnection, query: str) -> tuple[object, ...]:
    return db.execute(query).fetchall()[0]


@pytest.mark.parametrize(("carries", "undecided"), [("people", 381), ("both", 441)])
def test_old_communes_and_splits_are_those_of_the_law(carries: str, undecided: int) -> None:
    db = crosswalk(carries)
    assert one(db, "select count(*), count(*) filter (where every is null) from commune") == (10_035, 0)
    assert one(db, "select count(*) filter (where len(every) > 1), count(*) filter (where len(wanted) > 1) from commune") == (441, undecided)


def test_a_source_that_speaks_the_new_codes_keeps_them() -> None:
    db = crosswalk("people", as_of=date(2025, 8, 1))
    assert one(db, "select count(*), count(old_code), count(*) filter (where wanted = [code]) from commune") == (3_321, 0, 3_321)


def test_components_join_whatever_shares_a_unit() -> None:
    labels = components_of([("1", "A"), ("2", "A"), ("2", "B"), ("3", "C")])
    assert labels[("old", "1")] == labels[("new", "B")] == "1"
    assert labels[("old", "3")] == labels[("new", "C")] == "3"


def test_the_names_fold_alike_whatever_their_type_word() -> None:
    db = crosswalk("people")
    assert one(db, "select fold_unit('Phường Cống Vị') = fold_unit('P. Cống Vị'), fold_unit('Xã Yên Mỹ') = fold_unit('yên mỹ')") == (True, True)
