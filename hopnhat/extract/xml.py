"""XML and edXML, streamed: each element called `record` is a row, its children and attributes are columns.

Options: `record` (local name of the row element; without it every child of the root is a row), `columns` (names that exist even when no record has
them). A nested element is `parent/child`, an attribute `element/@name` (`@name` on the record itself), a repeated
element is numbered `name[2]`. Namespaces are left out. A URL may name a directory: each file is a table. Entities are not expanded: a document that declares any is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from hopnhat.extract.files import broken
from hopnhat.extract.frames import Options, known_options, names_option, text_option
from hopnhat.extract.spool import Record
from hopnhat.extract.spooled import SpooledSource

MAX_DEPTH = 200
_BLOCK = 1 << 16


def open_source(url: str, options: Options) -> SpooledSource:
    known_options(options, ("record", "columns"), "xml")
    system, record = text_option(options, "system"), text_option(options, "record")
    columns = names_option(options, "columns")
    return SpooledSource(url, (".xml", ".edxml"), lambda path, _: _records(path, record, system), system, columns)


def _records(path: Path, record: str, system: str) -> Iterator[tuple[int, Record]]:
    from defusedxml.common import DefusedXmlException

    try:
        yield from _streamed(path, record, system)
    except ParseError as error:
        line = error.position[0] if hasattr(error, "position") else 0
        raise broken(path, f"is no sound XML at line {line}", system=system) from None
    except _TooDeepError:
        raise broken(path, f"nests deeper than {MAX_DEPTH} elements", system=system) from None
    except DefusedXmlException:
        raise broken(
            path, "declares entities or an external document type: refused", system=system,
            hint="ask for an export without a DOCTYPE",
        ) from None  # fmt: skip
    except (LookupError, UnicodeError, ValueError):
        raise broken(path, "declares an encoding that cannot be read", system=system) from None


def _streamed(path: Path, record: str, system: str) -> Iterator[tuple[int, Record]]:
    from defusedxml.ElementTree import DefusedXMLParser

    collector = _Collector(record)
    parser = DefusedXMLParser(target=collector)
    number = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            parser.feed(block)
            found = collector.taken()
            yield from enumerate(found, start=number + 1)
            number += len(found)
        parser.close()
        yield from enumerate(collector.taken(), start=number + 1)


class _TooDeepError(Exception):
    """Elements in elements in elements: a bomb, or no data."""


class _Collector:
    """What the parser reports to: builds the elements of one record at a time and nothing outside of them."""

    def __init__(self, record: str) -> None:
        self._record, self._depth, self._inside = record, 0, 0
        self._builder = TreeBuilder()
        self._found: list[Record] = []

    def taken(self) -> list[Record]:
        """The records that have ended since the last call."""
        found, self._found = self._found, []
        return found

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._inside:
            self._builder.start(tag, attributes)
            if self._depth > MAX_DEPTH:
                raise _TooDeepError
        elif self._depth > MAX_DEPTH:
            raise _TooDeepError
        elif _local(tag) == self._record if self._record else self._depth == 2:
            self._inside, self._builder = self._depth, TreeBuilder()
            self._builder.start(tag, attributes)

    def end(self, tag: str) -> None:
        if self._inside:
            self._builder.end(tag)
            if self._depth == self._inside:
                self._inside = 0
                self._found.append(_cells(self._builder.close()))
        self._depth -= 1

    def data(self, text: str) -> None:
        if self._inside:
            self._builder.data(text)

    def close(self) -> None:
        """The parser asks for it; a record that has not ended is its error."""


def _cells(element: Element) -> dict[str, bytes | None]:
    """Text and attributes below a record. Mixed text beside child elements is kept under `#text`."""
    cells: dict[str, bytes | None] = {f"@{_local(name)}": value.encode() for name, value in element.attrib.items()}
    if len(element) == 0:
        cells["#text"] = _text(element)
        return cells
    tails = [child.tail for child in element if child.tail]
    said = "".join([element.text or "", *tails]) if tails or element.text else ""
    if said and not said.isspace():
        cells["#text"] = said.encode("utf-8", "surrogatepass")
    seen: dict[str, int] = {}
    for child in element:
        place = _local(child.tag)
        times = seen[place] = seen.get(place, 0) + 1
        if times > 1:
            place = f"{place}[{times}]"
        if len(child):
            cells.update((f"{place}/{below}", value) for below, value in _cells(child).items())
        elif not child.attrib:  # most are so
            cells[place] = (child.text or "").encode("utf-8", "surrogatepass")
        else:
            cells[place] = _text(child)
            cells.update((f"{place}/@{_local(key)}", value.encode()) for key, value in child.attrib.items())
    return cells


def _text(element: Element) -> bytes | None:
    """`<a/>` is empty text; `xsi:nil="true"` is NULL."""
    if any(_local(name) == "nil" and value in ("true", "1") for name, value in element.attrib.items()):
        return None
    return (element.text or "").encode("utf-8", "surrogatepass")


@lru_cache(4096)
def _local(tag: Any) -> str:
    return str(tag).rsplit("}", 1)[-1]
