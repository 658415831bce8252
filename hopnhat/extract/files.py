"""What all file sources share: where the files are, their hash, and ranges of physical row numbers.

A file source ignores `since`: a file has no trustworthy watermark (dates are often dd/mm/yyyy text), so a delta re-reads
it whole and the fingerprints find what changed. Re-reading too much is safe, guessing what is new is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hopnhat.extract import keyset
from hopnhat.extract.contract import KeyRange
from hopnhat.model.errors import HopNhatError, SourceAccessError, SourceDriftError, SourceUnavailableError


def path_of(url: str) -> Path:
    """A plain path, file:///path, or a technology's own scheme (sqlite:///relative, sqlite:////absolute)."""
    if "://" not in url:
        return Path(url)
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.scheme == "file":
        return Path(path)
    return Path(parts.netloc + path[1:] if path.startswith("/") else path)


def found_files(url: str, suffixes: Sequence[str], *, system: str) -> dict[str, Path]:
    """Table name (file name without suffix) → file; the URL names one file or a directory of them."""
    path = path_of(url)
    with readable(path, system):
        if path.is_dir():
            files = sorted(item for item in path.iterdir() if item.suffix.lower() in suffixes and item.is_file())
        elif path.exists():
            files = [path]
        else:
            raise FileNotFoundError
    return {item.stem: item for item in files}


@contextmanager
def readable(path: Path, system: str) -> Iterator[None]:
    """Operating system errors as ours; only the file's name is said, not its place."""
    try:
        yield
    except HopNhatError:
        raise
    except FileNotFoundError:
        raise SourceUnavailableError(
            f"file {path.name} is not there", system=system, hint="check the path and that the share is mounted"
        ) from None
    except PermissionError:
        raise SourceAccessError(
            f"file {path.name} may not be read", system=system, hint="give the account that runs this read permission"
        ) from None
    except OSError as error:
        raise SourceUnavailableError(
            f"file {path.name} cannot be read ({error.strerror or type(error).__name__})", system=system,
            hint="check the disk or share, then retry",
        ) from None  # fmt: skip


def broken(path: Path, problem: str, *, system: str, table: str = "", hint: str = "") -> SourceDriftError:
    return SourceDriftError(
        f"file {path.name}: {problem}", system=system, table=table,
        hint=hint or "ask the vendor for a complete, undamaged copy",
    )  # fmt: skip


def digest(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()


def digest_all(files: Sequence[Path], system: str) -> str:
    """One file: its SHA-256. Several: the SHA-256 over their names and hashes."""
    parts = []
    for path in files:
        with readable(path, system):
            parts.append(f"{path.name} {digest(path)}")
    if len(parts) == 1:
        return "sha256:" + parts[0].rsplit(" ", 1)[1]
    return "sha256:" + hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def row_ranges(total: int, rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
    """Cut physical rows 1…total.

    >>> [(r.low, r.high) for r in row_ranges(5, 2)]
    [(None, ('2',)), (('2',), ('4',)), (('4',), None)]
    """

    def boundary(low: tuple[str, ...] | None) -> tuple[str, ...] | None:
        last = int(low[0] if low else 0) + rows
        return (str(last),) if last < total else None

    if rows < 1:
        raise ValueError("a range needs at least one row")
    return keyset.cut(known, boundary)


def row_window(key_range: KeyRange, total: int) -> tuple[int, int]:
    """The range as 0-based [start, stop) over physical rows."""
    start = int(key_range.low[0]) if key_range.low else 0
    stop = min(int(key_range.high[0]), total) if key_range.high else total
    return min(start, stop), stop
