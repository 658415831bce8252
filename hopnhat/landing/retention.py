"""Which landing parts are still needed, whether they are what they were, and the removal of the others.

Needed is what the batches of the kept runs name: the last runs of each system, every unfinished run, and always what the
last published state of each source was read from (its latest whole reading and the deltas since), however old that is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from psycopg2.extensions import connection as Connection
from pyarrow import fs

from hopnhat.landing.store import open_root, store_error, told
from hopnhat.model.errors import LandingError, RunError

MANIFESTS = "manifests"
_BLOCK = 1 << 20

_NAMED = """
with finished as (
    select run_id, system, row_number() over (partition by system order by finished_at desc) as age
    from ledger.run where state in ('published', 'rehearsed')),
kept as (
    select run_id, system from finished where age <= %(runs)s
    union select run_id, system from ledger.run where state in ('open', 'failed')),
whole as (
    select distinct on (source, part_number) source, part, batch_id from ledger.batch
    where state = 'published' and whole order by source, part_number, batch_id desc)
select part from ledger.batch join kept using (run_id, system) where state <> 'abandoned'
union select part from whole
union select d.part from ledger.batch d join (select source, min(batch_id) as first from whole group by 1) w using (source)
    where d.state = 'published' and not d.whole and d.batch_id > w.first
union select part from ledger.batch b where state = 'published' and not exists (select 1 from whole w where w.source = b.source)
"""


@dataclass(frozen=True)
class Landed:
    """One file of the landing zone; `path` is relative to the root."""

    path: str
    bytes: int

    @property
    def source(self) -> str:
        return self.path.split("/", 1)[0]

    @property
    def system(self) -> str:
        return self.source.split(".", 1)[0]

    @property
    def is_part(self) -> bool:
        name = PurePosixPath(self.path)
        return name.suffix == ".parquet" and len(name.stem) == 64


@dataclass(frozen=True)
class Stock:
    """What one source has in the landing zone."""

    parts: int = 0
    bytes: int = 0
    free_parts: int = 0
    free_bytes: int = 0


@dataclass(frozen=True)
class Checked:
    """`damaged`: content that no longer fits its name; `missing`: named by the ledger and not there."""

    parts: int
    bytes: int
    damaged: tuple[str, ...] = field(default=())
    missing: tuple[str, ...] = field(default=())


def needed_parts(connection: Connection, runs: int) -> set[str]:
    """Paths of the parts that must stay when `runs` finished runs of each system are kept."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, {"runs": runs})
        return {part for (part,) in cursor.fetchall()}


def known_systems(connection: Connection) -> set[str]:
    """Systems with a finished run in this database. Of another system nothing may go: this may be the wrong database.

    Raises:
        RunError: the database has no ledger.
    """
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('ledger.batch') is not null")
        if not (cursor.fetchone() or (False,))[0]:
            raise RunError("this database knows no runs", hint="is HOPNHAT_DATABASE_URL the unified database of this landing zone?")
        cursor.execute("select distinct system from ledger.run where state in ('published', 'rehearsed')")
        return {system for (system,) in cursor.fetchall()}


def systems_of(files: Iterable[Landed]) -> list[str]:
    return sorted({file.system for file in files})


def landed_files(root: str) -> list[Landed]:
    """Every file of the landing zone that belongs to a source, manifests left out."""
    filesystem, base = open_root(root)
    with told("landing zone cannot be listed"):
        found = filesystem.get_file_info(fs.FileSelector(base, recursive=True, allow_not_found=True))
    files = [Landed(info.path[len(base) :].lstrip("/"), info.size) for info in found if info.type == fs.FileType.File]
    return sorted((file for file in files if file.source != MANIFESTS and "/" in file.path), key=lambda file: file.path)


def stock(files: Iterable[Landed], needed: Collection[str]) -> dict[str, Stock]:
    """Per source: what there is, and how much of it no kept run needs."""
    found: dict[str, Stock] = {}
    for file in files:
        before, free = found.get(file.source, Stock()), file.path not in needed
        found[file.source] = Stock(
            before.parts + file.is_part, before.bytes + file.bytes,
            before.free_parts + (free and file.is_part), before.free_bytes + (file.bytes if free else 0),
        )  # fmt: skip
    return found


def verify(root: str, needed: Collection[str], files: Sequence[Landed]) -> Checked:
    """Hash every needed part again and compare it with its name."""
    there = {file.path: file.bytes for file in files}
    present = sorted(path for path in needed if path in there)
    damaged = tuple(path for path in present if digest_of(root, path) != PurePosixPath(path).stem)
    return Checked(len(present), sum(there[path] for path in present), damaged, tuple(sorted(set(needed) - there.keys())))


def digest_of(root: str, path: str) -> str:
    """SHA-256 of a file that is there. Raises LandingError when it is not, or cannot be read."""
    filesystem, base = open_root(root)
    digest = hashlib.sha256()
    try:
        with told(f"landing part {path} cannot be read"), filesystem.open_input_stream(f"{base}/{path}") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except FileNotFoundError as exc:
        raise LandingError(f"landing part {path} is gone", hint="a purge or a person removed it meanwhile; call again") from exc
    return digest.hexdigest()


def require_sound(checked: Checked) -> None:
    """Raises LandingError when anything that must stay is damaged or missing: an older part may be the last good copy."""
    wrong = [*(f"{path} altered" for path in checked.damaged), *(f"{path} missing" for path in checked.missing)]
    if wrong:
        shown = "; ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        raise LandingError(
            f"landing zone is not sound: {shown}",
            hint="restore these parts from the backup, or run the system in mode bulk; nothing was removed",
        )


def removable(files: Iterable[Landed], needed: Collection[str], system: str) -> list[Landed]:
    """What of one system no kept run needs: older parts, and drafts left by a killed process."""
    return [file for file in files if file.system == system and file.path not in needed]


def remove(root: str, files: Iterable[Landed]) -> int:
    """Remove the files; the bytes that this frees."""
    filesystem, base = open_root(root)
    freed = 0
    for file in files:
        try:
            filesystem.delete_file(f"{base}/{file.path}")
        except FileNotFoundError:
            continue
        except OSError as exc:
            refused = LandingError(f"landing part {file.path} cannot be removed", hint="check the rights; call purge again, it goes on")
            raise store_error(f"landing part {file.path} cannot be removed", exc) or refused from exc
        freed += file.bytes
    return freed
