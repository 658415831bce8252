"""Landing frames: one binary column per source column, the transport in the field's metadata, nothing interpreted."""

from __future__ import annotations

import datetime
import difflib
import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.extract.contract import ROW, Transport
from hopnhat.model.errors import MappingError, SourceDriftError

Options = Mapping[str, object]


def binary_field(name: str, transport: Transport) -> pa.Field:
    return pa.field(name, pa.binary(), nullable=True, metadata={b"transport": transport.encode()})


def frame(columns: Sequence[tuple[str, Transport]], arrays: Sequence[pa.Array], rows: pa.Array | None = None) -> pa.Table:
    """Put the columns together; `rows` (physical row numbers) goes in front as `_row`."""
    fields = [binary_field(name, transport) for name, transport in columns]
    values = [_as_binary(array) for array in arrays]
    if rows is not None:
        fields.insert(0, pa.field(ROW, pa.int64(), nullable=False))
        values.insert(0, rows)
    return pa.Table.from_arrays(values, schema=pa.schema(fields))


def _as_binary(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    return array if array.type == pa.binary() else array.cast(pa.binary())


def items(records: numpy.ndarray, start: int, width: int) -> numpy.ndarray:
    """A copy of one field of all records, rows × width. As single items of `width` bytes they copy a third faster."""
    rows = len(records)
    if rows == 0:
        return numpy.zeros((0, width), numpy.uint8)
    views = numpy.ndarray((rows,), f"V{width}", records.data, start, (records.shape[1],))
    return views.copy().view(numpy.uint8).reshape(rows, width)


def fixed_binary(cells: numpy.ndarray) -> pa.Array:
    """A contiguous matrix of bytes (rows × width) as a binary array without a loop: it is the data buffer itself."""
    rows, width = cells.shape
    offsets = numpy.arange(rows + 1, dtype=numpy.int32) * width
    return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(cells)])


def rendered(values: Sequence[Any]) -> pa.Array:
    """Typed driver values as landing text. Whole columns of one common type avoid the loop over values."""
    try:
        return pa.array(values, pa.binary())  # bytes, text and NULL only
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        pass
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {int}:
        try:
            return pa.array(values, pa.int64()).cast(pa.string()).cast(pa.binary())
        except (pa.ArrowInvalid, OverflowError):
            pass
    if kinds == {float}:
        return _rendered_floats(pa.array(values, pa.float64()))
    # Mixed or rare types; few columns of a source, and distinct values repeat: render each once.
    known: dict[tuple[type, Any], bytes | None] = {}
    result: list[bytes | None] = []
    for value in values:
        try:
            key = (type(value), value)
            if key not in known:
                known[key] = render(value)
            result.append(known[key])
        except TypeError:  # unhashable (lists, dicts of a document source)
            result.append(render(value))
    return pa.array(result, pa.binary())


def _rendered_floats(array: pa.Array) -> pa.Array:
    """Arrow's shortest text is ours too, except for its exponents; whole numbers go through integers."""
    is_whole = pc.and_(pc.less(pc.abs(array), 2.0**53), pc.equal(array, pc.floor(array)))
    whole = pc.if_else(is_whole, array, None).cast(pa.int64()).cast(pa.string())
    texts = pc.if_else(is_whole, whole, array.cast(pa.string()))
    has_letters = pc.match_substring_regex(texts, "[a-z]")
    if pc.any(has_letters).as_py():  # exponents, nan, inf: few
        fixed = pa.array([plain_number(v).decode() for v in array.filter(has_letters).to_pylist()], pa.string())
        texts = pc.replace_with_mask(texts, pc.fill_null(has_letters, False), fixed)
    return texts.cast(pa.binary())


