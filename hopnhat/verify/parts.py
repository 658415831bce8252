"""The landing parts that a run names: found, unaltered (SHA-256 of the bytes), and readable by DuckDB."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from pyarrow import fs

from hopnhat.landing.store import open_root, told

_BLOCK = 1 << 20


@dataclass(frozen=True)
class NamedPart:
    """One ledger.batch row: where its part is and what it must be."""

    number: int
    path: str
    sha256: str
    extracted: int


@dataclass(frozen=True)
class CheckedParts:
    """`files`: local paths for DuckDB, one per sound part; `altered`: numbers of parts that are gone or changed."""

    files: tuple[str, ...]
    altered: tuple[int, ...]


def check_parts(root: str, parts: Sequence[NamedPart], scratch: Path) -> CheckedParts:
    """Verify every part by streaming it once. Parts of a remote landing zone are copied to `scratch` on the way.

    Raises:
        LandingError: the disk or the store cannot be read (LandingAwayError: worth a retry); that proves nothing about the part.
    """
    files, altered = [], []
    for part in parts:
        local = _sound_copy(root, part, scratch)
        if local is None:
            altered.append(part.number)
        else:
            files.append(str(local))
    return CheckedParts(tuple(files), tuple(altered))


def _sound_copy(root: str, part: NamedPart, scratch: Path) -> Path | None:
    """The part as a local file; None when it is gone or is not what it was."""
    try:
        with told(f"landing part {part.path} cannot be read for the proof"):
            local = _local(root, part, scratch)
            return local if local is not None and _sha256(local) == part.sha256 else None
    except FileNotFoundError:
        return None


def transports(file: str) -> dict[str, str]:
    """How each column came: `bytes` = the source's own, `text` = rendered as UTF-8 by the reader."""
    schema = pq.read_schema(file)
    return {f.name: (f.metadata or {}).get(b"transport", b"bytes").decode() for f in schema}


def _local(root: str, part: NamedPart, scratch: Path) -> Path | None:
    if "://" not in root:
        path = Path(root).resolve() / part.path
        return path if path.is_file() else None
    filesystem, base = open_root(root)
    remote = f"{base}/{part.path}"
    if filesystem.get_file_info(remote).type != fs.FileType.File:
        return None
    copy = scratch / f"{part.number}.parquet"
    with filesystem.open_input_stream(remote) as source, copy.open("wb") as target:
        while block := source.read(_BLOCK):
            target.write(block)
    return copy


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
