"""The city system in MariaDB: dates that no calendar has, and names as UTF-8."""

from __future__ import annotations

from pathlib import Path

import pytest

from hopnhat.sample.build import build
from hopnhat.sample.change import change
from hopnhat.sample.database import open_database
from hopnhat.sample.servers import mariadb_available, remove_mariadb


@pytest.mark.services
@pytest.mark.skipif(not mariadb_available(), reason="MariaDB is not installed; `make services` installs it")
def test_mariadb_holds_what_sqlite_would(tmp_path: Path) -> None:
    try:
        made = build(tmp_path / "maria", rows=2_000, bad_share=0.2, use_mariadb=True)
        plain = build(tmp_path / "plain", rows=2_000, bad_share=0.2, use_mariadb=False)
        columns = (
            "dossierId, applicantName, wardCode, wardName, dossierStatus, cast(receiveDate as char), cast(finishDate as char), contactEmail"
        )
        with open_database(made.connections["hn_motcua"]) as one, open_database(plain.connections["hn_motcua"]) as two:
            rows = one.query(f"select {columns} from opencps_dossier order by dossierId")
            assert rows == two.query(f"select {columns.replace(' as char', ' as text')} from opencps_dossier order by dossierId")
        assert any("-02-31" in str(row[5]) for row in rows)
        assert any(str(row[6]).startswith("0000-00-00") for row in rows)
        assert made.rows == plain.rows
        assert change(tmp_path / "maria") == change(tmp_path / "plain")
        assert build(tmp_path / "maria", rows=2_000, bad_share=0.2, use_mariadb=True) == made
    finally:
        remove_mariadb(tmp_path / "maria" / "mariadb")
