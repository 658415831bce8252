"""Build the three sample legacy systems with their labels. Same arguments, same bytes; a second call reuses them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from hopnhat.sample.city import CITY_TABLES, fill_city
from hopnhat.sample.database import open_database
from hopnhat.sample.district import DISTRICT, write_district
from hopnhat.sample.places import FACTS
from hopnhat.sample.register import MOST_ROWS, REGISTER, write_register

SEED = 20250701
CITY = "hn_motcua"


@dataclass(frozen=True)
class SampleSystems:
    """`connections`: URL by connection id, as in connections.json. `labels`: parquet file by source id `<system>.<table>`."""

    home: Path
    connections: Mapping[str, str]
    labels: Mapping[str, Path]
    rows: Mapping[str, int]


def build(home: Path, *, rows: int = 10_000, seed: int = SEED, bad_share: float = 0.02, use_mariadb: bool | None = None) -> SampleSystems:
    """Write the systems under `home`.

    Args:
        rows: dossiers of the city system; the district system has a fifth of that, the hand-kept register a twentieth.
        bad_share: share of rows that must end in quarantine; readable oddities are three times as many.
        use_mariadb: None = when it is installed; False = SQLite with the same tables.
    """
    home = Path(home).absolute()
    home.mkdir(parents=True, exist_ok=True)
    url = _city_url(home, use_mariadb)
    asked = {"rows": rows, "seed": seed, "bad_share": bad_share, "maker": _fingerprint()}
    if not _made(home, asked, url):
        (home / "sample.json").unlink(missing_ok=True)
        (home / "labels").mkdir(exist_ok=True)
        shared = fill_city(url, home / "labels", rows=rows, seed=seed, bad_share=bad_share)
        write_district(home, home / "labels", shared, rows=max(1, rows // 5), seed=seed, bad_share=bad_share)
        write_register(home, home / "labels", rows=max(100, min(rows // 20, MOST_ROWS)), seed=seed, bad_share=bad_share)
        (home / "sample.json").write_text(json.dumps(asked | {"city": _kind(url)}, indent=1), encoding="utf-8")
    connections = {
        CITY: url, DISTRICT: (home / "thanhtri" / "HOSO.DBF").as_uri(), REGISTER: (home / "so_tay_xa" / "SoTiepNhan.xlsx").as_uri(),
    }  # fmt: skip
    note = home / "connections.json"
    note.touch(mode=0o600)
    note.write_text(json.dumps(connections, indent=1), encoding="utf-8")
    labels = {path.stem: path for path in sorted((home / "labels").glob("*.parquet"))}
    return SampleSystems(home, connections, labels, {name: pq.read_metadata(p).num_rows for name, p in labels.items()})


def build_city(url: str, labels: Path, *, rows: int, seed: int = SEED, bad_share: float = 0.02, children: bool = False) -> None:
    """The city system alone, straight into a database: what a benchmark of millions of rows needs."""
    labels.mkdir(parents=True, exist_ok=True)
    fill_city(url, labels, rows=rows, seed=seed, bad_share=bad_share, children=children)


def _city_url(home: Path, use_mariadb: bool | None) -> str:
    from hopnhat.sample.servers import mariadb_available, start_mariadb

    if use_mariadb or (use_mariadb is None and mariadb_available()):
        return start_mariadb(home / "mariadb")
    return f"sqlite:///{home / 'hn_motcua.sqlite'}"


def _kind(url: str) -> str:
    return url.partition(":")[0]


def _made(home: Path, asked: Mapping[str, object], url: str) -> bool:
    """The same was asked before, was finished, and its database still has the tables."""
    note = home / "sample.json"
    if not note.exists() or json.loads(note.read_text("utf-8")) != {**asked, "city": _kind(url)}:
        return False
    with open_database(url) as database:
        found = {str(row[0]) for row in database.query(_TABLES[_kind(url) == "sqlite"])}
    return found >= {table.name for table in CITY_TABLES}


_TABLES = {
    True: "select name from sqlite_master",
    False: "select table_name from information_schema.tables where table_schema = database()",
}


def _fingerprint() -> str:
    """Of the generator and its facts: a change of either makes a new sample."""
    made = hashlib.sha256()
    for path in (*sorted(Path(__file__).parent.glob("*.py")), *sorted(FACTS.glob("*.csv"))):
        made.update(path.read_bytes())
    return made.hexdigest()[:16]
