"""JSON lines, XML and fixed width: exact values, clear errors with the place, no bombs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hopnhat.extract import spool
from hopnhat.extract.contract import KeyRange, Source
from hopnhat.extract.spool import Spool
from hopnhat.extract.technologies import TECHNOLOGIES, open_source
from hopnhat.model.errors import HopNhatError, MappingError, SourceDriftError

WHOLE = KeyRange(0, None, None)


def opened(path: Path, technology: str, **options: object) -> Source:
    return open_source(technology, str(path), {"system": "s", **options})


def rows(path: Path, technology: str, wanted: list[str], **options: object) -> list[dict[str, object]]:
    return list(opened(path, technology, **options).read(path.stem, (), WHOLE, wanted).to_pylist())


def test_json_numbers_keep_the_digits_they_were_written_with(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a":1.10,"b":38001000123,"c":{"z":[1.0,null,"é",1e5]}}\n\n{"a":12345678901234567890.1234567890,"b":true}', encoding="utf-8")
    assert rows(path, "jsonl", ["a", "b", "c"]) == [
        {"_row": 1, "a": b"1.10", "b": b"38001000123", "c": '{"z":[1.0,null,"é",1e5]}'.encode()},
        {"_row": 3, "a": b"12345678901234567890.1234567890", "b": b"1", "c": None},
    ]


@pytest.mark.parametrize("line", [b"{", b"[1]", b'{"a":1,"a":2}', b"\xff", b'{"a":' + b"[" * 100_000], ids=["cut", "list", "twice", "bytes", "deep"])
def test_bad_json_line_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a":1}\n' + line + b"\n")
    with pytest.raises(SourceDriftError, match=r"a\.jsonl: line 2"):
        rows(path, "jsonl", ["a"])


def test_xml_attributes_nesting_repeats_and_nil(tmp_path: Path) -> None:
    path = tmp_path / "a.edxml"
    path.write_text(
        '<e:edXML xmlns:e="urn:e" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:H id="7"><e:To><e:Id>00.1</e:Id></e:To>'
        '<e:To><e:Id>H26</e:Id></e:To><e:Code/><e:Due xsi:nil="true"/><e:S k="v"> x </e:S></e:H></e:edXML>', encoding="utf-8",
    )  # fmt: skip
    names = [column.name for column in opened(path, "xml", record="H").shape("a").columns]
    (row,) = rows(path, "xml", names, record="H")
    assert {name: row[name] for name in ("@id", "To/Id", "To[2]/Id", "Code", "Due", "S", "S/@k")} == {
        "@id": b"7", "To/Id": b"00.1", "To[2]/Id": b"H26", "Code": b"", "Due": None, "S": b" x ", "S/@k": b"v",
    }  # fmt: skip


BOMB = '<!DOCTYPE r [<!ENTITY a "ha">' + "".join(f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(9)) + "]><r><h>&j;</h></r>"


@pytest.mark.parametrize(
    "text", [BOMB, '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r><h>&x;</h></r>', "<r><h>", "<r><h>&undefined;</h></r>", "", "<r>\x00</r>"],
    ids=["billion laughs", "external entity", "cut off", "unknown entity", "empty", "nul"],
)  # fmt: skip
def test_hostile_or_broken_xml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceDriftError, match=r"a\.xml"):
        rows(path, "xml", ["h"])


def test_deeply_nested_xml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<a>" * 5000 + "</a>" * 5000, encoding="utf-8")
    with pytest.raises(SourceDriftError, match="nests deeper"):
        rows(path, "xml", ["a"])


def test_fixed_width_bytes_and_a_line_of_another_length(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    fields = [{"name": "ma", "width": 3}, {"name": "so", "start": 5, "width": 2}]
    path.write_bytes(b"abc.12\r\n\xb8b .34\r\nxyz.56")
    assert [row["ma"] for row in rows(path, "fixed", ["ma"], fields=fields)] == [b"abc", b"\xb8b ", b"xyz"]
    assert [row["so"] for row in rows(path, "fixed", ["so"], fields=fields)] == [b"12", b"34", b"56"]
    path.write_bytes(b"abc.12\nab.12\nabc.12\n")
    with pytest.raises(SourceDriftError, match="line 2 has 6 bytes instead of 7"):
        rows(path, "fixed", ["ma"], fields=fields)
    with pytest.raises(MappingError):
        opened(path, "fixed")


def test_columns_that_appear_late_are_absent_before(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    late = ',"moi":1'
    path.write_text("".join(f'{{"k":{n}{late if n > 25_000 else ""}}}\n' for n in range(30_000)))
    source = opened(path, "jsonl")
    assert [column.name for column in source.shape("a").columns] == ["k", "moi"]
    parts = [source.read("a", (), part, ["moi"]) for part in source.ranges("a", (), 7_000)]
    assert sum(part.num_rows for part in parts) == 30_000
    assert sum(part.column("moi").null_count for part in parts) == 25_001


@given(
    records=st.lists(st.dictionaries(st.sampled_from(["a", "b", "_row", "c0"]), st.none() | st.binary(max_size=3)), max_size=30),
    start=st.integers(0, 30), stop=st.integers(0, 31),
)  # fmt: skip
def test_spool_gives_back_what_it_got(records: list[dict[str, bytes | None]], start: int, stop: int) -> None:
    kept = spool._BATCH
    try:
        spool._BATCH = 4
        made = Spool(enumerate(records, start=1))
    finally:
        spool._BATCH = kept
    table = made.read(start, stop, ["a", "b", "c0"])
    assert [tuple(record.get(name) for name in ("a", "b", "c0")) for record in records[start : max(start, stop)]] == [
        (row["a"], row["b"], row["c0"]) for row in table.to_pylist()
    ]
    made.close()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_give_rows_or_a_clear_error(tmp_path: Path, data: st.DataObject) -> None:
    technology = data.draw(st.sampled_from(["jsonl", "xml", "fixed"]))
    seed = {"jsonl": b'{"a":1,"b":null}\n{"a":"x"}\n', "xml": b'<?xml version="1.0"?><r><h a="1"><b>x</b></h></r>', "fixed": b"abc12\nabc34\n"}[technology]
    raw = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    path = tmp_path / ("x" + {"jsonl": ".jsonl", "xml": ".xml", "fixed": ".txt"}[technology])
    path.write_bytes(bytes(raw))
    options: dict[str, object] = {"fields": [{"name": "a", "width": 3}]} if technology == "fixed" else {}
    said = path.name
    try:
        source = opened(path, technology, **options)
        names = [column.name for column in source.shape("x").columns]
        assert source.read("x", (), WHOLE, names).num_rows == source.count("x")
    except HopNhatError as error:
        said = str(error)
    assert path.name in said


def test_every_technology_opens_lazily_and_refuses_unknown_options(tmp_path: Path) -> None:
    needed = {"rest": {"tables": ["x"]}, "fixed": {"fields": [{"name": "a", "width": 1}]}}
    for technology in TECHNOLOGIES:
        url = f"{technology}://u:p@127.0.0.1:1/x" if technology in ("mysql", "mariadb", "postgres", "postgresql", "mssql", "oracle") else str(tmp_path / "x")
        open_source(technology, url, needed.get(technology)).close()
        with pytest.raises(MappingError, match="lung_tung"):
            open_source(technology, url, {**needed.get(technology, {}), "lung_tung": 1})
    with pytest.raises(MappingError, match="foxbase"):
        open_source("foxbase", "x")
