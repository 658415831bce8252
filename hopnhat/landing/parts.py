"""The landing zone: immutable, content-addressed Parquet parts, exactly as read (law 3).

A part's file name is the SHA-256 of its bytes, so the same rows read again are the same file: unchanged data adds
nothing, and an altered part no longer fits its name. The root is a folder or any URL that Arrow can open (s3://…).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from hopnhat.landing.store import open_root, store_error, told
from hopnhat.model.errors import LandingError

FINGERPRINT = "_hash"
EXTRACTOR_VERSION = "1"
_SAMPLE, _WORTH_IT = 1_024, 0.9


@dataclass(frozen=True)
class Part:
    """One landed part. `path` is relative to the landing root."""

    path: str
    sha256: str
    rows: int
    bytes: int
    new: bool


def write_part(root: str, source: str, frame: pa.Table) -> Part:
    """Land one frame. Atomic: the file appears whole under its final name, or not at all.

    Raises:
        LandingError: the disk is full or the root cannot be written. Nothing half-written stays.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(frame, sink, compression="lz4", use_dictionary=_repeating(frame), write_statistics=False)  # zstd costs half again
    content = sink.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    path = f"{source}/{digest[:2]}/{digest}.parquet"
    new = _store(root, path, content)
    return Part(path, digest, frame.num_rows, content.size, new)


def _repeating(frame: pa.Table) -> list[str]:
    """Columns worth a dictionary, judged by the rows in the middle: it depends on the rows alone, so that the same rows are the same bytes."""
    some = frame.slice(max(0, (frame.num_rows - _SAMPLE) // 2), _SAMPLE)
    return [name for name in some.column_names if pc.count_distinct(some[name]).as_py() < _WORTH_IT * some.num_rows]


def read_part(root: str, path: str, columns: Sequence[str] | None = None) -> pa.Table:
    filesystem, base = open_root(root)
    try:
        return pq.read_table(f"{base}/{path}", columns=columns, filesystem=filesystem)
    except FileNotFoundError as exc:
        raise LandingError(f"landing part {path} is gone", hint="restore the landing zone, or run in mode bulk") from exc
    except (pa.ArrowInvalid, OSError) as exc:
        cut = LandingError(f"landing part {path} cannot be read", hint="it was altered or cut; restore it")
        raise store_error(f"landing part {path} cannot be read", exc) or cut from exc


def has_part(root: str, path: str) -> bool:
    filesystem, base = open_root(root)
    with told("landing part cannot be looked up"):
        return bool(filesystem.get_file_info(f"{base}/{path}").type == fs.FileType.File)


def part_sizes(root: str, paths: Sequence[str]) -> list[int]:
    """Bytes of each part. Raises LandingError when one is gone."""
    filesystem, base = open_root(root)
    with told("landing part cannot be looked up"):
        found = filesystem.get_file_info([f"{base}/{path}" for path in paths])
    gone = [path for path, info in zip(paths, found, strict=True) if info.type != fs.FileType.File]
    if gone:
        raise LandingError(f"landing part {gone[0]} is gone", hint="restore the landing zone, or run in mode bulk")
    return [int(info.size) for info in found]


def write_manifest(root: str, run_id: str, system: str, snapshot: str, parts: Sequence[dict[str, object]]) -> str:
    """What one run read from one system: the first thing a vendor checks. Each part names source, table, path, SHA-256,
    rows and key range; its size in bytes is asked of the landing zone itself."""
    sizes = part_sizes(root, [str(part["path"]) for part in parts])
    manifest = {
        "run_id": run_id, "system": system, "snapshot": snapshot, "extractor_version": EXTRACTOR_VERSION,
        "parts": [{**part, "bytes": size} for part, size in zip(parts, sizes, strict=True)],
    }  # fmt: skip
    path = f"manifests/{system}/{run_id}.json"
    content = json.dumps(manifest, ensure_ascii=False, indent=1, default=str).encode()
    _store(root, path, pa.py_buffer(content), replace=True)
    return path


def _store(root: str, path: str, content: pa.Buffer, *, replace: bool = False) -> bool:
    """Write once; True when the file was not there before. One of another size is what a broken upload left: it is written anew."""
    filesystem, base = open_root(root)
    with told("landing part cannot be written"):
        there = filesystem.get_file_info(f"{base}/{path}")
        if not replace and there.type == fs.FileType.File and there.size == content.size:
            return False
        if isinstance(filesystem, fs.LocalFileSystem):
            _store_local(Path(base) / path, content)
        else:
            with filesystem.open_output_stream(f"{base}/{path}") as out:
                out.write(content)
    return True


def _store_local(target: Path, content: pa.Buffer) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
