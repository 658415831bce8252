"""Deltas by a change table through the whole command, on real servers: what changed is read, what was deleted is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.test_extract_changes import mariadb, postgres
from tests.support.migration import Machine

SOURCE = "huyen_log.ho"
Run = Callable[..., None]
TRIGGERS = {
    "mysql": [
        "CREATE TABLE ho (nam char(4), so varchar(10), so_hs varchar(40), tt varchar(9), xa char(5), ten varchar(60), PRIMARY KEY (nam, so)) CHARACTER SET utf8mb4",
        "CREATE TABLE ho_log (seq bigint AUTO_INCREMENT PRIMARY KEY, nam char(4), so varchar(10)) CHARACTER SET utf8mb4",
        "CREATE TRIGGER h1 AFTER INSERT ON ho FOR EACH ROW INSERT INTO ho_log (nam, so) VALUES (NEW.nam, NEW.so)",
        "CREATE TRIGGER h2 AFTER UPDATE ON ho FOR EACH ROW INSERT INTO ho_log (nam, so) VALUES (OLD.nam, OLD.so), (NEW.nam, NEW.so)",
        "CREATE TRIGGER h3 AFTER DELETE ON ho FOR EACH ROW INSERT INTO ho_log (nam, so) VALUES (OLD.nam, OLD.so)",
    ],
    "postgres": [
        "CREATE TABLE ho (nam char(4), so varchar(10), so_hs text, tt text, xa char(5), ten text, PRIMARY KEY (nam, so))",
        "CREATE TABLE ho_log (seq bigserial PRIMARY KEY, nam char(4), so varchar(10))",
        "CREATE FUNCTION ghi() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF TG_OP <> 'INSERT' THEN INSERT INTO ho_log (nam, so) VALUES (OLD.nam, OLD.so); END IF;"
        " IF TG_OP <> 'DELETE' THEN INSERT INTO ho_log (nam, so) VALUES (NEW.nam, NEW.so); END IF; RETURN NULL; END $$",
        "CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON ho FOR EACH ROW EXECUTE FUNCTION ghi()",
    ],
}  # fmt: skip


@pytest.fixture(params=[mariadb, postgres], ids=["mariadb", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path, server_url: str) -> Iterator[tuple[str, str, Run]]:
    with request.param(tmp_path / "source", server_url) as (technology, url, run):
        run(*TRIGGERS[technology])
        for start in range(1, 2_500, 500):
            rows = ", ".join(
                f"('2024', '{n:05d}', 'H26.{n:05d}', 'x', '09661', 'Đặng Văn {n}')" for n in range(start, min(start + 500, 2_500))
            )
            run(f"INSERT INTO ho VALUES {rows}")
        yield technology, url, run


@pytest.fixture
def machine(place: tuple[str, str, Run], database: str, tmp_path: Path) -> Machine:
    folder = tmp_path / "mappings"
    folder.mkdir()
    system = {
        "id": "huyen_log", "title": "Hệ thống có nhật ký thay đổi", "domain": "dossiers", "technology": place[0], "connection": "huyen_log",
        "server": "huyen_log", "units_as_of": "2025-06-30", "codes": {"status": {"x": "10"}},
        "tables": [{
            "name": "ho", "entity": "dossier", "key": ["nam", "so"], "chunk_rows": 1000, "expect": {"min_rows": 1, "max_rows": 99_999},
            "changes": {"table": "ho_log", "key": ["nam", "so"], "at": "seq", "overlap": 0}, "unit": {"carries": "people", "commune_code": "xa"},
            "columns": {"dossier_no": "so_hs", "applicant_name": "ten", "status": {"from": "tt", "codes": "status"}},
        }],
    }  # fmt: skip
    (folder / "huyen_log.yml").write_text(yaml.safe_dump(system, allow_unicode=True), encoding="utf-8")
    return Machine(tmp_path / "home", database, {"huyen_log": place[1]}, folder)


def names(machine: Machine) -> dict[str, str]:
    return dict(machine.query("select source_key, applicant_name from unified.dossier where source = %s", SOURCE))


def gone(machine: Machine) -> set[str]:
    return {key for (key,) in machine.query("select source_key from ledger.gone where source = %s", SOURCE)}


def noted(summary: dict[str, Any]) -> set[str]:
    return {note["kind"] for note in summary["notes"]}


def test_a_delta_reads_what_the_change_table_names(machine: Machine, place: tuple[str, str, Run]) -> None:
    run = place[2]
    first = machine.migrated("huyen_log")
    assert (first["extracted"], first["published"], first["balance"]) == (2_499, 2_499, 0)
    run(
        "UPDATE ho SET ten = 'Đổi tên' WHERE so IN ('00007', '02007')", "DELETE FROM ho WHERE so IN ('00003', '01003')",
        "INSERT INTO ho VALUES ('2025', '00001', 'H26.x', 'x', '09661', 'Người mới'), ('2025', '00002', 'H26.y', 'x', '09661', 'Đến rồi đi')",
        "DELETE FROM ho WHERE nam = '2025' AND so = '00002'",
    )  # fmt: skip
    second = machine.migrated("huyen_log", "delta")
    assert (second["extracted"], second["published"], second["gone"], second["balance"]) == (4, 3, 2, 0)
    assert {k: v for k, v in names(machine).items() if v in ("Đổi tên", "Người mới")} == {
        "2024|00007": "Đổi tên", "2024|02007": "Đổi tên", "2025|00001": "Người mới",
    }  # fmt: skip
    assert gone(machine) == {"2024|00003", "2024|01003"}  # not the row that came and went: it was never here
    assert noted(second) == set()
    assert len(names(machine)) == 2_500  # what is gone at the source stays published: people decide
    assert machine.imbalance() == []
    third = machine.migrated("huyen_log", "delta")
    assert (third["extracted"], third["published"]) == (0, 0)  # the last change named a row that is not there
    assert len(names(machine)) == 2_500


def test_an_emptied_change_table_makes_the_delta_read_everything(machine: Machine, place: tuple[str, str, Run]) -> None:
    run = place[2]
    machine.migrated("huyen_log")
    run("UPDATE ho SET ten = 'Lúc không ai ghi' WHERE so = '00009'", "DELETE FROM ho WHERE so = '00010'", "DELETE FROM ho_log")
    summary = machine.migrated("huyen_log", "delta")
    assert summary["extracted"] == 2_498
    assert "read-whole" in noted(summary)
    assert names(machine)["2024|00009"] == "Lúc không ai ghi"
    assert gone(machine) == {"2024|00010"}
    assert machine.imbalance() == []
