"""`snapshot: true` on a server that cannot lend its instant: one session reads all tables of a run (issue: consistent snapshot)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hopnhat import pipeline
from hopnhat.sample.servers import mariadb_available
from hopnhat.settings import settings
from hopnhat.workers import load_all
from tests.integration.test_extract_changes import mariadb

pytestmark = [pytest.mark.services, pytest.mark.skipif(not mariadb_available(), reason="MariaDB is not installed (make services)")]


def mapping(snapshot: bool) -> str:
    dossier = {"dossier_no": "so", "status": {"from": "tt", "codes": "tt"}}
    tables = [
        {"name": "ho_so", "entity": "dossier", "key": ["ma"], "columns": dossier, "unit": {"carries": "people", "commune_code": "xa"}},
        {"name": "buoc", "entity": "dossier_step", "key": ["ma"], "columns": {"dossier_key": "ho_so", "action": "viec"}},
    ]
    system = {
        "id": "mau", "title": "Mẫu", "domain": "dossiers", "technology": "mysql", "connection": "mau", "server": "mau", "units_as_of": "2025-06-30",
        "options": {"snapshot": snapshot}, "codes": {"tt": {"1": "2"}},
        "tables": [{**table, "chunk_rows": 1000, "expect": {"min_rows": 1, "max_rows": 10_000, "min_share": 0.01}} for table in tables],
    }  # fmt: skip
    return yaml.safe_dump(system, allow_unicode=True)


@pytest.mark.parametrize("snapshot", [True, False], ids=["one instant", "an instant per range"])
def test_all_tables_of_a_run_show_one_instant(
    snapshot: bool, tmp_path: Path, furnished: str, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "mau.yml").write_text(mapping(snapshot), encoding="utf-8")
    for name, value in {"HOME": tmp_path, "DATABASE_URL": furnished, "MAPPINGS": tmp_path / "mappings"}.items():
        monkeypatch.setenv(f"HOPNHAT_{name}", str(value))
    settings.cache_clear()
    with mariadb(tmp_path / "source", server_url) as (_, url, run):
        run("CREATE TABLE ho_so (ma int PRIMARY KEY, so varchar(20), tt char(1), xa char(5))", "CREATE TABLE buoc (ma int PRIMARY KEY, ho_so int, viec varchar(20))")
        run(*(f"INSERT INTO ho_so VALUES ({n}, 'HS-{n}', '1', '09694')" for n in range(1, 2_001)))
        run(*(f"INSERT INTO buoc VALUES ({n}, {n}, 'nhận')" for n in range(1, 2_001)))
        changed = []

        def change(*_: object) -> None:
            """After the first part, behind the reader's back: the rest of both tables goes."""
            if not changed:
                run("DELETE FROM ho_so WHERE ma > 1000", "DELETE FROM buoc WHERE ma > 1000")
                changed.append(True)

        items = pipeline.plan("mau", run_id="r1", mode="bulk", as_of="2026-11-01", url=url)
        counts = load_all("mau", items, run_id="r1", url=url, workers=1 if not snapshot else 2, progress=change)
    settings.cache_clear()
    assert changed
    assert (counts["extracted"] == 4_000) is snapshot
