"""A few thousand rows of a table, decoded by what their bytes say: what guesses are made from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.extract.contract import KeyRange, Source, TableShape
from transforms.encodings_detect import Detection, detect
from transforms.text import decode

ROWS = 4_000
_MOST_TEXTS = 2_000
_LONGEST = 4_000
_PLACES = 3
_LOB = re.compile(r"blob|bytea|image|varbinary|^binary|ole|long raw|\braw\b|hash", re.IGNORECASE)
_BLANK = r"^[\s\x00]*$"


@dataclass(frozen=True)
class SampleColumn:
    """`texts`: distinct decoded values that are not blank; `filled`: rows that have one, out of `rows`."""

    name: str
    declared_type: str
    transport: str
    detection: Detection
    encoding: str
    rows: int
    filled: int
    texts: tuple[str, ...]

    @property
    def spread(self) -> float:
        """Distinct values per filled row; 1 = all differ."""
        return len(self.texts) / max(1, min(self.filled, _MOST_TEXTS))


@dataclass(frozen=True)
class Sample:
    frame: pa.Table
    columns: dict[str, SampleColumn]


def is_lob(declared_type: str) -> bool:
    """Columns of stored files are not read: they say nothing about the rows and would load the server."""
    return bool(_LOB.search(declared_type))


def readable_columns(shape: TableShape) -> list[str]:
    return [column.name for column in shape.columns if not is_lob(column.declared_type)]


def take_sample(source: Source, table: str, shape: TableShape, key: Sequence[str], ranges: Sequence[KeyRange]) -> Sample:
    """Rows of the first, middle and last range: old and new rows of one table often differ in encoding and era."""
    names = readable_columns(shape)
    places = sorted({0, len(ranges) // 2, len(ranges) - 1})[:_PLACES]
    pieces = []
    for place in places:
        frame = source.read(table, key, ranges[place], names)
        most = ROWS // len(places)
        if frame.num_rows > most:  # its beginning and its end
            frame = pa.concat_tables([frame.slice(0, most // 2), frame.slice(frame.num_rows - most // 2)])
        pieces.append(frame)
    frame = pa.concat_tables(pieces).combine_chunks()
    declared = {column.name: column for column in shape.columns}
    columns = {name: _column(name, declared[name].declared_type, declared[name].transport, frame[name]) for name in names}
    return Sample(frame, columns)


def _column(name: str, declared: str, transport: str, values: pa.ChunkedArray) -> SampleColumn:
    found = detect(values, transport=transport)
    encoding = chosen_encoding(found)
    whole = values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
    filled = pc.invert(pc.fill_null(pc.match_substring_regex(whole, _BLANK), True))
    distinct = pc.unique(whole.filter(filled)).slice(0, _MOST_TEXTS)
    texts = decode(distinct, transport=transport, encoding=encoding).values
    clean = tuple(dict.fromkeys(text.strip()[:_LONGEST] for text in texts.to_pylist() if text is not None and text.strip()))
    return SampleColumn(name, declared, transport, found, encoding, len(whole), int(pc.sum(filled).as_py() or 0), clean)


def chosen_encoding(found: Detection) -> str:
    """The detected encoding; of an undecided or mixed column the one that reads most of it."""
    if found.encoding:
        return found.encoding
    best = next(iter(found.scores), "utf-8")
    return best if found.scores.get(best, 0.0) > 0.5 else "utf-8"
