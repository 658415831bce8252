"""Read a version of the administrative-unit registry, and refuse one whose files were edited."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from hopnhat.model.errors import MappingError
from mappings.units.build import HERE, read_csv, sha256
from mappings.units.timeline import Event, Instance


@dataclass(frozen=True, eq=False)
class Registry:
    """`instances`: one per (code, valid_from); `events`: what turned one into another; `aliases`: cited other names.
    All fields are text, '' = open or not applicable; intervals are half open. `checksum` identifies the facts, so that
    a result that names it can be reproduced."""

    version: str
    checksum: str
    instances: list[Instance]
    events: list[Event]
    aliases: list[Alias]


class Alias(NamedTuple):
    """Another name of one unit, with the source that uses it. `valid_from` picks the instance of the code."""

    level: str
    alias: str
    code: str
    valid_from: str
    source: str


def versions(root: Path = HERE) -> tuple[str, ...]:
    """The versions on record, oldest first."""
    return tuple(_record(root)["versions"])


def load_registry(version: str | None = None, *, root: Path = HERE) -> Registry:
    """The active version, or the one named. Raises MappingError when a file differs from its recorded checksum, or when
    nobody made the active version active."""
    record = _record(root)
    name = version or record["active"]
    if name not in record["versions"]:
        raise MappingError(f"no registry version {name}", hint=f"known: {', '.join(record['versions'])}")
    entry = record["versions"][name]
    for path, expected in entry["sources"].items():
        _check(root / path, expected, name)
    for path, expected in entry["artefact"].items():
        _check(root / "versions" / path, expected, name)
    checksum = hashlib.sha256(json.dumps(entry["sources"], sort_keys=True).encode()).hexdigest()[:16]
    if version is None:
        _check_activation(name, entry, checksum, record.get("shipped", {}))
    file = f"{name}.json.gz"
    instances, events = _units(root / "versions" / file, entry["artefact"][file])
    aliases = [Alias(**row) for row in read_csv(root / "aliases.csv")]
    return Registry(name, checksum, instances, events, aliases)


@lru_cache(maxsize=2)
def _units(file: Path, digest: str) -> tuple[list[Instance], list[Event]]:
    """Read once a process, however often the registry is asked for: `digest` has just been found to be the file's."""
    tables = json.loads(gzip.decompress(file.read_bytes()))
    return [Instance._make(row) for row in _rows(tables["instances"])], [Event._make(row) for row in _rows(tables["events"])]


def _record(root: Path) -> dict[str, Any]:
    return json.loads((root / "versions" / "versions.json").read_text("utf-8"))


def _check(path: Path, expected: str, version: str) -> None:
    if not path.exists() or sha256(path) != expected:
        raise MappingError(
            f"registry version {version} was edited",
            file=str(path.name),
            hint="restore the file; a correction is a new version",
        )


def _check_activation(name: str, entry: dict[str, Any], checksum: str, shipped: dict[str, str]) -> None:
    """Two persons approved these very facts, or the product came with them and no province has approved anything yet."""
    persons = {one["by"].casefold() for one in entry.get("approvals", []) if one["facts"] == checksum}
    if len(persons) < 2 and (shipped.get("version"), shipped.get("facts")) != (name, checksum):
        hint = "two persons approve it: python -m mappings.units.versions approve VERSION PERSON"
        raise MappingError(f"registry version {name} was not activated by two persons", file="versions.json", hint=hint)


def _rows(columns: list[tuple[list[str], list[int]]]) -> Iterator[tuple[str, ...]]:
    """Rows as tuples that share equal strings: most fields repeat a few hundred values."""
    return zip(*(map(values.__getitem__, numbers) for values, numbers in columns), strict=True)