def render(value: Any) -> bytes | None:
    """One driver value as text: numbers plain and exact, dates ISO-8601, booleans 1/0.

    >>> render(38001000123.0), render(1e21), render(0.1), render(True), render(None)
    (b'38001000123', b'1000000000000000000000', b'0.1', b'1', None)
    >>> render(datetime.datetime(2020, 1, 2, 3, 4)), render(Decimal("1E+3"))
    (b'2020-01-02 03:04:00', b'1000')
    """
    if value is None:
        return None
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, bool):
        return b"1" if value else b"0"
    if isinstance(value, float):
        return plain_number(value)
    if isinstance(value, Decimal):
        return format(value, "f").encode()
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ").encode()
    if isinstance(value, datetime.timedelta):
        return _span(value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()
    return (value.isoformat() if hasattr(value, "isoformat") else str(value)).encode()


def plain_number(value: float) -> bytes:
    """Shortest text that reads back as the same double, without exponent and without a `.0` it never had."""
    if not math.isfinite(value):
        return str(value).encode()
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0").encode()


def plain_numbers(array: pa.Array, *, single: bool = False) -> pa.Array:
    """Floating point text from a server without exponents; `single` restores the shortest text of a 4-byte float."""
    distinct = pc.unique(array)
    texts: list[bytes | None] = []
    for raw in distinct.to_pylist():
        if raw is None:
            texts.append(None)
        elif single:
            texts.append(plain_number(float(str(numpy.float32(raw.decode())))))
        else:
            texts.append(plain_number(float(raw)) if b"e" in raw.lower() else raw)
    return pa.array(texts, pa.binary()).take(pc.index_in(array, distinct))


def _span(value: datetime.timedelta) -> bytes:
    sign, value = ("-", -value) if value < datetime.timedelta(0) else ("", value)
    seconds, micro = divmod(value // datetime.timedelta(microseconds=1), 1_000_000)
    text = f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return (text + (f".{micro:06d}" if micro else "")).encode()


def require_columns(requested: Sequence[str], existing: Sequence[str], *, system: str, table: str) -> None:
    """Raise SourceDriftError for requested columns that the source does not have, with the nearest names it has."""
    missing = [name for name in requested if name not in set(existing)]
    if missing:
        said = "; ".join(f"`{name}` (nearest: {_nearest(name, existing)})" for name in missing)
        raise SourceDriftError(
            f"column{'s' if len(missing) > 1 else ''} gone: {said}", system=system, table=table,
            hint="ask the vendor what changed, or correct the column in the mapping",
        )  # fmt: skip


def require_table(table: str, existing: Sequence[str], *, system: str) -> None:
    if table not in set(existing):
        shown = ", ".join(sorted(existing)[:40]) or "none at all"
        raise SourceDriftError(
            f"table gone; nearest: {_nearest(table, existing)}; existing: {shown}", system=system, table=table,
            hint="ask the vendor what changed, or correct the table in the mapping",
        )  # fmt: skip


def _nearest(name: str, existing: Sequence[str]) -> str:
    by_fold = {other.casefold(): other for other in existing}
    close = difflib.get_close_matches(name.casefold(), list(by_fold), n=3, cutoff=0.5)
    return ", ".join(by_fold[fold] for fold in close) or "none"


def text_option(options: Options, name: str, default: str = "") -> str:
    value = options.get(name, default)
    if not isinstance(value, str):
        raise MappingError(f"option `{name}` must be text", hint=f"for example {name}: {default!r}")
    return value


def int_option(options: Options, name: str, default: int) -> int:
    value = options.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise MappingError(f"option `{name}` must be a whole number", hint=f"for example {name}: {default}")
    return value


def flag_option(options: Options, name: str, default: bool = False) -> bool:
    value = options.get(name, default)
    if not isinstance(value, bool):
        raise MappingError(f"option `{name}` must be true or false")
    return value


def names_option(options: Options, name: str) -> tuple[str, ...]:
    value = options.get(name, ())
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise MappingError(f"option `{name}` must be a list of names")
    return tuple(value)


def known_options(options: Options, allowed: Sequence[str], technology: str) -> None:
    """A misspelt option would silently do nothing: refuse it."""
    extra = sorted(set(options) - set(allowed) - {"system", "governor"})
    if extra:
        raise MappingError(
            f"unknown option {', '.join(f'`{name}`' for name in extra)} for {technology}",
            hint=f"allowed: {', '.join(sorted(allowed))}",
        )


def unique_names(cells: Sequence[object]) -> tuple[str, ...]:
    """Header cells as column names: runs of blanks become one, an empty one is called after its place, a repeated one
    is numbered.

    >>> unique_names(["Số HS", "Ngày\\nnộp ", "", "Số HS"])
    ('Số HS', 'Ngày nộp', '_C', 'Số HS (2)')
    """
    names: list[str] = []
    for at, cell in enumerate(cells):
        name = " ".join(str(cell).split()) if cell is not None else ""
        name = name or f"_{column_letters(at)}"
        number, base = 2, name
        while name in names:
            name, number = f"{base} ({number})", number + 1
        names.append(name)
    return tuple(names)


def column_letters(at: int) -> str:
    """0 → A, 26 → AA, as spreadsheets do."""
    letters = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
