"""CSV: record boundaries found without parsing agree with a parser's, whatever stands in the cells."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hopnhat.extract import csv_rows
from hopnhat.extract.contract import KeyRange, Source
from hopnhat.extract.technologies import open_source
from hopnhat.model.errors import HopNhatError, MappingError, SourceDriftError

WHOLE = KeyRange(0, None, None)


def opened(path: Path, **options: object) -> Source:
    return open_source("csv", str(path), {"system": "xa", **options})


def rows(path: Path, wanted: list[str], **options: object) -> list[dict[str, object]]:
    return list(opened(path, **options).read(path.stem, (), WHOLE, wanted).to_pylist())


def test_null_and_empty_text_are_kept_apart_and_bytes_untouched(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'x,y\n\xb8\xb5,\n"",00123\n')
    assert rows(path, ["x", "y"]) == [{"_row": 2, "x": b"\xb8\xb5", "y": None}, {"_row": 3, "x": b"", "y": b"00123"}]


def test_multi_line_cells_blank_lines_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfx;y\r\n"a\r\nb";"c""d"\r\n\r\n1;2')
    assert rows(path, ["x", "y"], delimiter=";") == [{"_row": 2, "x": b"a\r\nb", "y": b'c"d'}, {"_row": 4, "x": b"1", "y": b"2"}]
    assert opened(path, delimiter=";").count("a") == 2


def test_utf_16_of_a_spreadsheet_is_transcoded_and_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Họ tên\tSố\nNguyễn\t001\n".encode("utf-16"))
    frame = opened(path, delimiter="tab").read("a", (), WHOLE, ["Họ tên", "Số"])
    assert frame.to_pylist() == [{"_row": 2, "Họ tên": "Nguyễn".encode(), "Số": b"001"}]
    assert frame.schema.field("Số").metadata == {b"transport": b"text"}


@pytest.mark.parametrize("name", ["a.tsv", "a.tab", "a.csv"])
@pytest.mark.parametrize(
    ("codec", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "UTF_16_BE"),
        ("utf-32", ""),
        ("utf-16", "utf-16"),
    ],
)
def test_every_unicode_form_by_its_mark_or_as_declared(tmp_path: Path, name: str, codec: str, declared: str) -> None:
    path, delimiter = tmp_path / name, "," if name == "a.csv" else "\t"
    path.write_bytes(f'Họ tên{delimiter}Số\r\n"Nguyễn\n{delimiter}Ổn"{delimiter}001\r\n'.encode(codec))
    options = {"encoding": declared} if declared else {}
    assert rows(path, ["Họ tên", "Số"], **options) == [{"_row": 2, "Họ tên": f"Nguyễn\n{delimiter}Ổn".encode(), "Số": b"001"}]


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_utf_16_cut_off_inside_a_letter_is_told(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("Họ tên,Số\nNguyễn,001\n".encode("utf-16")[:-cut])
    with pytest.raises(SourceDriftError, match=r"a\.csv: is no sound utf-16 text"):
        rows(path, ["Số"])


def test_utf_16_without_a_mark_is_told_how_to_declare_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("So,Ten\n1,x\n".encode("utf-16-le"))
    with pytest.raises(SourceDriftError, match="utf-16-le"):
        rows(path, ["So"])


def test_header_deeper_down_and_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"UBND xa\n\nx,y\n1,2\n")
    assert rows(path, ["x"], header_row=3) == [{"_row": 4, "x": b"1"}]
    path.write_bytes(b"1,2\n3,4\n")
    assert rows(path, ["b"], header_row=0, columns=["a", "b"]) == [{"_row": 1, "b": b"2"}, {"_row": 2, "b": b"4"}]
    with pytest.raises(MappingError):
        opened(path, header_row=0)


@pytest.mark.parametrize(("line", "cells"), [(b"1,2,3", 3), (b"1", 1)])
def test_ragged_row_is_named_by_its_number_and_not_quoted(tmp_path: Path, line: bytes, cells: int) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x,y\n1,2\n\n" + line + b"\n5,6\n")
    with pytest.raises(SourceDriftError, match=f"row 4 has {cells} cells instead of 2"):
        rows(path, ["x"])


def test_file_cut_off_inside_a_quoted_cell_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'x,y\n1,2\n3,"bi cat\n4,5\n')
    with pytest.raises(SourceDriftError, match="quoted cell that opens in row 3"):
        rows(path, ["x"])


def test_stray_quotes_inside_unquoted_cells_are_letters(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'x,y\nong 12" dai,"q,""r"""\nong 5",3\n')
    assert rows(path, ["x", "y"]) == [{"_row": 2, "x": b'ong 12" dai', "y": b'q,"r"'}, {"_row": 3, "x": b'ong 5"', "y": b"3"}]


