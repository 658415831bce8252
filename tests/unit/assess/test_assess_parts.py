"""The parts of an assessment that need no source: exact counts over hashes, masking, sniffing, words, drafts."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hopnhat.assess.command import run_command
from hopnhat.assess.draft import quoted, system_id
from hopnhat.assess.judge import verdict
from hopnhat.assess.masking import form_of, shown_key, shown_value
from hopnhat.assess.sniff import sniff
from hopnhat.assess.spool import Spool
from hopnhat.assess.unreadable import UnreadableError, unreadable
from hopnhat.assess.wording import made, words_of
from hopnhat.model.errors import SourceUnavailableError
from hopnhat.report.reasons import reasons


@given(st.lists(st.integers(0, 30), max_size=80), st.lists(st.integers(0, 30), max_size=80))
@settings(max_examples=40)
def test_spooled_counts_are_exact(mine: list[int], theirs: list[int]) -> None:
    def spooled(values: list[int], spool: Spool) -> Spool:
        spread = [value * 0x9E3779B97F4A7C15 % (1 << 64) for value in values]  # over all buckets
        spool.add(np.array(spread[:40], np.uint64), 0)
        spool.add(np.array(spread[40:], np.uint64), 1)
        return spool

    with Spool() as one, Spool() as two:
        spooled(mine, one)
        spooled(theirs, two)
        counts = Counter(mine)
        distinct, rows, shown = one.repeated(3)
        assert (distinct, rows) == (len(counts), sum(n for n in counts.values() if n > 1))
        assert len(shown) == min(3, sum(n > 1 for n in counts.values()))
        lost, some = one.absent_from(two, 5)
        assert lost == sum(n for value, n in counts.items() if value not in theirs)
        assert len(some) <= 5


@given(st.text(max_size=80))
def test_the_form_of_a_value_keeps_no_word_and_no_number(text: str) -> None:
    shape = form_of(text)
    assert not any(char.isalpha() and char not in "aA" for char in shape)
    assert not any(char.isdigit() and char != "9" for char in shape)


def test_masking_by_meaning() -> None:
    assert shown_value(None, "001085012345", "person_id", None) == "001******345"
    assert shown_value(None, "Nguyễn Thị Hường", "name", None) == "N. T. H."
    assert shown_value(None, "Nguyễn Thị Hường", "", None) == form_of("Nguyễn Thị Hường")
    assert "Láng" not in shown_value(None, "Số 5 đường Láng", "unit", None)
    assert shown_value(None, "00001", "place", None) == "00001"
    assert shown_key("17|H26.29-250601-0001") == "17|H26.29-250601-0001"
    assert "0912345678" not in shown_key("0912345678")
    assert "Hường" not in shown_key("Hường|12")


@pytest.mark.parametrize(
    ("name", "head", "technology"),
    [
        ("a.dat", b"SQLite format 3\0" + bytes(80), "sqlite"), ("a.mdb", b"\0\1\0\0Standard Jet DB\0", "access"), ("a.csv", "mã,tên\n1,ấ\n".encode(), "csv"),
        ("a.txt", "mã;tên\n1;ấ\n".encode("utf-16"), "csv"), ("a.xml", b"<?xml version='1.0'?><r/>", "xml"), ("a.jsonl", b'{"a": 1}\n', "jsonl"),
        ("a.csv", "họ tên|đ\nNguy\xadễn|1\n".encode(), "csv"), ("a.xls", b"\xd0\xcf\x11\xe0" + bytes(600), "excel"),
    ],
)  # fmt: skip
def test_files_are_known_by_their_content(tmp_path: Path, name: str, head: bytes, technology: str) -> None:
    (tmp_path / name).write_bytes(head)
    assert sniff(tmp_path / name).technology == technology


def test_delimiters_and_missing_headers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for sign, option in ((";", ";"), ("\t", "tab"), ("|", "|")):
        path.write_text(sign.join(("mã", "tên, đệm", "ngày")) + "\n" + sign.join(("1", "a, b", "c")) + "\n", encoding="utf-8")
        assert sniff(path).options == {"delimiter": option}
    path.write_text("H26-250601-0001,2024-05-06,001085012345\n", encoding="utf-8")
    assert sniff(path).options == {"header_row": 0, "columns": ["cot_1", "cot_2", "cot_3"]}


@given(raw=st.binary(max_size=3_000), end=st.sampled_from(["csv", "dbf", "xlsx", "xls", "sqlite", "jsonl", "xml", "dat"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_a_code_and_never_an_exception(tmp_path: Path, raw: bytes, end: str) -> None:
    path = tmp_path / f"a.{end}"
    path.write_bytes(raw)
    said: list[str] = []
    code = run_command(None, path, tmp_path / "out", None, None, None, said.append, said.append)
    assert code in (0, 1, 2, 3)
    assert said


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_damaged_text_files_give_a_code_and_never_an_exception(tmp_path: Path, kind: str) -> None:
    chance = random.Random(20250701)
    rows = [{"MaHoSo": f"H26-250601-{n:04d}", "ChuHoSo": "Nguyễn Văn Đạt", "TrangThai": str(n % 3), "NgayNhan": "2024-05-06"} for n in range(40)]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows] if kind == "jsonl" else ["MaHoSo,ChuHoSo,TrangThai,NgayNhan", *(",".join(row.values()) for row in rows)]
    sound = "\n".join(lines).encode()
    path, codes = tmp_path / f"a.{kind}", set[int]()
    for damage in range(25):
        raw = bytearray(sound)
        for _ in range(damage):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        path.write_bytes(bytes(raw))
        codes.add(run_command(None, path, tmp_path / "out", None, None, None, lambda _: None, lambda _: None))
    assert codes <= {0, 1, 2, 3}
    assert len(codes) > 1


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
def test_names_of_a_draft_read_back_as_they_are(name: str) -> None:
    assert yaml.safe_load(f"a: {quoted(name)}\n") == {"a": name}
    assert yaml.safe_load(f"{quoted(name)}: 1\n") == {name: 1}
    assert re.fullmatch(r"[a-z][a-z0-9_]{1,40}", system_id(name))


def test_the_worst_finding_decides() -> None:
    note, fix, stop = made("rows-same", "t", "", 1, 2, ""), made("zero-date", "t", "c", 1, 2, ""), made("table-gone", "t", "", 0, 0, "")
    assert [verdict(found) for found in ([], [note], [note, fix], [fix, stop])] == ["GO", "GO", "FIX FIRST", "BLOCKED"]


def test_every_reason_of_the_transforms_has_words_and_a_weight() -> None:
    for code in reasons():
        said = words_of(code)
        assert said.title
        assert said.severity in ("stop", "fix", "note")


def test_the_reader_s_error_is_kept_for_the_retry_policy() -> None:
    error = SourceUnavailableError("the server does not answer or dropped the connection (code 2013)")
    told = unreadable(error, "he_thu")
    assert isinstance(told, UnreadableError)
    assert told.reader is error
    assert "máy chủ không trả lời" in str(told)
