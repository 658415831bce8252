"""Where the records of a CSV file begin and end, found without parsing the fields.

Reading a range must not parse everything before it. Newlines inside quoted cells do not end a record; a quote counts
only at the start of a cell, as Arrow's parser has it. The fast path counts quotes; where they do not sit as well-formed
quotes do (a stray inch mark), that window is walked event by event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy

_WINDOW = 1 << 18  # stays in the processor's cache: a third of the time of large windows
_RELEASE = 1 << 25
_LF, _CR = 10, 13
Bytes = numpy.ndarray


@dataclass(frozen=True)
class Layout:
    """Every `step`-th record's first byte, over the whole file (header included)."""

    starts: tuple[int, ...]
    step: int
    records: int
    blanks: int
    end: int


class UnclosedQuoteError(ValueError):
    """The file ends inside a quoted cell; `record` is where the quote opened (1-based)."""

    def __init__(self, record: int) -> None:
        super().__init__(record)
        self.record = record


def layout(
    data: Bytes, begin: int, delimiter: int, quote: int | None, step: int = 1000, release: Callable[[], None] | None = None
) -> Layout:
    """One pass over the file. `begin` skips a byte-order mark; `release` is called now and then to let go of pages."""
    starts, records, blanks, start = [begin], 0, 0, begin
    for ends in _ends(data, begin, len(data), delimiter, quote):
        firsts = numpy.concatenate(([start], ends[:-1]))
        blanks += int(_is_blank(data, firsts, ends).sum())
        if release is not None and start // _RELEASE != int(ends[-1]) // _RELEASE:
            release()
        wanted = numpy.arange((-records - 1) % step, len(ends), step)
        starts.extend(ends[wanted].tolist())
        records += len(ends)
        start = int(ends[-1])
    if start < len(data):  # last record without a newline
        records += 1
    elif records and records % step == 0:
        starts.pop()
    return Layout(tuple(starts), step, records, blanks, len(data))


def span(data: Bytes, known: Layout, first: int, stop: int, delimiter: int, quote: int | None) -> tuple[int, int, Bytes]:
    """Bytes [from, to) of records [first, stop) (0-based), and for each of them whether it is blank."""
    stop = min(stop, known.records)
    if first >= stop:
        return known.end, known.end, numpy.zeros(0, bool)
    if known.blanks:
        edges = _edges(data, known, first, stop, delimiter, quote)
        return int(edges[0]), int(edges[-1]), _is_blank(data, edges[:-1], edges[1:])
    begin, end = (_edge(data, known, record, delimiter, quote) for record in (first, stop))
    return begin, end, numpy.zeros(stop - first, bool)


