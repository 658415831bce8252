"""XML and edXML, streamed: each element called `record` is a row, its children and attributes are columns.

Options: `record` (local name of the row element; without it every child of the root is a row), `columns` (names that exist even when no record has
them). A nested element is `parent/child`, an attribute `element/@name` (`@name` on the record itself), a repeated
element is numbered `name[2]`. Namespaces are left out. A URL may name a directory: each file is a table. Entities are not expanded: a document that declares any is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from hopnhat.extract.files import broken
from hopnhat.extract.frames import Options, known_options, names_option, text_option
from hopnhat.extract.spool import Record
from hopnhat.extract.spooled import SpooledSource

MAX_DEPTH = 200


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
    except DefusedXmlException:
        raise broken(
            path, "declares entities or an external document type: refused", system=system,
            hint="ask for an export without a DOCTYPE",
        ) from None  # fmt: skip
    except (LookupError, UnicodeError, ValueError):
        raise broken(path, "declares an encoding that cannot be read", system=system) from None


def _streamed(path: Path, record: str, system: str) -> Iterator[tuple[int, Record]]:
    from defusedxml.ElementTree import iterparse

    number, depth, inside = 0, 0, 0
    parents: list[Element] = []
    with path.open("rb") as file:
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=False):
            if event == "start":
                depth += 1
                if depth > MAX_DEPTH:
                    raise broken(path, f"nests deeper than {MAX_DEPTH} elements", system=system)
                if not inside and (_local(element.tag) == record if record else depth == 2):
                    inside = depth
                parents.append(element)
                continue
            parents.pop()
            if depth == inside:
                inside, number = 0, number + 1
                yield number, dict(_cells(element))
            depth -= 1
            if not inside and parents:
                parents[-1].remove(element)  # a finished branch is let go, or memory would grow with the file


def _cells(element: Element) -> Iterator[tuple[str, bytes | None]]:
    """Text and attributes below a record. Mixed text beside child elements is kept under `#text`."""
    yield from ((f"@{_local(name)}", value.encode()) for name, value in element.attrib.items())
    if len(element) == 0:
        yield "#text", _text(element)
        return
    said = "".join([element.text or "", *(child.tail or "" for child in element)])
    if said.strip():
        yield "#text", said.encode("utf-8", "surrogatepass")
    seen: dict[str, int] = {}
    for child in element:
        name = _local(child.tag)
        seen[name] = seen.get(name, 0) + 1
        place = name if seen[name] == 1 else f"{name}[{seen[name]}]"
        if len(child) == 0:
            yield place, _text(child)
            yield from ((f"{place}/@{_local(key)}", value.encode()) for key, value in child.attrib.items())
        else:
            yield from ((f"{place}/{below}", value) for below, value in _cells(child))


def _text(element: Element) -> bytes | None:
    """`<a/>` is empty text; `xsi:nil="true"` is NULL."""
    if any(_local(name) == "nil" and value in ("true", "1") for name, value in element.attrib.items()):
        return None
    return (element.text or "").encode("utf-8", "surrogatepass")


def _local(tag: Any) -> str:
    return str(tag).rsplit("}", 1)[-1]
