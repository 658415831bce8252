"""Raw values as numbers: the same value has the same number, in whatever part and form it comes."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopnhat.verify.cells import Cells, plain_text

columns = st.lists(st.lists(st.one_of(st.none(), st.sampled_from([b"", b"a", b"b", b"\xff"]), st.binary(max_size=3))), min_size=1, max_size=4)


@given(columns, st.data())
def test_numbers_stand_for_the_values_they_were_made_of(parts: list[list[bytes | None]], data: st.DataObject) -> None:
    cells, numbers = Cells(), []
    for part in parts:
        plain = pa.array(part, pa.binary())
        column = plain.dictionary_encode() if data.draw(st.booleans()) else plain
        numbers.append(cells.numbered("s", column).to_pylist())
    with duckdb.connect() as db:
        cells.write(db, "s", "raw")
        meaning = dict(db.execute("select code, v from cell_s").fetchall())
    assert [[meaning[number] for number in found] for found in numbers] == parts
    assert len(set(meaning.values())) == len(meaning)


@pytest.mark.parametrize(
    ("keys", "plain"), [([b"1", None, "ố".encode()], True), ([b"1 "], False), ([b"a b"], False), ([b"a\x00"], False), ([b"\xff"], False), ([], True)]
)
def test_only_keys_that_need_no_respelling_are_taken_as_they_are(keys: list[bytes | None], plain: bool) -> None:
    column = pa.chunked_array([pa.array(keys, pa.binary())])
    text = plain_text(column)
    assert (text is not None) == plain
    if text is not None:
        assert text.cast(pa.binary()).to_pylist() == keys
