"""Build a version of the registry from its facts: `python -m mappings.units.build 2026-08-24`.

A version is the base facts plus the decrees that take effect by its date. Building writes one compact file
and records the SHA-256 of everything that went in and came out in `versions/versions.json`. A version that is on
record is immutable: rebuilding it from changed facts is refused.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hopnhat.model.errors import MappingError
from mappings.units.reform import apply_decree, new_instances, reform_events
from mappings.units.timeline import Event, Instance, replay

HERE = Path(__file__).parent
BASE = ("units_old", "units_new", "crosswalk", "crosswalk_province", "history")
VERSIONS = HERE / "versions" / "versions.json"


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def decrees_until(version: str, folder: Path = HERE / "decrees") -> list[Path]:
    """Decree files by effective date; the file name starts with it."""
    return [path for path in sorted(folder.glob("*.csv")) if path.name[:10] <= version]


def fold(version: str, root: Path = HERE) -> tuple[list[Instance], list[Event]]:
    """Every instance and event of a version, from the CSV files alone."""
    facts = {name: read_csv(root / "facts" / f"{name}.csv") for name in BASE}
    old, events = replay(facts["history"], facts["units_old"])
    new = new_instances(facts["units_new"])
    events += reform_events(facts["crosswalk"], facts["crosswalk_province"], old, new)
    for path in decrees_until(version, root / "decrees"):
        new, decreed = apply_decree(new, read_csv(path))
        events += decreed
    instances = sorted(old + new, key=lambda span: (len(span.code), span.code, span.valid_from))
    return instances, sorted(events, key=lambda event: (event.effective_date, event.code_before, event.code_after))


def pack(instances: list[Instance], events: list[Event]) -> bytes:
    """The artefact: every column as its distinct values and a number per row, as compressed JSON. The same facts give
    the same bytes on every machine."""
    tables = {"instances": _columns(instances), "events": _columns(events)}
    text = json.dumps(tables, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)


def _columns(rows: Sequence[Instance] | Sequence[Event]) -> list[tuple[list[str], list[int]]]:
    columns = []
    for column in zip(*rows, strict=True):
        values = sorted(set(column))
        place = {value: number for number, value in enumerate(values)}
        columns.append((values, [place[value] for value in column]))
    return columns


def build(version: str, root: Path = HERE) -> dict[str, object]:
    """Write the artefact of a version and put its checksums on record."""
    instances, events = fold(version, root)
    folder = root / "versions"
    record = json.loads((folder / "versions.json").read_text("utf-8")) if (folder / "versions.json").exists() else {}
    sources = [root / "facts" / f"{name}.csv" for name in BASE] + [root / "aliases.csv"] + decrees_until(version, root / "decrees")
    entry: dict[str, object] = {"sources": {str(path.relative_to(root)): sha256(path) for path in sources}}
    known = record.get("versions", {}).get(version)
    if known and known["sources"] != entry["sources"]:
        raise MappingError(f"registry version {version} is on record", hint="add a version, never edit one")
    path = folder / f"{version}.json.gz"
    path.write_bytes(pack(instances, events))
    entry["artefact"] = {path.name: sha256(path)}
    if known and "approvals" in known:
        entry["approvals"] = known["approvals"]
    record.setdefault("versions", {})[version] = entry
    record.setdefault("active", version)
    (folder / "versions.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return entry


if __name__ == "__main__":
    for name in sys.argv[1:]:
        build(name)
        print(f"registry {name} built")  # noqa: T201
