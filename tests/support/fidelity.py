"""Carry a table of one legacy technology through the real pipeline and say what became of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from hopnhat import pipeline
from hopnhat.load.target import connect
from hopnhat.settings import settings

SYSTEM = "thu_kieu"
KEY, NUMBER, STATUS, UNIT = "k", "so_hs", "tt", "xa"
FIELDS = {
    "code": "alias_no", "exact": "procedure_name", "guid": "organ_code", "truth": "channel", "day": "submitted_at",
    "moment": "received_at", "money": "fee_amount", "long": "subject",
}  # fmt: skip
"""Source column (in lower case) → unified column; every table of the suite has these and the four above."""


@dataclass(frozen=True)
class Fate:
    """What became of one source row: published values by source column, or the reasons why it waits."""

    values: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def published(self) -> bool:
        return not self.reasons


@dataclass(frozen=True)
class Legacy:
    technology: str
    url: str
    table: str
    options: Mapping[str, Any] = field(default_factory=dict)
    truth: Mapping[str, str] = field(default_factory=lambda: {"1": "2", "0": "1"})
    upper: bool = False
    columns: Sequence[str] = tuple(FIELDS)


def mapping(legacy: Legacy) -> dict[str, Any]:
    def named(column: str) -> str:
        return column.upper() if legacy.upper else column

    columns: dict[str, Any] = {"dossier_no": named(NUMBER), "status": {"from": named(STATUS), "codes": "status"}}
    columns |= {FIELDS[column]: named(column) for column in legacy.columns}
    for column in ("day", "moment"):
        if column in legacy.columns:
            columns[FIELDS[column]] = {"from": named(column), "formats": ["iso", "dd/mm/yyyy", "yyyymmdd", "excel-serial"]}
    if "truth" in legacy.columns:
        columns["channel"] = {"from": named("truth"), "codes": "truth"}
    return {
        "id": SYSTEM, "title": "Thử kiểu dữ liệu", "domain": "dossiers", "technology": legacy.technology, "connection": SYSTEM, "server": SYSTEM,
        "units_as_of": "2025-06-30", "options": dict(legacy.options), "codes": {"status": {"x": "10"}, "truth": dict(legacy.truth)},
        "tables": [{
            "name": legacy.table, "entity": "dossier", "key": [named(KEY)], "columns": columns,
            "unit": {"carries": "people", "commune_code": named(UNIT)}, "expect": {"min_rows": 1, "max_rows": 1000},
        }],
    }  # fmt: skip


def fates(legacy: Legacy, home: Path, database: str, patch: pytest.MonkeyPatch) -> dict[str, Fate]:
    """Plan, load and publish in this process. Every extracted row has exactly one fate, or the run would have stopped."""
    folder = home / "mappings"
    folder.mkdir()
    (folder / f"{SYSTEM}.yml").write_text(yaml.safe_dump(mapping(legacy), allow_unicode=True), encoding="utf-8")
    for name, value in {"HOME": str(home), "DATABASE_URL": database, "MAPPINGS": str(folder)}.items():
        patch.setenv(f"HOPNHAT_{name}", value)
    settings.cache_clear()
    try:
        for item in pipeline.plan(SYSTEM, run_id="r1", mode="bulk", as_of="2025-07-01", url=legacy.url):
            pipeline.load(SYSTEM, item, run_id="r1", url=legacy.url)
        counts = pipeline.publish(SYSTEM, run_id="r1")
        found = _collected(legacy, database)
    finally:
        settings.cache_clear()
    assert len(found) == counts["extracted"]
    assert counts["published"] + counts["quarantined"] == counts["extracted"]
    return found


def _collected(legacy: Legacy, database: str) -> dict[str, Fate]:
    connection = connect(database)
    try:
        with connection.cursor() as cursor:
            wanted = [FIELDS[column] for column in legacy.columns]
            cursor.execute(f"select source_key, warnings, {', '.join(wanted)} from unified.dossier")
            found = {row[0]: Fate(dict(zip(legacy.columns, row[2:], strict=True)), tuple(row[1] or ())) for row in cursor.fetchall()}
            cursor.execute("select source_key, problems, raw from quarantine.open")
            for key, problems, raw in cursor.fetchall():
                assert key not in found, f"{key} is published and held at once"
                found[key] = Fate(reasons=tuple(f"{p['field']}:{p['reason']}" for p in problems), raw=raw)
    finally:
        connection.close()
    return found
