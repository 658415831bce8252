"""Looks into an .xlsx before and beside the parser: is it a bomb, and what does the parser not tell?

calamine builds a dense grid up to the last used cell, so one cell at XFD1048576 would take all memory; and it gives
error cells (#N/A) as empty and forgets number formats. This scan inflates the file once, in blocks, with limits, and
finds the extent, the error cells and the cells whose format shows leading zeros (`00000`).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hopnhat.extract.files import broken

MAX_INFLATED = 4 << 30
MAX_RATIO = 400
MAX_CELLS = 64_000_000
_SMALL = 32 << 20  # files that inflate to less than this are no danger whatever their ratio
_PART_LIMIT = 64 << 20  # styles, workbook, relations
_WIDE = (re.compile(rb'r="([A-Z]{2,3})\d'), re.compile(rb"r='([A-Z]{2,3})\d"))  # literal beginnings: seven times faster
_ROW = re.compile(rb"""\sr=["'][A-Z]*(\d+)["']""")
_ERROR = re.compile(
    rb"""<(?:\w+:)?c\s(?=[^>]*\st=["']e["'])[^>]*?r=["']([A-Z]+)(\d+)["'][^>]*>.{0,4000}?<(?:\w+:)?v>([^<]{0,40})</""", re.DOTALL
)
_CELL_STYLE = re.compile(rb"""<(?:\w+:)?c\s(?=[^>]*\ss=["'](\d+)["'])[^>]*?r=["']([A-Z]+)(\d+)["']""")
_OVERLAP = 8192


@dataclass(frozen=True)
class Scan:
    errors: dict[tuple[int, int], str]
    """0-based (row, column) → what the sheet shows, `#N/A`."""
    zeros: dict[tuple[int, int], int]
    """0-based (row, column) → digits that the number format shows."""


def check_package(path: Path, system: str) -> None:
    """Raise SourceDriftError for a file that is no sound ZIP or inflates beyond reason."""
    try:
        with zipfile.ZipFile(path) as package:
            total = sum(part.file_size for part in package.infolist())
            packed = max(1, path.stat().st_size)
            if total > MAX_INFLATED or (total > _SMALL and total / packed > MAX_RATIO) or len(package.infolist()) > 10_000:
                raise broken(
                    path, f"would inflate from {packed} to {total} bytes: refused as a ZIP bomb", system=system,
                    hint="open it in a spreadsheet program and save it anew, or export it as CSV",
                )  # fmt: skip
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise broken(path, "is no sound .xlsx package", system=system) from None


def scan_sheet(path: Path, sheet: str, system: str) -> Scan:
    """One pass over the sheet's XML; checksums of the package are verified on the way."""
    try:
        with zipfile.ZipFile(path) as package:
            part = _sheet_part(package, sheet)
            if part is None:
                return Scan({}, {})
            widths = _zero_formats(part_by_name(package, "xl/styles.xml"))
            return _scanned(path, package, part, widths, system)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, ValueError, EOFError, KeyError, OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise broken(path, f"sheet {sheet!r} is damaged ({type(error).__name__})", system=system) from None
    except Exception as error:
        if type(error).__name__ != "error" or type(error).__module__ != "zlib":
            raise
        raise broken(path, f"sheet {sheet!r} is damaged (compressed data)", system=system) from None


def _scanned(path: Path, package: zipfile.ZipFile, part: str, widths: dict[bytes, int], system: str) -> Scan:
    errors: dict[tuple[int, int], str] = {}
    zeros: dict[tuple[int, int], int] = {}
    widest = 26
    for block in _blocks(package, part):
        widest = max([widest, *(column_number(letters) + 1 for form in _WIDE for letters in set(form.findall(block)))])
        if b't="e"' in block or b"t='e'" in block:
            for letters, row, text in _ERROR.findall(block):
                errors[int(row) - 1, column_number(letters)] = text.decode("ascii", "replace")
        for style, letters, row in _CELL_STYLE.findall(block) if widths else ():
            if style in widths:
                zeros[int(row) - 1, column_number(letters)] = widths[style]
    if widest > 26:  # 26 columns × all the rows there can be are no danger
        check_extent(path, _deepest(package, part), widest, system)
    return Scan(errors, zeros)


def check_extent(path: Path, rows: int, columns: int, system: str) -> None:
    """Raise SourceDriftError when the parser's dense grid would take all memory."""
    if rows * columns > MAX_CELLS:
        raise broken(
            path, f"a sheet spans {rows} rows × {columns} columns: refused, it would take all memory", system=system,
            hint="delete the stray cells at the sheet's far end, or export it as CSV",
        )  # fmt: skip


def _deepest(package: zipfile.ZipFile, part: str) -> int:
    """The last row used; a second pass that only sheets wider than Z need."""
    return max((int(row) for block in _blocks(package, part) for row in _ROW.findall(block)), default=1)


def _blocks(package: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    tail = b""
    with package.open(part) as stream:
        while block := stream.read(1 << 20):
            yield tail + block
            tail = (tail + block)[-_OVERLAP:]


def part_by_name(package: zipfile.ZipFile, name: str) -> bytes:
    """A small part of the package; empty when it is not there or far too large for what it is."""
    if name not in package.namelist() or package.getinfo(name).file_size > _PART_LIMIT:
        return b""
    return package.read(name)


def _sheet_part(package: zipfile.ZipFile, sheet: str) -> str | None:
    """The XML part of a sheet, by the workbook's relations. Entities are not expanded: names are compared unescaped."""
    from html import unescape

    book, relations = part_by_name(package, "xl/workbook.xml"), part_by_name(package, "xl/_rels/workbook.xml.rels")
    targets: dict[str, str] = {}
    for tag in re.findall(rb"<(?:\w+:)?Relationship\s[^>]*>", relations):
        made = _attributes(tag)
        targets[made.get("Id", "")] = made.get("Target", "")
    for tag in re.findall(rb"<(?:\w+:)?sheet\s[^>]*>", book):
        made = _attributes(tag)
        target = targets.get(made.get("id", ""), "")
        if unescape(made.get("name", "")) == sheet and target:
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            return part if part in package.namelist() else None
    return None


def _attributes(tag: bytes) -> dict[str, str]:
    found = re.findall(r"""(?:\w+:)?(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)')""", tag.decode("utf-8", "replace"))
    return {name: double or single for name, double, single in found}


def _zero_formats(styles: bytes) -> dict[bytes, int]:
    """Cell style index → digits, for formats that are zeros only."""
    formats: dict[str, int] = {}
    for tag in re.findall(rb"<(?:\w+:)?numFmt\s[^>]*>", styles):
        made = _attributes(tag)
        if re.fullmatch("0{2,20}", made.get("formatCode", "")):
            formats[made.get("numFmtId", "")] = len(made["formatCode"])
    block = re.search(rb"<(?:\w+:)?cellXfs[^>]*>(.*?)</(?:\w+:)?cellXfs>", styles, re.DOTALL)
    if not formats or not block:
        return {}
    used = [_attributes(tag).get("numFmtId", "") for tag in re.findall(rb"<(?:\w+:)?xf\s[^>]*>", block.group(1))]
    return {str(at).encode(): formats[number] for at, number in enumerate(used) if number in formats}


def column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
