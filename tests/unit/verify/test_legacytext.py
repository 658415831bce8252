"""The prover's own reading of legacy bytes: certain or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopnhat.verify.legacytext import decoded


@pytest.mark.parametrize(
    ("raw", "encoding", "text"),
    [
        (b"Huy\xd6n Thanh Tr\xd7", "tcvn3", "Huyện Thanh Trì"),
        (b"Th\xad\xeang T\xddn", "tcvn3", "Thường Tín"),
        (b"a\xf9", "vni", "á"),
        (b"\xff\xff", "tcvn3", None),
        ("Đã trả".encode(), "utf-8", None),
        (b"x", "no-such-encoding", None),
    ],
)
def test_bytes_are_read_by_the_table_or_not_at_all(raw: bytes, encoding: str, text: str | None) -> None:
    assert decoded("hex:" + raw.hex().upper(), encoding) == text


@given(st.binary(max_size=20))
def test_any_bytes_give_text_or_none(raw: bytes) -> None:
    found = decoded("hex:" + raw.hex(), "tcvn3")
    assert found is None or len(found) <= len(raw)


def test_only_marked_values_are_touched() -> None:
    assert decoded("Thanh", "tcvn3") is None
