"""Where the column names of a sheet are: hand-kept registers begin with titles, and the names stand some rows below."""

from __future__ import annotations

import re

from hopnhat.assess.naming import best_field
from hopnhat.extract.contract import ROW, KeyRange
from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import HopNhatError

_LOOKED_AT = 25


def header_row(url: str, table: str) -> int:
    """1-based physical row of the names in one sheet; 1 when nothing looks better."""
    source = open_source("excel", url)
    try:
        names = [column.name for column in source.shape(table).columns]
        frame = source.read(table, (), KeyRange(0, None, (str(_LOOKED_AT),)), names)
    finally:
        source.close()
    rows = [(1, ["" if re.fullmatch(r"_[A-Z]+", name) else name for name in names])]
    for line in frame.to_pylist():
        rows.append((line.pop(ROW), [(cell or b"").decode("utf-8", "replace") for cell in line.values()]))
    scored = [(_score(cells), -number) for number, cells in rows]
    best, number = max(scored)
    return -number if best >= 3 else 1


def _score(cells: list[str]) -> float:
    """Short words without digits count one, names we know count three more; cells with data count against."""
    filled = [" ".join(cell.split()) for cell in cells if cell.strip()]
    if len(filled) < 2:
        return 0.0
    words = sum(len(cell) <= 40 and not re.search(r"\d{2,}", cell) for cell in filled)
    known = sum(best_field(cell) is not None for cell in filled)
    data = sum(bool(re.search(r"\d{2,}", cell)) for cell in filled)
    return words * 0.5 + known * 3 - data * 2


def widest_header(url: str) -> tuple[int, tuple[str, ...]]:
    """Header row of the workbook's largest sheet (one option serves the workbook), and notes on sheets that differ."""
    source = open_source("excel", url)
    try:
        sizes: dict[str, int] = {}
        for name in source.tables():
            try:
                sizes[name] = source.count(name)
            except HopNhatError:  # an empty sheet has no header; it is told where it is assessed
                continue
    finally:
        source.close()
    if not sizes:
        return 1, ()
    main = max(sizes, key=lambda name: sizes[name])
    row = header_row(url, main)
    return row, (f"Tên cột lấy ở dòng {row} của tờ {main}.",) if row > 1 else ()
