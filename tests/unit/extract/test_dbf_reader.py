"""DBF as old programs left it: deleted records, memo files, Visual FoxPro types, and damaged copies."""

from __future__ import annotations

import struct
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hopnhat.extract.contract import KeyRange
from hopnhat.extract.dbf import DbfSource
from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import HopNhatError, SourceDriftError

WHOLE = KeyRange(0, None, None)
Field = tuple[str, str, int, int]  # name, type, width, flags


def table(fields: list[Field], records: list[bytes], *, version: int = 0x03, driver: int = 0, backlink: int = 0) -> bytes:
    """A DBF file of ready records (deletion flag included)."""
    length = 33 + 32 * len(fields) + backlink
    head = struct.pack("<B3BIHH17xBxx", version, 125, 7, 1, len(records), length, 1 + sum(f[2] for f in fields), driver)
    body = b"".join(struct.pack("<11sc4xBBB13x", name.encode(), kind.encode(), width, 0, flags) for name, kind, width, flags in fields)
    return head + body + b"\r" + b"\0" * backlink + b"".join(records) + b"\x1a"


SIMPLE: list[Field] = [("SO_HS", "C", 6, 0), ("TEN", "C", 4, 0), ("PHI", "N", 5, 0)]


def simple(flags: str = "    ") -> bytes:
    return table(SIMPLE, [f"{flag}HS{n:04d}".encode() + b"\xb8\xb5 \x80" + f"{n:5d}".encode() for n, flag in enumerate(flags)], driver=0x7D)


def opened(path: Path) -> DbfSource:
    source = open_source("dbf", str(path), {"system": "huyen"})
    assert isinstance(source, DbfSource)
    return source


def test_values_are_the_raw_bytes_with_their_padding(tmp_path: Path) -> None:
    (tmp_path / "hs.dbf").write_bytes(simple())
    frame = opened(tmp_path / "hs.dbf").read("hs", (), WHOLE, ["TEN", "PHI"])
    assert frame.to_pylist()[1] == {"_row": 2, "TEN": b"\xb8\xb5 \x80", "PHI": b"    1"}
    assert frame.schema.field("TEN").metadata == {b"transport": b"bytes"}


def test_deleted_records_are_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "hs.dbf").write_bytes(simple(" * *  "))
    source = opened(tmp_path)
    parts = [source.read("hs", (), part, ["SO_HS"]) for part in source.ranges("hs", (), 2)]
    assert [row["_row"] for part in parts for row in part.to_pylist()] == [1, 3, 5, 6]
    assert (source.count("hs"), source.deleted("hs")) == (4, 2)
    assert "2 deleted" in source.snapshot()
    assert "language driver 0x7d" in source.snapshot()
    assert "0x7d" in source.shape("hs").columns[0].declared_type


@pytest.mark.parametrize("cut", [1, 10, 16])
def test_truncated_file_names_expected_and_actual_bytes(tmp_path: Path, cut: int) -> None:
    whole = simple()
    (tmp_path / "hs.dbf").write_bytes(whole[: -1 - cut])
    with pytest.raises(SourceDriftError) as caught:
        opened(tmp_path).shape("hs")
    assert "hs.dbf" in str(caught.value)
    assert f"{len(whole) - 1} bytes expected" in str(caught.value)
    assert f"{len(whole) - 1 - cut} there" in str(caught.value)


def test_records_behind_the_counted_ones_are_not_silently_lost(tmp_path: Path) -> None:
    whole = bytearray(simple())
    whole[4:8] = struct.pack("<I", 2)  # the header of a crashed program
    (tmp_path / "hs.dbf").write_bytes(bytes(whole))
    with pytest.raises(SourceDriftError, match="more than the 2 records"):
        opened(tmp_path).count("hs")


def test_shifted_record_is_named(tmp_path: Path) -> None:
    whole = bytearray(simple())
    whole[33 + 96 + 16 * 2] = 0x41
    (tmp_path / "hs.dbf").write_bytes(bytes(whole))
    with pytest.raises(SourceDriftError, match="record 3 begins with byte 0x41"):
        opened(tmp_path).read("hs", (), WHOLE, ["TEN"])


