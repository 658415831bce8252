"""What a report may show of a person: never enough to know who it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopnhat.report.mask import HIDDEN, commune_part, ends, initials, masked, scrubbed
from mappings.spec import DomainColumn


def column(kind: str, pii: str) -> DomainColumn:
    return DomainColumn.model_validate({"kind": kind, "label": "x", "pii": pii})


@pytest.mark.parametrize(
    ("kind", "pii", "value", "shown"),
    [
        ("name", "basic", "Nguyễn Thị Hương", "N. T. H."),
        ("person_id", "basic", "001085012345", "001******345"),
        ("person_id", "basic", "0010", "****"),
        ("phone", "basic", "0912345678", "*******678"),
        ("text", "basic", "Xin cấp giấy khai sinh cho con", "(dữ liệu cá nhân, 30 ký tự)"),
        ("text", "sensitive", "Kinh", HIDDEN),
        ("timestamp", "none", "31/02/2024", "31/02/2024"),
        ("dossier_no", "none", "H26.31.8-240105-0001", "H26.31.8-240105-0001"),
        ("text", "none", "ông A 001085012345", "ông A 001******345"),
    ],
)
def test_values_are_shown_as_the_class_of_their_column_allows(kind: str, pii: str, value: str, shown: str) -> None:
    assert masked(value, column(kind, pii)) == shown


def test_a_column_nobody_declared_counts_as_personal() -> None:
    assert masked("Nguyễn Văn An", None) == HIDDEN


@given(st.from_regex(r"\A(\d{9}|\d{12})\Z"))
def test_no_identity_number_survives_in_free_text(number: str) -> None:
    shown = scrubbed(f"Số {number}, cấp năm 2020")
    assert number not in shown
    assert not re.search(r"\d{7,}", shown)


@given(st.text(alphabet="0123456789", min_size=9, max_size=12))
def test_ends_keep_at_most_six_digits(number: str) -> None:
    assert sum(c.isdigit() for c in ends(number, 3, 3)) <= 6


@given(st.lists(st.text(alphabet="ABCĐGHKLMNPQRSTVXYabcdeghiklmnopqrstuvxyăâđêôơư", min_size=2, max_size=8), min_size=1, max_size=5))
def test_initials_hold_no_whole_word(words: list[str]) -> None:
    assert not any(word in initials(" ".join(words)) for word in words)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("Số 5 ngõ 12 Đội Cấn, tổ 3, phường Cống Vị, quận Ba Đình, Hà Nội", "phường Cống Vị, quận Ba Đình, Hà Nội"),
        ("12 Láng Hạ, Q. Đống Đa, TP Hà Nội", "Q. Đống Đa, TP Hà Nội"),
        ("nhà ông Bảy", HIDDEN),
        ("", HIDDEN),
    ],
)
def test_an_address_is_cut_to_its_commune(address: str, shown: str) -> None:
    assert commune_part(address) == shown
