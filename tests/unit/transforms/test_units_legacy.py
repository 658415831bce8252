"""One value read without arrays is read as the column decoder reads it."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.byte_tables import ENCODINGS, letters
from transforms.encodings_codec import encode_text
from transforms.encodings_decode import decode
from transforms.units_legacy import reading

NAMES = [
    "Phường Trúc Bạch, Quận Ba Đình",
    "XÃ HOÀ MỸ",
    "Thị trấn Đắk R'Lấp",
    "Xã Nghĩa Hưng, Huyện Chương Mỹ, Hà Nội",
    "đường số 3?",
    "Ấp Ông Nô",
]
ALPHABET = "".join(letters()) + "abcghnt ABCĐ,.-?0123\xa0µ×Ã"


def as_misread(text: str, encoding: str) -> str | None:
    """What a driver shows of the text's bytes in an encoding, read as Windows-1252; None when it cannot be written."""
    if encoding == "mojibake":
        raw = text.encode()
    else:
        done = encode_text(pa.array([text]), encoding)
        if done.impossible[0]:
            return None
        raw = done.data[0].as_py()
    return "".join(char if (char := bytes([byte]).decode("cp1252", "replace")) != "\ufffd" else chr(byte) for byte in raw)


def by_column(text: str, encoding: str) -> str | None:
    raw = pa.array([text.encode("utf-8", "surrogatepass")], pa.binary())
    done = decode(raw, transport="text", encoding=encoding)
    return None if done.reject is not None and done.reject[0].as_py() else done.values[0].as_py()


def same(one: str | None, other: str | None) -> bool:
    """Equal but for capitals, which the column decoder gives back to TCVN3 text and no look-up needs."""
    return one == other or (one is not None and other is not None and one.casefold() == other.casefold())


@pytest.mark.parametrize("encoding", ["tcvn3", "vni", "viscii", "vps", "cp1258", "mojibake"])
def test_names_come_back(encoding: str) -> None:
    for name in NAMES:
        shown = as_misread(name, encoding)
        if shown is not None and shown != name:
            read = reading(shown, encoding)
            assert same(read, by_column(shown, encoding)), name
    assert reading(as_misread(NAMES[0], encoding) or "", encoding) is not None


@pytest.mark.parametrize("encoding", [*ENCODINGS, "mojibake"])
@given(text=st.text(st.sampled_from(ALPHABET), max_size=24), written=st.sampled_from([*ENCODINGS, "mojibake", "utf-8"]))
@settings(max_examples=150)
def test_equals_the_column_decoder(encoding: str, text: str, written: str) -> None:
    shown = text if written == "utf-8" else as_misread(text, written)
    if shown is not None:
        assert same(reading(shown, encoding), by_column(shown, encoding))


@pytest.mark.parametrize("encoding", [*ENCODINGS, "mojibake"])
@given(text=st.text(st.characters(max_codepoint=0x2300, exclude_categories=["Cs"]), max_size=8))
@settings(max_examples=150)
def test_equals_the_column_decoder_on_any_text(encoding: str, text: str) -> None:
    assert same(reading(text, encoding), by_column(text, encoding))


def test_lost_letters_are_not_guessed() -> None:
    assert reading("Ph?êng Tróc B¹ch", "tcvn3") is None
    assert reading("Ph\u00ad\u00eang Tr\u00f3c B\u00b9ch", "tcvn3") == "Phường Trúc Bạch"
