"""Fingerprints tell different rows apart, equal ones together, however the rows were cut into chunks; keys are storable text."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.fingerprints import fingerprint, source_keys, text_fingerprint

VALUE = st.one_of(st.none(), st.binary(max_size=6))
ROWS = st.lists(st.tuples(VALUE, VALUE, VALUE), max_size=20)
NAMES = ("a", "b", "c")


def frame(rows: list[tuple[bytes | None, ...]], names: tuple[str, ...] = NAMES) -> pa.Table:
    return pa.table({name: pa.array([row[i] for row in rows], pa.binary()) for i, name in enumerate(names)})


def prints(rows: list[tuple[bytes | None, ...]]) -> list[int]:
    return fingerprint(frame(rows), NAMES).to_pylist()


def test_the_border_between_values_counts() -> None:
    found = prints([(b"ab", b"c", b""), (b"a", b"bc", b""), (b"", b"abc", b""), (b"abc", b"", b"")])
    assert len(set(found)) == 4


def test_null_is_not_empty() -> None:
    found = prints([(None, b"", b"x"), (b"", None, b"x"), (b"", b"", b"x"), (None, None, b"x"), (b"", b"x", None)])
    assert len(set(found)) == 5


@settings(max_examples=200)
@given(ROWS)
def test_equal_rows_and_no_others_share_a_fingerprint(rows: list[tuple[bytes | None, ...]]) -> None:
    found = prints(rows)
    assert len(set(found)) == len(set(rows))
    assert {row: one for row, one in zip(rows, found, strict=True)} == dict(zip(rows, found, strict=True))
    assert all(-(2**63) <= one < 2**63 for one in found)


@settings(max_examples=100)
@given(ROWS, st.integers(0, 20), st.integers(1, 7))
def test_chunks_do_not_matter(rows: list[tuple[bytes | None, ...]], start: int, size: int) -> None:
    whole = frame(rows)
    cut = pa.concat_tables([whole.slice(at, size) for at in range(0, len(rows), size)]) if rows else whole
    assert fingerprint(cut, NAMES).to_pylist() == prints(rows)
    assert fingerprint(whole.slice(start), NAMES).to_pylist() == prints(rows)[start:]


def test_the_order_of_the_columns_is_part_of_it() -> None:
    one = frame([(b"a", b"b", b"c")])
    assert fingerprint(one, ("a", "b", "c")) != fingerprint(one, ("b", "a", "c"))


def test_the_recipe_stays() -> None:
    """Stored in every published row: if these change, every row of every installation counts as changed."""
    assert prints([(b"1", "Nguyễn Văn Đường".encode(), None), (b"", b"", b"")]) == [-6685083613060229333, 3244421341483603138]
    assert text_fingerprint("xã Cát Quế") == -1704822633782162490


def test_no_rows_and_no_columns() -> None:
    assert fingerprint(frame([]), NAMES).to_pylist() == []
    assert fingerprint(frame([(b"a", b"b", b"c")]), ()).to_pylist() == [0]


def test_a_single_key_is_its_text_without_padding() -> None:
    assert source_keys(frame([(b"HS-1  ", b"", b""), (b" HS-2", b"", b""), (None, b"", b"")]), ["a"]).to_pylist() == ["HS-1", " HS-2", None]


def test_a_row_number_is_a_key() -> None:
    assert source_keys(pa.table({"_row": pa.array([6, 7])}), ["_row"]).to_pylist() == ["6", "7"]


def test_parts_of_a_key_are_joined() -> None:
    assert source_keys(frame([(b"2024", b"17", b""), (None, b"17", b"")]), ["a", "b"]).to_pylist() == ["2024|17", "|17"]


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=8), min_size=1, max_size=10))
def test_every_key_can_be_stored(values: list[bytes]) -> None:
    keys = source_keys(frame([(v, b"", b"") for v in values]), ["a"]).to_pylist()
    for key in keys:
        assert "\x00" not in key  # PostgreSQL cannot hold it
        assert key.encode("utf-8").decode("utf-8") == key


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=4), min_size=1, max_size=10), st.binary(max_size=4))
def test_a_key_does_not_depend_on_its_neighbours(values: list[bytes], other: bytes) -> None:
    alone = [source_keys(frame([(v, b"", b"")]), ["a"]).to_pylist()[0] for v in values]
    together = source_keys(frame([(v, b"", b"") for v in [*values, other]]), ["a"]).to_pylist()
    assert together[:-1] == alone


@pytest.mark.parametrize(("one", "other"), [(b"H\xe5 1", b"H\xe6 1"), (b"\xff", b"\xfe"), (b"a\x00", b"a")])
def test_bytes_that_are_no_text_stay_apart(one: bytes, other: bytes) -> None:
    keys = source_keys(frame([(one, b"", b""), (other, b"", b"")]), ["a"]).to_pylist()
    assert keys[0] != keys[1]


@given(st.text(max_size=10), st.text(max_size=10))
def test_texts_have_fingerprints_of_their_own(one: str, other: str) -> None:
    assert (text_fingerprint(one) == text_fingerprint(other)) == (one == other)
