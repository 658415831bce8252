"""Behind `hopnhat resolve`: a CSV of units and addresses in, one explained row per input row out.

A record seen before is answered by one look-up, whatever its id; only distinct ones are resolved. No arrays and no data
frames here: loading them takes more memory than the registry, its index and the answers together.
"""

from __future__ import annotations

import csv
import gc
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Literal

from hopnhat.resolve_csv import Key, Piece, Table
from mappings.units.registry import Registry, load_registry
from transforms.match_keys import SYLLABLE
from transforms.units_answer import Answer, Carries
from transforms.units_answers import Scope
from transforms.units_era import EraTally, said_of
from transforms.units_query import Query
from transforms.units_repair import resolve_repaired

OUTPUT = ("status", "new_commune_code", "new_commune", "new_province_code", "old_commune_code", "rule", "score", "candidates")
Era = Literal["old", "new", ""]
SLICE, SEEN = 2_000, 20_000  # distinct records at a time; answers kept
SYLLABLES = 30_000  # kept; Vietnamese has a few thousand, house numbers are without end


@lru_cache(maxsize=4)
def registry(version: str | None = None) -> Registry:
    return load_registry(version)


def to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def resolve_file(
    in_path: Path | str, out_path: Path | str, *, carries: Carries = "both", era: Era = "", say: Callable[[str], None] = to_stderr
) -> None:
    """CSV in, CSV out: one explained row per input row, order kept. Raises MappingError for a file that is no CSV or has
    no column to resolve.

    A bare address does not say whether it is a person's or a parcel's, so `carries` is `both` unless told: a commune
    whose people all went one way and whose land another stays ambiguous. `era` is what the file's codes and names speak,
    '' = each row says it or stays undecided; `say` gets what the codes of the whole file say of it. Memory does not grow
    with the file: it is read piece by piece, and the answers of records seen lately are kept.
    """
    with Path(in_path).open("rb") as source, _uncollected():
        table = Table(source, str(in_path), Query._fields)
        solver = _Solver(table, era, carries)
        with Path(out_path).open("wb") as target:
            target.write(",".join(("id", *OUTPUT) if table.has_id else OUTPUT).encode() + b"\n")
            for piece in table.pieces():
                answered = solver.answers(piece)
                lines = map(b",".join, zip(piece.ids, answered, strict=True)) if table.has_id else answered
                target.write(b"\n".join([*lines, b""]))
    if "commune_code" in table.names:
        say(said_of(solver.eras.verdict(), era))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Nothing here refers to itself, and looking for what does costs a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Solver:
    """Remembers the answers, as they are written, of the records seen lately."""

    def __init__(self, table: Table, era: str, carries: Carries) -> None:
        self._table, self._scope, self._carries = table, Scope(era=era), carries
        self._seen: dict[Key, bytes] = {}
        self.eras = EraTally(registry())
        self._places = [table.names.index(name) if name in table.names else len(table.names) for name in Query._fields]

    def answers(self, piece: Piece) -> Iterable[bytes]:
        if len(self._seen) > SEEN:
            self._seen.clear()
        if len(SYLLABLE) > SYLLABLES:
            SYLLABLE.clear()
        new = [key for key in dict.fromkeys(piece.keys) if key not in self._seen]
        for start in range(0, len(new), SLICE):
            keys = new[start : start + SLICE]
            rows = ((*row, "") for row in self._table.rows(keys, piece))
            queries = [Query._make([row[place] for place in self._places]) for row in rows]
            if "commune_code" in self._table.names:
                self.eras.add(queries)
            found = resolve_repaired(queries, registry(), self._scope, self._carries)
            self._seen.update(zip(keys, map(_written, found), strict=True))
        return map(self._seen.__getitem__, piece.keys)


def _written(found: Answer) -> bytes:
    line = io.StringIO()
    fields = (
        found.status, found.new_code, found.new_name, found.new_province_code, found.old_code, found.rule, f"{found.score:.1f}",
        found.candidates,
    )  # fmt: skip
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue().encode()
