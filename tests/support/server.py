"""The embedded PostgreSQL as tests and benchmarks see it from outside."""

from __future__ import annotations

from pathlib import Path

from hopnhat.server_home import read_place


def postmaster(home: Path) -> int:
    """Process id of the first process of the server of `home`, which must be there."""
    place = read_place(home.resolve())
    assert place is not None
    return int((Path(place.data) / "postmaster.pid").read_text().split("\n", 1)[0])
