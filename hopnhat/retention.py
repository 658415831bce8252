"""`python -m hopnhat landing …`: list what is kept, prove that it is unaltered, remove what no kept run needs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from hopnhat.landing.retention import known_systems, landed_files, needed_parts, removable, remove, require_sound, stock, systems_of, verify
from hopnhat.load.lock import hold_system
from hopnhat.load.target import Connection, connect, transaction

Say = Callable[[str], None]


def show(url: str, root: str, runs: int, say: Say) -> None:
    """One line per source: parts, size, and how much of it a purge would remove."""
    needed = _needed(url, runs)
    say(f"{'source':44} {'parts':>9} {'MB':>12} {'removable':>10} {'MB':>12}")
    for source, found in stock(landed_files(root), needed).items():
        say(f"{source:44} {found.parts:9,} {found.bytes / 1e6:12,.1f} {found.free_parts:10,} {found.free_bytes / 1e6:12,.1f}")


def prove(url: str, root: str, runs: int, say: Say) -> None:
    """Raises LandingError when a part that must stay is gone or altered."""
    needed = _needed(url, runs)
    checked = verify(root, needed, landed_files(root))
    require_sound(checked)
    say(f"sound: {checked.parts:,} parts, {checked.bytes / 1e6:,.1f} MB, every one is what its name says")


def purge(url: str, root: str, runs: int, say: Say, *, dry_run: bool) -> None:
    """Remove, system by system, what no kept run needs. A system at work is waited for, then refused (RunError).

    Raises:
        LandingError: a part that must stay is gone or altered; nothing is removed then.
    """
    with closing(connect(url)) as connection:
        prove(url, root, runs, say)
        known = known_systems(connection)
        connection.rollback()
        for system in systems_of(landed_files(root)):
            if system in known:
                _purge_system(connection, system, root, runs, say, dry_run)
            else:
                say(f"{system}: left alone, this database knows no finished run of it")


def _needed(url: str, runs: int) -> set[str]:
    with closing(connect(url)) as connection:
        known_systems(connection)
        return needed_parts(connection, runs)


def _purge_system(connection: Connection, system: str, root: str, runs: int, say: Say, dry_run: bool) -> None:
    # The lock first, then the list: a load would otherwise land a part that is not in the ledger yet, or find one that goes.
    with transaction(connection), hold_system(connection, system):
        needed = needed_parts(connection, runs)
        files = removable(landed_files(root), needed, system)
        freed = sum(file.bytes for file in files) if dry_run else remove(root, files)
        say(f"{system}: {'would remove' if dry_run else 'removed'} {len(files):,} files, {freed / 1e6:,.1f} MB")