def _edge(data: Bytes, known: Layout, record: int, delimiter: int, quote: int | None) -> int:
    """The first byte of a record; the file's end behind the last one."""
    if record >= known.records:
        return known.end
    if record % known.step == 0:
        return known.starts[record // known.step]
    return int(_edges(data, known, record, record + 1, delimiter, quote)[0])


def _edges(data: Bytes, known: Layout, first: int, stop: int, delimiter: int, quote: int | None) -> Bytes:
    """The first bytes of records [first, stop) and the byte behind the last."""
    base = first // known.step
    skip, wanted = first - base * known.step, stop - base * known.step
    found: list[Bytes] = [numpy.array([known.starts[base]])]
    total, behind = 0, -(-stop // known.step)
    limit = known.starts[behind] if behind < len(known.starts) else known.end
    for ends in _ends(data, known.starts[base], limit, delimiter, quote):
        found.append(ends)
        total += len(ends)
        if total >= wanted:
            break
    edges = numpy.concatenate(found)
    if total < wanted and edges[-1] < known.end:
        edges = numpy.append(edges, known.end)
    return edges[skip : wanted + 1]


def _is_blank(data: Bytes, firsts: Bytes, ends: Bytes) -> Bytes:
    """A record of nothing but its newline."""
    lengths = ends - firsts
    if not len(lengths) or lengths.min() > 2:  # nearly always: looking at the bytes costs more than the rest
        return numpy.zeros(len(lengths), bool)
    is_pair = (lengths == 2) & (data[firsts] == _CR)
    return is_pair | ((lengths == 1) & ((data[firsts] == _LF) | (data[firsts] == _CR)))


def _ends(data: Bytes, begin: int, limit: int, delimiter: int, quote: int | None) -> Iterator[Bytes]:
    """The byte behind each record's newline, window by window."""
    in_quotes, opened, records = False, 0, 0
    skip = -1  # second half of a doubled quote that lies across the edge of two windows
    for start in range(begin, limit, _WINDOW):
        stop = min(start + _WINDOW, limit)
        newlines = _newlines(data, start, stop)
        if quote is not None:
            quotes = start + _positions(data[start:stop], quote)
            quotes = quotes[1:] if len(quotes) and quotes[0] == skip else quotes
            if len(quotes) or in_quotes:
                was = in_quotes
                if _is_well_formed(data, quotes, begin, delimiter, quote, in_quotes):
                    inside = (numpy.searchsorted(quotes, newlines) + int(was)) % 2 == 1
                    in_quotes = (len(quotes) + int(was)) % 2 == 1
                    newlines = newlines[~inside]
                    if not in_quotes and len(quotes) and quotes[-1] == stop - 1 and stop < len(data) and data[stop] == quote:
                        in_quotes, skip = True, stop
                else:
                    newlines, in_quotes, skip = _walk(data, quotes, newlines, begin, delimiter, quote, in_quotes)
                if in_quotes and len(newlines):
                    opened = records + len(newlines)
                elif in_quotes and not was:
                    opened = records
        records += len(newlines)
        if len(newlines):
            yield newlines + 1
    if in_quotes and limit == len(data):
        raise UnclosedQuoteError(opened + 1)


def _positions(window: Bytes, byte: int) -> Bytes:
    """Where a byte stands. Most windows have none, which a search tells ten times faster than a comparison."""
    if window.tobytes().find(byte) < 0:
        return numpy.zeros(0, numpy.int64)
    return numpy.flatnonzero(window == byte)


def _newlines(data: Bytes, start: int, stop: int) -> Bytes:
    """Positions of the last byte of each newline: LF, CR LF, or a lone CR."""
    window = data[start:stop]
    found = numpy.flatnonzero(window == _LF)
    count = numpy.count_nonzero(window == _CR)
    behind = found[1:] if len(found) and found[0] == 0 else found  # the byte before the first is another window's
    if not count or count == numpy.count_nonzero(window[behind - 1] == _CR):
        return found + start  # no CR at all, or each stands before its LF: nearly every file is so
    returns = numpy.flatnonzero(window == _CR)
    following = numpy.minimum(returns + start + 1, len(data) - 1)
    alone = (data[following] != _LF) | (returns + start + 1 == len(data))
    return numpy.sort(numpy.concatenate((found, returns[alone]))) + start


def _is_well_formed(data: Bytes, quotes: Bytes, begin: int, delimiter: int, quote: int, in_quotes: bool) -> bool:
    """Do counted quotes open at the start of a cell and close at its end?"""
    opening, closing = (quotes[1::2], quotes[::2]) if in_quotes else (quotes[::2], quotes[1::2])
    before = data[numpy.maximum(opening - 1, 0)]
    opens = (before == delimiter) | (before == _LF) | (before == _CR) | (opening == begin)
    doubled = (before == quote) & numpy.isin(opening - 1, closing)
    after = data[numpy.minimum(closing + 1, len(data) - 1)]
    closes = (after == delimiter) | (after == _LF) | (after == _CR) | (after == quote) | (closing + 1 == len(data))
    return bool((opens | doubled).all() and closes.all())


def _walk(data: Bytes, quotes: Bytes, newlines: Bytes, begin: int, delimiter: int, quote: int, in_quotes: bool) -> tuple[Bytes, bool, int]:
    """The same, event by event: a quote inside an unquoted cell is a letter, a doubled quote inside a quoted one too.

    Newlines outside of quotes, whether the window ends inside of them, and the place of the last doubled quote."""
    marks = numpy.union1d(quotes, newlines)
    kept: list[int] = []
    skip = -1
    for position in marks.tolist():
        if position == skip:
            continue
        if data[position] != quote:
            if not in_quotes:
                kept.append(position)
        elif not in_quotes:
            in_quotes = position == begin or int(data[position - 1]) in (delimiter, _LF, _CR)
        elif position + 1 < len(data) and data[position + 1] == quote:
            skip = position + 1
        else:
            in_quotes = False
    return numpy.array(kept, dtype=numpy.int64), in_quotes, skip
