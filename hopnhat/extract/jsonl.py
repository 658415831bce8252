"""JSON lines: one object a line. Numbers keep the digits they were written with; nested values stay JSON text.

Option `columns`: names that exist even when no line has them. Blank lines are skipped; `_row` is the physical line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from hopnhat.extract.files import broken
from hopnhat.extract.frames import Options, known_options, names_option, text_option
from hopnhat.extract.spool import Record
from hopnhat.extract.spooled import SpooledSource

MAX_LINE = 64 << 20


class Written(str):
    """A number as its source wrote it: 1.10 is not 1.1, and 38001000123 never becomes 3.8E+10."""


def open_source(url: str, options: Options) -> SpooledSource:
    known_options(options, ("columns",), "jsonl")
    system = text_option(options, "system")
    columns = names_option(options, "columns")
    return SpooledSource(url, (".jsonl", ".ndjson"), lambda path, _: _records(path, system), system, columns)


def _records(path: Path, system: str) -> Iterator[tuple[int, Record]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise broken(path, f"line {number} is longer than {MAX_LINE} bytes", system=system)
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                yield number, _record(path, number, text, system)


def _record(path: Path, number: int, line: bytes, system: str) -> Record:
    try:
        value = json.loads(line, parse_float=Written, parse_int=Written, parse_constant=Written, object_pairs_hook=unique_pairs)
    except (ValueError, RecursionError):
        raise broken(path, f"line {number} is no sound JSON", system=system) from None
    if not isinstance(value, dict):
        raise broken(path, f"line {number} is no JSON object", system=system)
    return {name: rendered_json(cell) for name, cell in value.items()}


def unique_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A name given twice would silently lose a value."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("name given twice")
    return made


def rendered_json(value: object) -> bytes | None:
    """A parsed JSON value as landing text."""
    if value is None:
        return None
    if isinstance(value, bool):
        return b"1" if value else b"0"
    text = value if isinstance(value, str) else _compact(value)
    return text.encode("utf-8", "surrogatepass")


def _compact(value: object) -> str:
    """Nested JSON, its numbers as written."""
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{_compact(cell)}" for name, cell in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_compact(cell) for cell in value) + "]"
    return json.dumps(value, ensure_ascii=False)
