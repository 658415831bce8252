"""Looks into .xls and .xlsb beside the parser, which gives error cells (#N/A) as empty and forgets number formats.

Both are sequences of records: in .xls (BIFF5, BIFF8; Microsoft's [MS-XLS]) inside one stream of a compound file, in
.xlsb ([MS-XLSB]) in the parts of a ZIP package. Values are left to the parser; only what it hides is read here.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from hopnhat.extract.compound import DamagedError, read_stream
from hopnhat.extract.files import broken
from hopnhat.extract.xlsx_scan import Scan, check_extent, part_by_name

_ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}
_ZEROS = re.compile("0{2,20}")
_BOF, _EOF, _SHEET, _FORMAT, _XF = 0x0809, 0x000A, 0x0085, 0x041E, 0x00E0
_FORMULA, _NUMBER, _BOOL_ERROR, _RK, _MANY_RK = 0x0006, 0x0203, 0x0205, 0x027E, 0x00BD


def scan_xls(path: Path, number: int, sheets: int, system: str) -> Scan:
    """Sheet `number` (from 0) of a workbook in which the parser sees `sheets` of them."""
    try:
        stream = read_stream(path, ("Workbook", "Book"))
        starts, widths = _workbook(stream)
        if len(starts) != sheets:
            raise DamagedError("the list of sheets")
        scan, rows, columns = _sheet(stream, starts[number], widths)
    except (DamagedError, KeyError, IndexError, struct.error) as error:
        raise broken(path, f"sheet {number + 1} is damaged ({type(error).__name__})", system=system) from None
    check_extent(path, rows, columns, system)
    return scan


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Records up to the end of the stream; a record that reaches beyond it is damage, not an end."""
    size = len(stream)
    while at + 4 <= size:
        kind, length = struct.unpack_from("<HH", stream, at)
        if at + 4 + length > size:
            raise DamagedError("a record is cut off")
        yield kind, stream[at + 4 : at + 4 + length]
        at += 4 + length


def _workbook(stream: bytes) -> tuple[list[int], dict[int, int]]:
    """Where the sheets begin, and the cell styles whose format is zeros only."""
    starts: list[int] = []
    formats: dict[int, int] = {}
    styles: list[int] = []
    is_biff8 = False
    for kind, body in _records(stream, 0):
        if kind == _BOF:
            is_biff8 = struct.unpack_from("<H", body)[0] == 0x0600
        elif kind == _SHEET:
            starts.append(struct.unpack_from("<I", body)[0])
        elif kind == _FORMAT:
            text = body[5:].decode("utf-16-le" if body[4] & 1 else "latin-1", "replace") if is_biff8 else body[3:].decode("latin-1")
            if _ZEROS.fullmatch(text):
                formats[struct.unpack_from("<H", body)[0]] = len(text)
        elif kind == _XF:
            styles.append(struct.unpack_from("<H", body, 2)[0])
        elif kind == _EOF:
            break
    return starts, {at: formats[used] for at, used in enumerate(styles) if used in formats}


