"""Cleaning decoded text: what is repaired, what is refused, and that sound text is never touched."""

from __future__ import annotations

import doctest
import importlib
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mappings.byte_tables import letters
from transforms.name_keys import i_y_key, match_key, match_keys, plain_key, plain_keys
from transforms.syllables import is_syllable, old_tone_placement
from transforms.text import clean, placeholders
from transforms.text_suggest import lossy_matches, typed_keys, undo_case

WILD = st.text(
    st.one_of(
        st.sampled_from([*letters(), *"aAeoEyđ &;#%=\\u'’\"12xX46\t\n\r\x00\x02\x90\u00a0\u200b\ufeff\u00ad\u0301\u0302\u0323\u031bаΟÐð\ufffdÃº»Ôê"]),
        st.characters(codec="utf-8"),
    ),
    max_size=25,
)
SOUND = st.lists(st.text(st.sampled_from([*letters(), *"abcdghiklmnopqrstuvxyABCDEGHIKLMNOPQRSTUVXY0123456789,.()-/"]), min_size=1, max_size=8), max_size=6)


def codes(reasons: pa.Array | None, length: int) -> list[str | None]:
    return [None] * length if reasons is None else reasons.to_pylist()


def one(value: str) -> tuple[str | None, str | None, str | None]:
    done = clean(pa.array([value]))
    return done.values[0].as_py(), codes(done.reject, 1)[0], codes(done.warn, 1)[0]


