"""The grammar: separators, type words and their abbreviations by position, number wards, notes, two addresses in a cell."""

from __future__ import annotations

import pytest

from mappings.units.registry import load_registry
from transforms.addresses import addresses, chunks
from transforms.match_keys import canonical
from transforms.units_index import index_of, known_names


def read(text: str) -> list[tuple[str, str]]:
    known = known_names(index_of(load_registry()))
    return [(chunk.level, chunk.key) for part in addresses(text)[:1] for chunk in chunks(part, known)]


def expect(*pairs: tuple[str, str]) -> list[tuple[str, str]]:
    return [(level, canonical(name)) for level, name in pairs]


TRIPLE = expect(("commune", "tân huề"), ("district", "thanh bình"), ("province", "đồng tháp"))


@pytest.mark.parametrize(
    "text",
    [
        "Xã Tân Huề, Huyện Thanh Bình, Tỉnh Đồng Tháp",
        "xã Tân Huề huyện Thanh Bình tỉnh Đồng Tháp",
        "X.Tân Huề, H.Thanh Bình, T.Đồng Tháp",
        "X. Tân Huề H. Thanh Bình T. Đồng Tháp",
        "Xã Tân Huề - Huyện Thanh Bình - Tỉnh Đồng Tháp",
        "Xã Tân Huề | Huyện Thanh Bình / Tỉnh Đồng Tháp",
        "Xã Tân Huề\nHuyện Thanh Bình\nTỉnh Đồng Tháp",
        "Xã Tân Huề, Huyện Thanh Bình, Tỉnh Đồng Tháp, Việt Nam",
        "Xã Tân Huề, Huyện Thanh Bình, Tỉnh Đồng Tháp #KH00123",
        "Xã Tân Huề, Huyện Thanh Bình, Tỉnh Đồng Tháp SĐT 0912.345.678 gọi trước",
        "Xã Tân Huề, Huyện Thanh Bình, Tỉnh Đồng Tháp [địa chỉ cũ]",
    ],
)
def test_one_address_in_many_hands(text: str) -> None:
    assert read(text) == TRIPLE


@pytest.mark.parametrize("ward", ["P.1", "P1", "P 01", "F.1", "f01", "Phường 01", "Phường số 1", "Phường I", "phuong 1"])
def test_number_wards(ward: str) -> None:
    assert read(f"{ward}, Quận 3")[0] == ("commune", "1")


def test_dashes_inside_names_do_not_cut() -> None:
    read_names = read("Phường Văn Miếu - Quốc Tử Giám, Tỉnh Bà Rịa - Vũng Tàu")
    assert read_names == expect(("commune", "văn miếu quốc tử giám"), ("province", "bà rịa vũng tàu"))


def test_a_name_that_begins_like_a_type_word_is_a_name() -> None:
    assert read("Phú Xuân, Quan Hóa, Thanh Hóa") == expect(("", "phú xuân"), ("", "quan hóa"), ("", "thanh hóa"))


def test_house_street_and_hamlet_are_details() -> None:
    levels = [level for level, _ in read("Số 5 ngõ 3, đường Lê Lợi, thôn Đoài, Tổ 4, Xã Tân Huề")]
    assert levels == ["detail"] * 4 + ["commune"]


def test_two_addresses_in_one_cell() -> None:
    assert len(addresses("Xã Phú Sơn, Huyện Gia Lâm, Hà Nội (nay là xã Gia Lâm, TP Hà Nội)")) == 2
    assert len(addresses("Phường A, Hà Nội, trước đây là xã B, huyện C")) == 2
    assert len(addresses("Xã Tân Huề, Huyện Thanh Bình (địa chỉ thường trú)")) == 1


def test_nothing_is_no_address() -> None:
    assert addresses("") == () == addresses(" - ")