def test_records_longer_than_a_parser_block_and_ragged_rows_far_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    long = b"x" * (9 << 20)
    path.write_bytes(b'x,y\n1,"' + long + b'"\n2,b\n')
    assert [row["y"] for row in rows(path, ["y"])] == [long, b"b"]
    path.write_bytes(b"x,y\n" + b"1,2345678\n" * 900_000 + b"cut\n" + b"1,2\n" * 10)
    with pytest.raises(SourceDriftError, match="row 900002 has 1 cells instead of 2"):
        opened(path).read("a", (), WHOLE, ["x"])


def test_empty_file_has_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"")
    with pytest.raises(SourceDriftError, match="no header row"):
        rows(path, ["x"])


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=12)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=TABLES, window=st.integers(1, 40), step=st.integers(1, 5), rows_each=st.integers(1, 5))
def test_any_table_comes_back_through_ranges(tmp_path: Path, table: list[list[str]], window: int, step: int, rows_each: int) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["a", "b"], *table])
    path = tmp_path / "t.csv"
    path.write_bytes(text.getvalue().encode())
    kept = csv_rows._WINDOW
    try:
        csv_rows._WINDOW = window
        source = opened(path)
        found = [row for part in source.ranges("t", (), rows_each) for row in source.read("t", (), part, ["a", "b"]).to_pylist()]
    finally:
        csv_rows._WINDOW = kept
    assert [[row["a"].decode(), row["b"].decode()] for row in found] == table
    assert [row["_row"] for row in found] == list(range(2, len(table) + 2))
    data = numpy.frombuffer(path.read_bytes(), numpy.uint8)
    assert csv_rows.layout(data, 0, ord(","), ord('"'), step).records == len(table) + 1


@settings(max_examples=400)
@given(
    raw=st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b'"x"', b",", b'""']), max_size=30).map(b"".join), window=st.integers(1, 7)
)
def test_records_are_the_same_whatever_the_window(raw: bytes, window: int) -> None:
    """Newlines and their halves, and quotes, lie on both sides of a window's edge."""
    data, kept = numpy.frombuffer(raw, numpy.uint8), csv_rows._WINDOW

    def found(size: int) -> csv_rows.Layout | int:
        csv_rows._WINDOW = size
        try:
            return csv_rows.layout(data, 0, ord(","), ord('"'), 1)
        except csv_rows.UnclosedQuoteError as error:
            return error.record
        finally:
            csv_rows._WINDOW = kept

    assert found(window) == found(1 << 18)
    if b'"' not in raw:
        layout = found(window)
        lines = raw.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert isinstance(layout, csv_rows.Layout)
        assert layout.records == len(lines) - (lines[-1] == "")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=60) | st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"a", b'""', b"\xff"]), max_size=30).map(b"".join))
def test_any_bytes_give_rows_or_a_clear_error(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(raw)
    source = opened(path)
    try:
        names = [column.name for column in source.shape("f").columns]
        frame = source.read("f", (), WHOLE, names)
    except HopNhatError as error:
        said = str(error)
    else:
        assert frame.num_rows == source.count("f")
        said = "f.csv"
    assert "f.csv" in said