@settings(max_examples=300)
@given(st.lists(WILD, max_size=6))
@example(["&amp;amp;amp;#7877;"])
@example(['="=\'01"'])
@example(["\\u0026amp;"])
def test_cleaning_twice_is_cleaning_once_and_composed(values: list[str]) -> None:
    first = clean(pa.array(values, pa.string()))
    again = clean(first.values)
    assert again.values.to_pylist() == first.values.to_pylist()
    assert again.reject is None
    for text, reject in zip(first.values.to_pylist(), codes(first.reject, len(values)), strict=True):
        assert (text is None) == (reject is not None)
        if text is not None:
            assert unicodedata.is_normalized("NFC", text)
            assert text == text.strip()
            assert "  " not in text
            assert not any(unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs") for char in text)


@given(SOUND)
def test_sound_text_is_never_altered(words: list[str]) -> None:
    text = " ".join(words)
    got, reject, warn = one(text)
    if reject is None:
        assert got == text
        assert warn is None
    else:
        assert reject in ("text-undecoded", "text-mojibake")


@pytest.mark.parametrize("encoded", [False, True])
def test_every_letter_survives_alone_and_in_a_dictionary(encoded: bool) -> None:
    column = pa.array([f"n{letter} {letter}" for letter in letters()])
    done = clean(column.dictionary_encode() if encoded else column)
    assert done.values.to_pylist() == column.to_pylist()
    assert done.reject is None
    assert done.warn is None


@pytest.mark.parametrize(
    ("dirty", "want", "warn"),
    [
        ("  Hà   Nội ", "Hà Nội", None), ("Hà\u00a0Nội\u3000", "Hà Nội", None), ("a\tb\r\nc", "a b c", None),
        ("\ufeffHà\u200b Nội\u2060", "Hà Nội", None), ("Nguyễn\u00ad Văn", "Nguyễn Văn", None),
        ("Trần\x00\x00", "Trần", None), ("R&D", "R&D", None), ("100%20", "100%20", None), ("a=41", "a=41", None),
        ("/tệp/H%E1%BB%93.pdf", "/tệp/H%E1%BB%93.pdf", None), ("50 m² – 30°", "50 m² – 30°", None),
        ("Пушкин", "Пушкин", None), ("‘Hoa’ “Mai”", "‘Hoa’ “Mai”", None), ("hoà thuỷ Lý Lí", "hoà thuỷ Lý Lí", None),
        ("e\u0301\u0301", "é\u0301", "text-stray-mark"), ("'0123", "0123", "text-excel"), ("", "", None),
        ("Ｈà", "Hà", None), ("02‐KH", "02-KH", None),
    ],
)
def test_what_is_repaired_and_what_is_left(dirty: str, want: str, warn: str | None) -> None:
    assert one(dirty) == (want, None, warn)


@pytest.mark.parametrize(
    ("dirty", "reject"),
    [
        ("Ngu\x90yen", "text-control"), ("V\x02n", "text-control"), ("a\x00b", "text-control"), ("\ue000", "text-control"),
        ("a\ufffdb", "text-lossy"), ("NguyÔn V¨n", "text-undecoded"), ("H¶i", "text-undecoded"), ("th\u00ad", "text-undecoded"),
        ("b×nh", "text-undecoded"), ("Nguyá»…n", "text-mojibake"), ("Ä\u2018ường", "text-mojibake"), ("a&#144;b", "text-control"),
    ],
)
def test_traces_of_undecoded_bytes_are_refused(dirty: str, reject: str | None) -> None:
    assert one(dirty)[1] == reject


def test_nulls_and_row_order_are_kept_on_both_ways() -> None:
    few = pa.array(["  a ", None, "b", "x\x02"])
    done = clean(few)
    assert done.values.to_pylist() == ["a", None, "b", None]
    assert codes(done.reject, 4) == [None, None, None, "text-control"]
    many = pa.array([None if i % 7 == 0 else f"Số {i}  Lê Lợi" if i % 100 == 1 else f"Số {i} Lê Lợi" for i in range(40_000)])
    done = clean(many)
    assert done.values.to_pylist() == [None if value is None else value.replace("  ", " ") for value in many.to_pylist()]
    assert done.reject is None


def test_bytes_are_not_text() -> None:
    with pytest.raises(ValueError, match="decode"):
        clean(pa.array([b"a"]))


def test_placeholders_are_taken_out_with_a_warning() -> None:
    done = placeholders(pa.array(["Không rõ", "N/A", "-", "Nguyễn Văn A", "Nguyễn Văn An", None]))
    assert done.values.to_pylist() == [None, None, None, "Nguyễn Văn A", "Nguyễn Văn An", None]
    assert codes(done.warn, 6) == ["text-placeholder"] * 3 + ["text-specimen", None, None]
    assert placeholders(pa.array(["Như trên"]), kind="address").values.to_pylist() == ["Như trên"]


@pytest.mark.parametrize("word", ["nguyễn", "khuya", "huỳnh", "ủy", "uỷ", "giếng", "gìn", "quốc", "quý", "ngoéo", "nghiêng", "xoong", "thuở", "khúc", "khuỷu", "đường"])
def test_syllables(word: str) -> None:
    assert is_syllable(word)


@pytest.mark.parametrize("word", ["hưấng", "nguyôn", "bàt", "cêm", "kan1", "ngi", "ghà", "tuên", "víc", "đươờng", "xyz", "ưa8", "gíênǵ"])
def test_not_syllables(word: str) -> None:
    assert not is_syllable(word)


def test_match_keys_join_spellings_and_keep_names_apart() -> None:
    keys = match_keys(pa.array(["Xã THUỶ  HOÀ", "xã Thủy Hòa", "Hùng", "Hưng", None]))
    assert keys[0] == keys[1]
    assert keys[2] != keys[3]
    assert keys[4].as_py() is None
    assert i_y_key("Lý Mỹ Quý") == i_y_key("Lí Mĩ Quí")
    assert match_key("Lý") != match_key("Lí")
    assert plain_keys(pa.array(["Sa Pả", "Sa Pa"])).to_pylist() == ["sa pa", "sa pa"]
    assert plain_key("Đắk Lắk") == "dak lak"


@given(SOUND)
def test_keys_are_idempotent_and_keep_length(words: list[str]) -> None:
    text = " ".join(words)
    assert match_key(match_key(text)) == match_key(text)
    assert len(old_tone_placement(text)) == len(text)
    assert plain_key(match_key(text)) == plain_key(text)


def test_suggestions_never_touch_sound_words() -> None:
    column = pa.array(["Nguyeenx Vawn Nam", "Tra62n Van", "Nguyễn Văn Nam", "Anh", "A1B2", None])
    done = typed_keys(column)
    assert done.values.to_pylist() == ["Nguyễn Văn Nam", "Trần Van", None, None, None, None]
    assert codes(done.warn, 6) == ["text-keystrokes", "text-keystrokes", None, None, None, None]


def test_lossy_text_is_only_matched_never_guessed() -> None:
    assert lossy_matches("Nguy?n V?n Nam", ["Nguyễn Văn Nam", "Nguyen Van Nam", "Nguyễn Văn Nama"]) == ["Nguyễn Văn Nam"]
    assert undo_case("H­êng".encode("latin-1").upper().replace(b"\xea", b"\xca"), "tcvn3") == ["HƯỜNG"]


@pytest.mark.parametrize(
    "module", ["text_clean", "name_keys", "text_suggest", "syllables", "encodings_case", "encodings_codec", "dates_partial", "identifiers", "numbers", "codes"]
)
def test_examples_in_docstrings(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"transforms.{module}"))
    assert result.attempted
    assert not result.failed