def _sheet(stream: bytes, start: int, widths: dict[int, int]) -> tuple[Scan, int, int]:
    errors: dict[tuple[int, int], str] = {}
    zeros: dict[tuple[int, int], int] = {}
    depth = rows = columns = 0  # charts inside a sheet bring their own beginning and end
    for kind, body in _records(stream, start):
        if kind in (_BOF, _EOF):
            depth += 1 if kind == _BOF else -1
            if depth == 0:
                return Scan(errors, zeros), rows, columns
        elif depth == 1 and kind in _CELLS:
            row, column, style = struct.unpack_from("<HHH", body)
            rows, columns = max(rows, row + 1), max(columns, column + len(body) // 6 if kind == _MANY_RK else column + 1)
            code = _error_code(kind, body)
            if code is not None:
                errors[row, column] = _ERRORS.get(code, f"#ERROR {code}")
            elif kind == _MANY_RK:
                for at, place in enumerate(range(4, len(body) - 7, 6)):
                    if (style := struct.unpack_from("<H", body, place)[0]) in widths:
                        zeros[row, column + at] = widths[style]
            elif style in widths and kind not in _TEXTS:
                zeros[row, column] = widths[style]
    raise DamagedError("a sheet has no end")


_TEXTS = (0x00FD, 0x0204, 0x00D6)
_CELLS = frozenset((_FORMULA, _NUMBER, _BOOL_ERROR, _RK, _MANY_RK, *_TEXTS))


def _error_code(kind: int, body: bytes) -> int | None:
    if kind == _BOOL_ERROR and body[7] == 1:
        return body[6]
    if kind == _FORMULA and body[12:14] == b"\xff\xff" and body[6] == 2:
        return body[8]
    return None


def scan_xlsb(path: Path, sheet: str, system: str) -> Scan:
    """One sheet of a binary workbook; its extent is checked before the parser builds its grid."""
    try:
        with zipfile.ZipFile(path) as package:
            part = _part(package, sheet)
            widths = _binary_styles(part_by_name(package, "xl/styles.bin"))
            scan, rows, columns = _binary_sheet(package.read(part), widths)
    except (DamagedError, KeyError, IndexError, struct.error, zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise broken(path, f"sheet {sheet!r} is damaged ({type(error).__name__})", system=system) from None
    except Exception as error:
        if type(error).__module__ != "zlib":
            raise
        raise broken(path, f"sheet {sheet!r} is damaged (compressed data)", system=system) from None
    check_extent(path, rows, columns, system)
    return scan


def _binary_records(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        kind = data[at]
        at += 1
        if kind & 0x80:
            kind, at = (kind & 0x7F) | (data[at] & 0x7F) << 7, at + 1
        length = 0
        for shift in (0, 7, 14, 21):
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        if at + length > len(data):
            raise DamagedError("a record is cut off")
        yield kind, data[at : at + length]
        at += length


def _wide(body: bytes, at: int) -> tuple[str, int]:
    (count,) = struct.unpack_from("<I", body, at)
    count = 0 if count == 0xFFFFFFFF else count
    return body[at + 4 : at + 4 + 2 * count].decode("utf-16-le", "replace"), at + 4 + 2 * count


def _part(package: zipfile.ZipFile, sheet: str) -> str:
    relations = part_by_name(package, "xl/_rels/workbook.bin.rels").decode("utf-8", "replace")
    targets = {}
    for tag in re.findall(r"<(?:\w+:)?Relationship\s[^>]*>", relations):
        made = dict(re.findall(r'(\w+)\s*=\s*"([^"]*)"', tag))
        targets[made.get("Id", "")] = made.get("Target", "")
    for kind, body in _binary_records(part_by_name(package, "xl/workbook.bin")):
        if kind == 156:
            relation, at = _wide(body, 8)
            name, _ = _wide(body, at)
            if name == sheet:
                target = targets[relation]
                return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(sheet)


def _binary_styles(data: bytes) -> dict[int, int]:
    formats: dict[int, int] = {}
    styles: list[int] = []
    is_cells = False
    for kind, body in _binary_records(data):
        if kind == 44 and _ZEROS.fullmatch(text := _wide(body, 2)[0]):
            formats[struct.unpack_from("<H", body)[0]] = len(text)
        elif kind in (617, 618):
            is_cells = kind == 617
        elif kind == 47 and is_cells:
            styles.append(struct.unpack_from("<H", body, 2)[0])
    return {at: formats[used] for at, used in enumerate(styles) if used in formats}


def _binary_sheet(data: bytes, widths: dict[int, int]) -> tuple[Scan, int, int]:
    errors: dict[tuple[int, int], str] = {}
    zeros: dict[tuple[int, int], int] = {}
    row = widest = 0
    is_whole = False
    for kind, body in _binary_records(data):
        if kind == 0:
            (row,) = struct.unpack_from("<I", body)
        elif 1 <= kind <= 11:
            column, style = struct.unpack_from("<II", body)
            widest = max(widest, column + 1)
            if kind in (3, 11):
                errors[row, column] = _ERRORS.get(body[8], f"#ERROR {body[8]}")
            elif kind in (2, 5, 9) and (style & 0xFFFFFF) in widths:
                zeros[row, column] = widths[style & 0xFFFFFF]
        elif kind == 146:
            is_whole = True
    if not is_whole:
        raise DamagedError("the sheet has no end")
    return Scan(errors, zeros), row + 1, widest
