"""Numbers of persons, dossiers, procedures and taxpayers: kept, normalised where provable, doubted aloud."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.codelists import personal_id_provinces, phone_prefixes, sentinels
from transforms.columns import Converted
from transforms.identifiers import (
    dossier_numbers,
    personal_ids,
    phones,
    procedure_codes,
    tax_checksum_holds,
    tax_codes,
)

EMPTY = pa.array(["", "  ", None], pa.string())


def first(done: Converted) -> tuple[str | None, str | None]:
    assert done.reject is None, "an identifier never rejects a row"
    return done.values[0].as_py(), None if done.warn is None else done.warn[0].as_py()


@pytest.mark.parametrize(
    ("value", "number", "warn", "kind"),
    [
        ("001088012345", "001088012345", None, "cccd"), ("123456788", "123456788", None, "cmnd"), ("B1234567", "B1234567", None, "passport"),
        ("001 088 012 345", "001088012345", None, "cccd"), ("'001088012345", "001088012345", None, "cccd"),
        ("001.088.012.345\u200b", "001088012345", None, "cccd"), ("c1234567", "C1234567", None, "passport"),
        ("1088012345", "1088012345", "id-length", None), ("01088012345", "001088012345", "id-zero-restored", "cccd"),
        ("12345677", "012345677", "id-zero-restored", "cmnd"), ("99988012345", "99988012345", "id-length", None),
        ("999088012345", "999088012345", "id-prefix", "cccd"), ("000000001", None, "id-sentinel", None), ("12345678", None, "id-sentinel", None),
    ],
)
def test_personal_ids(value: str, number: str | None, warn: str | None, kind: str | None) -> None:
    done = personal_ids(pa.array([value]))
    assert first(done) == (number, warn)
    assert done.kind.to_pylist() == [kind]
    assert done.unread.to_pylist() == [None]


@pytest.mark.parametrize(("value", "warn"), [("3.8E+10", "id-scientific"), ("chưa có", "id-unreadable"), ("CMND: ---", "id-unreadable")])
def test_what_is_no_number_is_kept_aside(value: str, warn: str) -> None:
    done = personal_ids(pa.array([value]))
    assert first(done) == (None, warn)
    assert done.unread.to_pylist() == [value]


def test_all_63_provinces_issue_personal_numbers() -> None:
    assert len(personal_id_provinces()) == 63
    done = personal_ids(pa.array([f"{prefix}088012345" for prefix in sorted(personal_id_provinces())]))
    assert done.warn is None
    assert done.kind.unique().to_pylist() == ["cccd"]


@pytest.mark.parametrize(
    ("value", "number", "warn"),
    [
        ("0912345678", "0912345678", None), ("0912.345.678", "0912345678", None), ("+84 912 345 678", "0912345678", None),
        ("84912345678", "0912345678", None), ("+84(0)912345678", "0912345678", None), ("912345678", "0912345678", "phone-zero-restored"),
        ("01621234567", "0321234567", "phone-renumbered"), ("1621234567", "0321234567", "phone-renumbered"),
        ("(024) 3825 1234", "02438251234", None), ("0912345678; 0983111222", "0912345678; 0983111222", "phone-several"),
        ("0912345678 - 0983111222", "0912345678; 0983111222", "phone-several"), ("0123456789", None, "phone-sentinel"),
        ("0912", "0912", "phone-unreadable"), ("gặp ông Ba", "gặp ông Ba", "phone-unreadable"),
    ],
)
def test_phones(value: str, number: str | None, warn: str | None) -> None:
    assert first(phones(pa.array([value]))) == (number, warn)


def test_every_prefix_of_2018_is_renumbered() -> None:
    assert len(phone_prefixes()) == 21
    done = phones(pa.array([f"{old}1234567" for old in phone_prefixes()]))
    assert done.values.to_pylist() == [f"{new}1234567" for new in phone_prefixes().values()]
    assert all(phones(done.values).values.to_pylist()[i] == number for i, number in enumerate(done.values.to_pylist()))


NATIONAL = ["H15.50.05.13-261008-0975", "000.A0.01.H26-210212-9090", "000.00.01.H26-210212-1", "G09.20-240229-123456", "H01-250701-0001"]


@pytest.mark.parametrize("number", NATIONAL)
def test_national_dossier_numbers_are_taken_as_they_are(number: str) -> None:
    assert first(dossier_numbers(pa.array([number]))) == (number, None)


@pytest.mark.parametrize(
    ("value", "number", "warn"),
    [
        (" H15-250701-0001\u00a0", "H15-250701-0001", None), ("12/2024", "12/2024", "dossier-number-local"),
        ("h15-250701-0001", "h15-250701-0001", "dossier-number-local"), ("H15-251301-0001", "H15-251301-0001", "dossier-number-date"),
        ("H15-250230-0001", "H15-250230-0001", "dossier-number-date"), ("CĐ 00012", "CĐ 00012", "dossier-number-local"),
    ],
)
def test_other_dossier_numbers_are_kept_verbatim(value: str, number: str, warn: str | None) -> None:
    assert first(dossier_numbers(pa.array([value, NATIONAL[0]]))) == (number, warn)


def test_procedure_codes_keep_their_suffix_and_show_the_national_code() -> None:
    done = procedure_codes(pa.array(["1.012766", "1.011442.000.00.00.H38", "2.000815.000.00.00.H55.02", "TT-01", None]))
    assert done.values.to_pylist() == ["1.012766", "1.011442.000.00.00.H38", "2.000815.000.00.00.H55.02", "TT-01", None]
    assert done.national.to_pylist() == ["1.012766", "1.011442", "2.000815", None, None]
    assert done.warn is not None
    assert done.warn.to_pylist() == [None, None, None, "procedure-code-local", None]


@pytest.mark.parametrize(
    ("value", "number", "warn"),
    [
        ("0100109106", "0100109106", None), ("0100109106-001", "0100109106-001", None), ("0100109106001", "0100109106-001", None),
        ("100109106", "0100109106", "tax-code-zero-restored"), ("0100109107", "0100109107", "tax-code-checksum"),
        ("001088012345", "001088012345", None), ("HKD 01R8017431", "HKD 01R8017431", "tax-code-unreadable"),
    ],
)
def test_tax_codes(value: str, number: str, warn: str | None) -> None:
    assert first(tax_codes(pa.array([value]))) == (number, warn)


@given(st.integers(0, 999_999_999))
def test_at_most_one_last_digit_makes_a_tax_code(stem: int) -> None:
    assert sum(tax_checksum_holds(f"{stem:09}{digit}") for digit in range(10)) <= 1


@pytest.mark.parametrize("convert", [personal_ids, phones, dossier_numbers, procedure_codes])
def test_empty_is_null_without_a_code(convert: object) -> None:
    done = convert(EMPTY)  # type: ignore[operator]
    assert done.values.to_pylist() == [None, None, None]
    assert done.reject is None
    assert done.warn is None


@given(st.lists(st.one_of(st.none(), st.text(max_size=14), st.from_regex(r"[0-9]{7,13}", fullmatch=True)), max_size=10))
def test_nothing_vanishes_silently(values: list[str | None]) -> None:
    column = pa.array(values, pa.string())
    for convert in (personal_ids, phones, dossier_numbers, procedure_codes, tax_codes):
        done = convert(column)
        assert len(done.values) == len(values)
        for i, value in enumerate(values):
            told = [reasons[i].as_py() for reasons in (done.reject, done.warn) if reasons is not None]
            if value and any(char.isalnum() for char in value) and done.values[i].as_py() is None:
                assert any(told), (convert.__name__, value)


def test_sentinel_lists_are_not_empty() -> None:
    for kind in ("date", "personal-id", "phone", "name"):
        assert sentinels(kind)
    with pytest.raises(ValueError, match="no sentinel values"):
        sentinels("persnal-id")
