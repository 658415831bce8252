"""What the scheduler must know of every legacy system, read in a fraction of a millisecond a file.

`mappings.read` checks a mapping completely; that takes pydantic and milliseconds a file, too much for a DAG parser that
looks at hundreds of files every minute. Here only the top-level blocks that scheduling needs are read. A file that cannot
even give those becomes a header with a `problem`: its DAG stays visible and fails with the full reader's explanation,
and the other systems are not touched.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

SYSTEMS = Path(__file__).parent / "systems"
WANTED = ("id", "title", "domain", "technology", "connection", "server", "schedule", "tags")
SLOTS = 4
"""How many tasks may read one legacy server at once, until an operator changes the pool."""

_TOP_LEVEL = re.compile(r"^(?=[A-Za-z_])", re.MULTILINE)
_TABLE = re.compile(r"^(\s*)(?:-\s+|\s\s)name:\s*[\"']?([^\"'#\n]*[^\"'#\s])", re.MULTILINE)


@dataclass(frozen=True)
class Header:
    """The head of one mapping file. With a `problem` only `id`, `title` and `file` mean something."""

    id: str
    title: str
    file: str
    domain: str = "unknown"
    technology: str = "unknown"
    connection: str = ""
    server: str = "default_pool"
    schedule: str | None = None
    tags: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    problem: str = ""


def folder() -> Path:
    """Where the system mappings are: HOPNHAT_MAPPINGS or this package's `systems`."""
    return Path(os.environ.get("HOPNHAT_MAPPINGS") or SYSTEMS)


def system_ids(systems: Path | None = None) -> list[str]:
    """Ids of the legacy systems: their files' names."""
    return sorted(path.stem for path in (systems or folder()).glob("*.yml"))


def headers(systems: Path | None = None, only: str = "") -> list[Header]:
    """The header of every legacy system by id, or of the one that `only` names if it exists."""
    place = systems or folder()
    return [read_header(place / f"{system}.yml") for system in system_ids(place) if only in ("", system)]


def pools(systems: Path | None = None) -> dict[str, int]:
    """The pool that each legacy server needs, with its slots."""
    return {header.server: SLOTS for header in headers(systems) if header.server != "default_pool"}


def read_header(path: Path) -> Header:
    """Read the head of one mapping file; never raises for what the file says."""
    try:
        blocks = _blocks(path.read_text(encoding="utf-8"))
        head = yaml.load("".join(blocks[name] for name in WANTED if name in blocks), Loader=yaml.CSafeLoader)
        return _header(path, head, blocks.get("tables", ""))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError) as error:
        return Header(path.stem, path.stem, path.name, problem=str(error).splitlines()[0])


def _blocks(text: str) -> dict[str, str]:
    """Top-level key → its lines, without looking into them."""
    return {block.split(":", 1)[0].strip(): block for block in _TOP_LEVEL.split(text) if ":" in block}


def _header(path: Path, head: object, tables: str) -> Header:
    if not isinstance(head, Mapping):
        raise ValueError("no top-level keys")
    if missing := [name for name in ("id", "title", "domain", "technology", "connection", "server") if not isinstance(head.get(name), str)]:
        raise ValueError(f"missing: {', '.join(missing)}")
    if head["id"] != path.stem:
        raise ValueError(f"id {head['id']!r} is not the file name")
    schedule, tags = head.get("schedule"), head.get("tags") or []
    if not isinstance(schedule, str | None) or not isinstance(tags, list):
        raise ValueError("schedule is text, tags are a list")
    return Header(
        id=path.stem, title=head["title"], file=path.name, domain=head["domain"], technology=head["technology"],
        connection=head["connection"], server=head["server"], schedule=schedule, tags=tuple(str(tag) for tag in tags), tables=_table_names(tables),
    )  # fmt: skip


def _table_names(block: str) -> tuple[str, ...]:
    """Names of the tables: the `name:` keys of the least indented list in the block."""
    found = [(len(match[1]), match[2]) for match in _TABLE.finditer(block)]
    least = min((indent for indent, _ in found), default=0)
    return tuple(name for indent, name in found if indent == least)
