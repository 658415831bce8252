"""The header of a DBF file and the values of its fixed-width fields, whole columns at a time."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy
import pyarrow as pa

from hopnhat.extract.files import broken
from hopnhat.extract.frames import fixed_binary, items, rendered
from hopnhat.model.errors import SourceDriftError

_VERSIONS = {0x02, 0x03, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0x8E, 0xCB, 0xF5, 0xFB, 0xE5}
_VISUAL = {0x30, 0x31, 0x32}
_JULIAN_1970 = 2440588


@dataclass(frozen=True)
class Field:
    name: str
    kind: str  # the type letter of the header
    width: int
    decimals: int
    offset: int  # in the record, behind the deletion flag
    is_binary_number: bool
    is_memo: bool
    variable_bit: int | None = None  # in _NullFlags: the last byte holds the true length
    null_bit: int | None = None


@dataclass(frozen=True)
class Header:
    version: int
    records: int
    length: int
    record_length: int
    language_driver: int
    fields: tuple[Field, ...]
    null_flags: tuple[int, int] | None  # offset and width of _NullFlags


def read_header(path: Path, system: str) -> Header:
    """Raise SourceDriftError, naming the file and the bytes, for anything that does not add up."""
    size = path.stat().st_size
    with path.open("rb") as file:
        fixed = file.read(32)
        if len(fixed) < 32:
            raise broken(path, f"has {size} bytes, a DBF header alone has 32", system=system)
        version = fixed[0]
        records, length, record_length = struct.unpack_from("<IHH", fixed, 4)
        if version not in _VERSIONS or length < 33 or record_length < 2:
            raise broken(path, f"is no DBF table that can be read (version byte 0x{version:02x})", system=system)
        rest = file.read(length - 32)
    if len(rest) < length - 32:
        raise broken(path, f"is cut off inside its header: {length} bytes expected, {size} there", system=system)
    fields, null_flags = _fields(path, rest, version, record_length, system)
    _check_size(path, size, length, records, record_length, system)
    return Header(version, records, length, record_length, fixed[29], fields, null_flags)


def _check_size(path: Path, size: int, length: int, records: int, record_length: int, system: str) -> None:
    expected = length + records * record_length
    if size < expected:
        raise broken(path, f"is truncated: {expected} bytes expected for {records} records, {size} there", system=system)
    with path.open("rb") as file:
        file.seek(expected)
        tail = file.read(record_length + 1)
    if len(tail) > record_length - 1 and tail[:1] in (b" ", b"*"):
        raise broken(
            path, f"holds more than the {records} records its header counts: {expected} bytes expected, {size} there",
            system=system, hint="the writing program crashed; ask the vendor to repair (reindex/pack) a copy",
        )  # fmt: skip


def _fields(path: Path, rest: bytes, version: int, record_length: int, system: str) -> tuple[tuple[Field, ...], tuple[int, int] | None]:
    described: list[tuple[str, str, int, int, int]] = []
    for at in range(0, len(rest) - 31, 32):
        if rest[at] in (0x0D, 0x00):
            break
        name = rest[at : at + 11].split(b"\0")[0].decode("latin-1")
        described.append((name, chr(rest[at + 11]), rest[at + 16], rest[at + 17], rest[at + 18]))
    if not described:
        raise broken(path, "declares no fields", system=system)
    if 1 + sum(width for _, _, width, _, _ in described) != record_length:
        # Clipper and FoxPro: a character field above 255 bytes keeps the high byte in the decimals
        described = [
            (n, k, width + 256 * decimals if k == "C" else width, 0 if k == "C" else decimals, flags)
            for n, k, width, decimals, flags in described
        ]
    if 1 + sum(width for _, _, width, _, _ in described) != record_length:
        raise broken(path, f"its fields do not add up to the record length {record_length}", system=system)
    if len({name for name, *_ in described}) != len(described):
        raise broken(path, "declares two fields of the same name", system=system)
    return _placed(path, described, version, system)


def _placed(
    path: Path, described: list[tuple[str, str, int, int, int]], version: int, system: str
) -> tuple[tuple[Field, ...], tuple[int, int] | None]:
    fields: list[Field] = []
    null_flags: tuple[int, int] | None = None
    offset, bit = 1, 0
    for name, kind, width, decimals, flags in described:
        if kind == "0":
            null_flags = offset, width
        else:
            variable = null = None
            if kind in "VQ":
                variable, bit = bit, bit + 1
            if flags & 0x02 and version in _VISUAL:
                null, bit = bit, bit + 1
            number, memo = _nature(path, name, kind, width, version, system)
            fields.append(Field(name, kind, width, decimals, offset, number, memo, variable, null))
        offset += width
    if null_flags and bit > 8 * null_flags[1]:
        raise broken(path, "its _NullFlags field is too narrow", system=system)
    return tuple(fields), null_flags


def _nature(path: Path, name: str, kind: str, width: int, version: int, system: str) -> tuple[bool, bool]:
    """Is the field a binary number; does it point into the memo file?"""
    is_visual = version in _VISUAL
    number = {"I": 4, "+": 4, "T": 8, "@": 8, "Y": 8, "B": 8 if is_visual else -1}.get(kind)
    if kind in "CNFDLVQ":
        return False, False
    if kind in "MGPW" or (kind == "B" and not is_visual):
        if width not in (4, 10):
            raise broken(path, f"memo field {name} has a pointer of {width} bytes", system=system)
        return False, True
    if number == width:
        return True, False
    raise SourceDriftError(
        f"file {path.name}: field {name} has the unknown type {kind!r} of {width} bytes", system=system,
        hint="export the table as dBase III or FoxPro 2",
    )  # fmt: skip


def field_values(header: Header, records: numpy.ndarray, field: Field) -> pa.Array:
    """Active records × one field → binary array: raw bytes, or text for binary numbers."""
    cells = items(records, field.offset, field.width)
    values = _numbers(cells, field) if field.is_binary_number else fixed_binary(cells)
    if field.variable_bit is not None and header.null_flags:
        values = _shortened(values, cells, _flag(header, records, field.variable_bit))
    if field.null_bit is not None and header.null_flags:
        absent = _flag(header, records, field.null_bit)
        values = pa.array([None if gone else value for gone, value in zip(absent, values.to_pylist(), strict=True)], pa.binary())
    return values


def _flag(header: Header, records: numpy.ndarray, bit: int) -> numpy.ndarray:
    assert header.null_flags is not None
    flags: numpy.ndarray = (records[:, header.null_flags[0] + bit // 8] >> (bit % 8)) & 1 == 1
    return flags


def _shortened(values: pa.Array, cells: numpy.ndarray, is_short: numpy.ndarray) -> pa.Array:
    lengths = cells[:, -1]
    pairs = zip(values.to_pylist(), is_short, lengths, strict=True)
    return pa.array([value[: int(length)] if short else value for value, short, length in pairs], pa.binary())


def _numbers(cells: numpy.ndarray, field: Field) -> pa.Array:
    if field.kind in "I+":
        return _text(pa.array(cells.view("<i4")[:, 0]))
    if field.kind == "Y":
        money = cells.view("<i8")[:, 0]
        return pa.array([_money(int(value)) for value in money], pa.binary())
    if field.kind == "B":
        return rendered(cells.view("<f8")[:, 0].tolist())
    return _moments(cells.view("<i4"))


def _text(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()).cast(pa.binary())


def _money(value: int) -> bytes:
    whole, part = divmod(abs(value), 10_000)
    return f"{'-' if value < 0 else ''}{whole}.{part:04d}".encode()


def _moments(pairs: numpy.ndarray) -> pa.Array:
    """Julian day and milliseconds; day 0 is the empty value. A moment off the calendar stays readable as raw numbers."""
    result: list[bytes | None] = []
    for day, millis in pairs.tolist():
        if day == 0:
            result.append(None)
        elif 1721426 <= day <= 5373484 and 0 <= millis < 86_400_000:
            moment = numpy.datetime64(day - _JULIAN_1970, "D") + numpy.timedelta64(millis, "ms")
            result.append(str(moment).replace("T", " ").removesuffix(".000").encode())
        else:
            result.append(f"julian {day} millisecond {millis}".encode())
    return pa.array(result, pa.binary())
