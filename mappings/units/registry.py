"""Read a version of the administrative-unit registry, and refuse one whose files were edited."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from hopnhat.model.errors import MappingError
from mappings.units.build import HERE, read_csv, sha256


@dataclass(frozen=True, eq=False)
class Registry:
    """`instances`: one row per (code, valid_from); `events`: what turned one into another; `aliases`: cited other names. All columns are text,
    '' = open or not applicable; intervals are half open. `checksum` identifies the facts, so that a result that names
    it can be reproduced."""

    version: str
    checksum: str
    instances: pd.DataFrame
    events: pd.DataFrame
    aliases: pd.DataFrame


def versions(root: Path = HERE) -> dict[str, dict[str, dict[str, str]]]:
    found: dict[str, dict[str, dict[str, str]]] = _record(root)["versions"]
    return found


def load_registry(version: str | None = None, *, root: Path = HERE) -> Registry:
    """The active version, or the one named. Raises MappingError when a file differs from its recorded checksum."""
    record = _record(root)
    name = version or record["active"]
    if name not in record["versions"]:
        raise MappingError(f"no registry version {name}", hint=f"known: {', '.join(record['versions'])}")
    entry = record["versions"][name]
    for path, expected in entry["sources"].items():
        _check(root / path, expected, name)
    for path, expected in entry["artefact"].items():
        _check(root / "versions" / path, expected, name)
    frames = {part: _frame(root / "versions" / f"{name}.{part}.parquet") for part in ("instances", "events")}
    checksum = hashlib.sha256(json.dumps(entry["sources"], sort_keys=True).encode()).hexdigest()[:16]
    return Registry(name, checksum, frames["instances"], frames["events"], _aliases(root))


def _record(root: Path) -> dict[str, dict[str, dict[str, dict[str, str]]]] | dict[str, str]:  # narrow by key below
    return json.loads((root / "versions" / "versions.json").read_text("utf-8"))  # type: ignore[no-any-return]


def _check(path: Path, expected: str, version: str) -> None:
    if not path.exists() or sha256(path) != expected:
        raise MappingError(
            f"registry version {version} was edited",
            file=str(path.name),
            hint="restore the file; a correction is a new version",
        )


def _aliases(root: Path) -> pd.DataFrame:
    return pd.DataFrame(read_csv(root / "aliases.csv"), columns=["level", "alias", "code", "valid_from", "source"])


def _frame(path: Path) -> pd.DataFrame:
    return pq.read_table(path).to_pandas()