def test_visual_foxpro_types_are_rendered_exactly(tmp_path: Path) -> None:
    fields: list[Field] = [("I", "I", 4, 0), ("B", "B", 8, 0), ("Y", "Y", 8, 0), ("T", "T", 8, 0), ("V", "V", 6, 0), ("N", "C", 3, 2), ("_NullFlags", "0", 1, 5)]
    record = b" " + struct.pack("<idq", -7, 0.1, -125_000) + struct.pack("<ii", 2458851, 11_045_006) + b"abc\0\0\x03" + b"xyz" + b"\x03"
    empty = b" " + struct.pack("<idqii", 0, 38001000123.0, 1, 0, 0) + b"abcdef" + b"   " + b"\x00"
    (tmp_path / "vfp.dbf").write_bytes(table(fields, [record, empty], version=0x30, backlink=263))
    rows = opened(tmp_path).read("vfp", (), WHOLE, ["I", "B", "Y", "T", "V", "N"]).to_pylist()
    assert rows[0] == {"_row": 1, "I": b"-7", "B": b"0.1", "Y": b"-12.5000", "T": b"2020-01-02 03:04:05.006", "V": b"abc", "N": None}
    assert rows[1] == {"_row": 2, "I": b"0", "B": b"38001000123", "Y": b"0.0001", "T": None, "V": b"abcdef", "N": b"   "}


def memo_table(pointers: list[bytes], *, version: int, width: int = 10) -> bytes:
    return table([("GHI", "M", width, 0)], [b" " + pointer for pointer in pointers], version=version)


def test_memo_of_dbase_3_and_4_and_foxpro(tmp_path: Path) -> None:
    text = b"d\xb8ng m\x8d t"
    (tmp_path / "d3.dbf").write_bytes(memo_table([b"         1", b" " * 10], version=0x83))
    (tmp_path / "d3.dbt").write_bytes(b"\0" * 512 + text + b"\x1a\x1a")
    (tmp_path / "d4.dbf").write_bytes(memo_table([b"0000000001"], version=0x8B))
    (tmp_path / "d4.DBT").write_bytes(b"\0" * 20 + struct.pack("<H", 512) + b"\0" * 490 + b"\xff\xff\x08\x00" + struct.pack("<I", len(text) + 8) + text)
    (tmp_path / "fp.dbf").write_bytes(memo_table([struct.pack("<I", 8)], version=0x30, width=4))
    (tmp_path / "fp.fpt").write_bytes(b"\0" * 6 + struct.pack(">H", 64) + b"\0" * 504 + struct.pack(">II", 1, len(text)) + text)
    source = opened(tmp_path)
    assert [row["GHI"] for row in source.read("d3", (), WHOLE, ["GHI"]).to_pylist()] == [text, None]
    assert [row["GHI"] for row in source.read("d4", (), WHOLE, ["GHI"]).to_pylist()] == [text]
    assert [row["GHI"] for row in source.read("fp", (), WHOLE, ["GHI"]).to_pylist()] == [text]


def test_missing_or_short_memo_file_is_told_never_read_as_empty(tmp_path: Path) -> None:
    (tmp_path / "d3.dbf").write_bytes(memo_table([b"         9"], version=0x83))
    with pytest.raises(SourceDriftError, match=r"memo file .* missing"):
        opened(tmp_path).read("d3", (), WHOLE, ["GHI"])
    (tmp_path / "d3.dbt").write_bytes(b"\0" * 1024)
    with pytest.raises(SourceDriftError, match=r"d3\.dbt: is truncated"):
        opened(tmp_path).read("d3", (), WHOLE, ["GHI"])


def test_wide_character_field_of_clipper(tmp_path: Path) -> None:
    raw = bytearray(table([("DAI", "C", 44, 0)], []))
    raw[32 + 17] = 1  # 44 + 256 bytes
    raw[4:8] = struct.pack("<I", 1)
    raw[10:12] = struct.pack("<H", 301)
    (tmp_path / "dai.dbf").write_bytes(bytes(raw[:-1]) + b" " + b"x" * 300 + b"\x1a")
    assert opened(tmp_path).read("dai", (), WHOLE, ["DAI"]).to_pylist() == [{"_row": 1, "DAI": b"x" * 300}]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_gives_a_clear_error_or_a_whole_frame(tmp_path: Path, data: st.DataObject) -> None:
    """Never a crash, a hang, or fewer rows than the file says."""
    raw = bytearray(table([*SIMPLE, ("GHI", "M", 10, 0)], [b" " + b"HS0001abcd" + b"   12" + b"         1"] * 3, version=0x83))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw
    (tmp_path / "x.dbf").write_bytes(bytes(raw))
    (tmp_path / "x.dbt").write_bytes(b"\0" * 512 + data.draw(st.binary(max_size=60)))
    source = opened(tmp_path)
    try:
        shape = source.shape("x")
        frame = source.read("x", (), WHOLE, [column.name for column in shape.columns])
    except HopNhatError as error:
        said = str(error)
    else:
        assert isinstance(frame, pa.Table)
        assert frame.num_rows == source.count("x")
        assert frame.num_rows + source.deleted("x") == shape.row_estimate
        frame.validate(full=True)
        said = "x.dbf"
    assert "x.db" in said
