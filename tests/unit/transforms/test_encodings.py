"""The byte tables, the decoders that use them, and the verdict on a column's encoding."""

from __future__ import annotations

import random
import shutil
import subprocess
import unicodedata
from io import StringIO

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.byte_tables import ENCODINGS, SYLLABLES_FILE, letter_bytes, letters
from mappings.encodings import build
from tests.support.words import FAMILY, GIVEN, MIDDLE, PLACES, misread
from transforms.encodings import decode_bytes, detect, encode_text
from transforms.encodings_detect import reads_well
from transforms.encodings_tables import byte_table
from transforms.text import decode

ALPHABET = st.sampled_from([*letters(), *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,.-/()'"])
TEXTS = st.lists(st.text(ALPHABET, max_size=30), max_size=8)


def same_case_as_tcvn3(text: str) -> str:
    """TCVN3 cannot write toned capitals: they come back small (the H fonts only draw them)."""
    known = letter_bytes("tcvn3")
    return "".join(char if char in known or char not in letters() else char.lower() for char in text)


def test_table_has_the_134_letters_of_vietnamese() -> None:
    assert len(letters()) == len(set(letters())) == 134
    assert all(unicodedata.is_normalized("NFC", letter) and not letter.isascii() for letter in letters())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_two_letters_share_bytes(encoding: str) -> None:
    written = list(letter_bytes(encoding).values())
    assert len(written) == len(set(written))
    assert len(written) == (74 if encoding == "tcvn3" else 134)


def test_cp1258_agrees_with_pythons_codec() -> None:
    for letter, data in letter_bytes("cp1258").items():
        assert unicodedata.normalize("NFC", data.decode("cp1258")) == letter


@pytest.mark.parametrize(("encoding", "name"), [("tcvn3", "TCVN"), ("viscii", "VISCII")])
def test_table_agrees_with_iconv(encoding: str, name: str) -> None:
    iconv = shutil.which("iconv")
    if iconv is None:
        pytest.skip("iconv is not installed")
    for letter, data in letter_bytes(encoding).items():
        shown = subprocess.run([iconv, "-f", name, "-t", "UTF-8"], input=data, capture_output=True, check=True).stdout
        assert unicodedata.normalize("NFC", shown.decode()) == letter


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [
        ("tcvn3", "NguyÔn V¨n §\xadêng"),
        ("vni", "Nguyeãn Vaên Ñöôøng"),
        ("viscii", "Nguy\xadn Vån Ðß¶ng"),
        ("cp1258", "NguyêÞn Vãn ÐýõÌng"),
    ],
)
def test_golden_string(encoding: str, seen: str) -> None:
    want = "Nguyễn Văn Đường"
    for transport, data in (("bytes", seen.encode("cp1252")), ("text", seen.encode())):
        assert decode(pa.array([data], pa.binary()), transport=transport, encoding=encoding).values.to_pylist() == [want]


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(texts=TEXTS)
def test_decode_undoes_encode(encoding: str, texts: list[str]) -> None:
    want = [same_case_as_tcvn3(text) if encoding == "tcvn3" else text for text in texts]
    encoded = encode_text(pa.array(texts, pa.string()), encoding)
    assert not encoded.impossible.any()
    decoded = decode_bytes(encoded.data, encoding)
    assert not decoded.undefined.any()
    assert not decoded.altered.any()
    assert decoded.text.to_pylist() == want


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(rows=st.lists(st.binary(max_size=12), max_size=8))
def test_whatever_is_accepted_encodes_to_the_same_bytes(encoding: str, rows: list[bytes]) -> None:
    decoded = decode_bytes(pa.array(rows, pa.binary()), encoding)
    back = encode_text(decoded.text, encoding)
    for row, again, bad in zip(rows, back.data.to_pylist(), decoded.undefined | decoded.altered, strict=True):
        assert bad or again == row


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(texts=TEXTS)
def test_misread_text_reads_like_the_bytes(encoding: str, texts: list[str]) -> None:
    raw = encode_text(pa.array(texts, pa.string()), encoding).data
    shown = pa.array([misread(data).encode() for data in raw.to_pylist()], pa.binary())
    own = decode(raw, transport="bytes", encoding=encoding)
    for other in (decode(shown, transport="text", encoding=encoding), decode(shown, transport="bytes", encoding=f"{encoding}-as-utf8")):
        for mine, theirs, reject in zip(own.values.to_pylist(), other.values.to_pylist(), _codes(other.reject, len(texts)), strict=True):
            assert mine is None or theirs == mine or reject is not None


def _codes(reasons: pa.Array | None, length: int) -> list[str | None]:
    return [None] * length if reasons is None else reasons.to_pylist()


@given(texts=st.lists(st.text(ALPHABET, min_size=1, max_size=20), max_size=6), depth=st.sampled_from([1, 2]))
def test_mojibake_is_undone_or_refused_never_changed_otherwise(texts: list[str], depth: int) -> None:
    shown = texts
    for _ in range(depth):
        shown = [misread(text.encode()) for text in shown]
    done = decode(pa.array([text.encode() for text in shown], pa.binary()), transport="text", encoding="mojibake")
    for text, got, reject in zip(texts, done.values.to_pylist(), _codes(done.reject, len(texts)), strict=True):
        assert got == text or (got is None and reject is not None)


@given(texts=TEXTS)
def test_clean_utf8_is_never_altered_by_decoding(texts: list[str]) -> None:
    landed = pa.array([text.encode() for text in texts], pa.binary())
    for transport in ("bytes", "text"):
        done = decode(landed, transport=transport, encoding="utf-8")
        assert done.values.to_pylist() == texts
        assert done.reject is None
        assert done.warn is None


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(texts=TEXTS)
def test_every_decoded_value_can_be_proved_by_encoding_it_again(encoding: str, texts: list[str]) -> None:
    raw = encode_text(pa.array(texts, pa.string()), encoding).data
    done = decode(raw, transport="bytes", encoding=encoding)
    if done.warn is not None:
        return  # read as UTF-8, by its own proof
    back = encode_text(done.values.fill_null(""), encoding)
    for data, text, again in zip(raw.to_pylist(), done.values.to_pylist(), back.data.to_pylist(), strict=True):
        assert text is None or _drawn(again, encoding) == _drawn(data, encoding)


def _drawn(data: bytes, encoding: str) -> bytes:
    """The H fonts of TCVN3 draw ă â ê ô ơ ư đ like their capitals: the only bytes a repair may exchange."""
    capitals, small = b"\xa1\xa2\xa3\xa4\xa5\xa6\xa7", b"\xa8\xa9\xaa\xab\xac\xad\xae"
    return data.translate(bytes.maketrans(capitals, small)) if encoding == "tcvn3" else data


@pytest.mark.parametrize(
    "text",
    ["NGUYỄN THỊ HÀ", "ĐỖ VĂN Á", "CỘNG HÒA", "KRÔNG PẮC", "Nguyễn Thị Ánh", "Ý Yên", "Xã Ái Quốc", "Lê Hà", "Vũ Tá Đề", "Võ Ý",
     "UBND xã Hòa Bình", "tổ 5, ấp Ô Môn", "ấp Mỹ Á", "Số 5, ở trọ"],
)  # fmt: skip
def test_capitals_that_tcvn3_cannot_write_come_back(text: str) -> None:
    raw = encode_text(pa.array([text]), "tcvn3").data
    assert decode(raw, transport="bytes", encoding="tcvn3").values.to_pylist() == [text]


def test_vni_pair_never_crosses_two_values() -> None:
    decoded = decode_bytes(pa.array([b"a", b"", b"\xf9", b"a\xf9"], pa.binary()), "vni")
    assert decoded.text[0].as_py() == "a"
    assert decoded.undefined.tolist() == [False, False, True, False]
    assert decoded.text[3].as_py() == "á"


def test_nulls_slices_chunks_and_large_arrays_keep_their_rows() -> None:
    raw = pa.array([b"xx", None, b"H\xb5", b"", None, b"N\xb5", b"zz"], pa.binary()).slice(1, 5)
    want = [None, "Hà", "", None, "Nà"]
    assert decode(raw, transport="bytes", encoding="tcvn3").values.to_pylist() == want
    assert decode(pa.chunked_array([raw, raw]), transport="bytes", encoding="tcvn3").values.to_pylist() == want * 2
    assert decode(raw.cast(pa.large_binary()), transport="bytes", encoding="tcvn3").values.to_pylist() == want
    assert len(decode(pa.chunked_array([], pa.binary()), transport="bytes", encoding="tcvn3").values) == 0


def test_many_distinct_values_take_the_same_way_as_few() -> None:
    texts = [f"Tổ {i} Đường Nguyễn Trãi" if i % 3 else None for i in range(40_000)]
    raw = pa.array([None if text is None else encode_text(pa.array([text]), "vni").data[0].as_py() for text in texts[:300]], pa.binary())
    dense = encode_text(pa.array([text or "" for text in texts]), "vni").data
    landed = pa.array([None if text is None else data for text, data in zip(texts, dense.to_pylist(), strict=True)], pa.binary())
    assert decode(landed, transport="bytes", encoding="vni").values.to_pylist() == texts
    assert decode(raw, transport="bytes", encoding="vni").values.to_pylist() == texts[:300]


@pytest.mark.parametrize(
    ("data", "encoding", "code"),
    [
        (b"\xff\xfeabc", "utf-8", "text-undecodable"),
        (b"Nguy?n V?n", "utf-8", "text-lossy"),
        ("?oàn".encode(), "utf-8", "text-lossy"),
        ("a\ufffdb".encode(), "utf-8", "text-lossy"),
        (b"\xc0\xc1\xc3", "tcvn3", "text-undecodable"),
        (b"ab\xf9", "vni", "text-undecodable"),
        (misread("Đường Hồ".encode()).replace("\x9d", "").encode(), "mojibake", "text-not-reversible"),
        ("HÃ Ná»™i".encode(), "mojibake", "text-not-reversible"),
    ],
)
def test_unreadable_text_is_refused_with_its_reason(data: bytes, encoding: str, code: str) -> None:
    done = decode(pa.array([data, b"abc"], pa.binary()), transport="bytes", encoding=encoding)
    assert done.values.to_pylist() == [None, "abc"]
    assert _codes(done.reject, 2) == [code, None]


def test_two_misreadings_in_one_value_are_no_misreading() -> None:
    one_way, other, both = "Nguy\u00e1\u00bb\u2026n", "Nguy\u00e1\u00bb\u0085n", "Nguy\u00e1\u00bb\u2026n Nguy\u00e1\u00bb\u0085n"
    done = decode(pa.array([text.encode() for text in (one_way, other, both)]), transport="text", encoding="mojibake")
    assert done.values.to_pylist() == ["Nguyễn", "Nguyễn", None]
    assert _codes(done.reject, 3) == [None, None, "text-not-reversible"]


def test_question_marks_of_people_and_of_addresses_are_kept() -> None:
    texts = ["Hồ sơ đủ chưa? Đã đủ.", "https://a.vn/x?id=1", "/xem?ma=5", "Còn gì nữa?"]
    done = decode(pa.array([text.encode() for text in texts], pa.binary()), transport="bytes", encoding="utf-8")
    assert done.values.to_pylist() == texts
    assert done.reject is None


def test_unknown_names_are_programming_errors() -> None:
    column = pa.array([b"a"], pa.binary())
    for wrong in ("latin-1", "bkhcm2", "utf8"):
        with pytest.raises(ValueError, match="unknown encoding"):
            decode(column, transport="bytes", encoding=wrong)
    with pytest.raises(ValueError, match="transport"):
        decode(column, transport="file", encoding="utf-8")


def test_every_single_byte_is_either_a_character_or_undefined() -> None:
    for encoding in ENCODINGS:
        decoded = decode_bytes(pa.array([bytes([byte]) for byte in range(256)], pa.binary()), encoding)
        usable = ~(decoded.undefined | decoded.altered)
        assert usable[:128].sum() >= 120
        assert byte_table(encoding).singles[ord("a")] == ord("a")


# Detection: a labelled corpus generated here. The thousand columns of the benchmark are tests/bench/bench_text.py.

KINDS = ("utf-8", "nfd", "mojibake", "mojibake-twice", *ENCODINGS)
LABELS = {"nfd": "utf-8", "mojibake-twice": "mojibake"}


def _column(chance: random.Random, size: int) -> list[str]:
    kind = chance.choice(["names", "capitals", "addresses"])
    if kind == "addresses":
        return [f"Số {chance.randint(1, 99)}, thôn {chance.randint(1, 20)}, {chance.choice(PLACES)}" for _ in range(size)]
    names = [" ".join(map(chance.choice, (FAMILY, MIDDLE, MIDDLE + GIVEN, GIVEN))) for _ in range(size)]
    return [name.upper() for name in names] if kind == "capitals" else names


def _land(texts: list[str], kind: str, transport: str) -> list[bytes]:
    if kind == "utf-8":
        return [text.encode() for text in texts]
    if kind == "nfd":
        return [unicodedata.normalize("NFD", text).encode() for text in texts]
    if kind.startswith("mojibake"):
        once = [misread(text.encode()) for text in texts]
        return [(misread(text.encode()) if kind == "mojibake-twice" else text).encode() for text in once]
    raw = encode_text(pa.array(texts), kind).data.to_pylist()
    return raw if transport == "bytes" else [misread(data).encode() for data in raw]


@pytest.mark.parametrize("transport", ["bytes", "text"])
def test_detection_on_a_labelled_corpus(transport: str) -> None:
    chance = random.Random(20250701)
    right, columns = 0, 0
    for kind in KINDS * 8:
        landed = _land(_column(chance, chance.choice([60, 120])), kind, transport)
        verdict = detect(pa.array(landed, pa.binary()), transport=transport)
        columns += 1
        right += verdict.encoding == LABELS.get(kind, kind) and not verdict.mixed
        assert kind not in ("utf-8", "nfd") or verdict.encoding == "utf-8", "a clean column was doubted"
    assert columns == 72
    assert right >= 0.99 * columns


@pytest.mark.parametrize("transport", ["bytes", "text"])
def test_mixed_columns_are_recognised_as_mixed(transport: str) -> None:
    chance = random.Random(696)
    pairs = [(a, b) for a in KINDS for b in KINDS if LABELS.get(a, a) != LABELS.get(b, b)]
    for first, second in chance.sample(pairs, 40):
        landed = _land(_column(chance, 70), first, transport) + _land(_column(chance, chance.choice([10, 30, 70])), second, transport)
        chance.shuffle(landed)
        verdict = detect(pa.array(landed, pa.binary()), transport=transport)
        assert verdict.mixed, (first, second, verdict)
        assert verdict.encoding is None
        named = {item.split(":")[1].split("=")[0] for item in verdict.evidence if item.startswith("mixed:")}
        assert {LABELS.get(first, first), LABELS.get(second, second)} <= named


@pytest.mark.parametrize("transport", ["bytes", "text"])
def test_what_reads_well_is_never_called_another_encoding(transport: str) -> None:
    chance = random.Random(34)
    shortened = 0
    for kind in KINDS * 4:
        foreign = _land(_column(chance, chance.choice([1, 3, 20])), chance.choice(KINDS), transport)
        landed = pa.array(_land(_column(chance, 60), kind, transport) + foreign, pa.binary())
        found = detect(landed, transport=transport).encoding
        for encoding in ("utf-8", "mojibake", "tcvn3"):
            if reads_well(landed, encoding, transport=transport):
                assert found in (encoding, None), (kind, found)
                shortened += 1
    assert shortened >= 8


@pytest.mark.parametrize("transport", ["bytes", "text"])
@pytest.mark.parametrize("few", [3, 5])
def test_few_values_in_another_encoding_make_a_column_mixed(transport: str, few: int) -> None:
    chance = random.Random(few)
    pairs = [(a, b) for a in KINDS for b in KINDS if LABELS.get(a, a) != LABELS.get(b, b)]
    for first, second in chance.sample(pairs, 25):
        landed = _land(_addresses(chance, 57), first, transport) + _land(_addresses(chance, few), second, transport)
        verdict = detect(pa.array(landed, pa.binary()), transport=transport)
        assert verdict.mixed, (first, second, verdict)


def _addresses(chance: random.Random, size: int) -> list[str]:
    return [
        f"{chance.randint(1, 999)} đường {' '.join(map(chance.choice, (FAMILY, MIDDLE, GIVEN)))}, {chance.choice(PLACES)}"
        for _ in range(size)
    ]


def test_a_dozen_values_among_four_thousand_are_found() -> None:
    chance = random.Random(12)
    landed = _land(_addresses(chance, 3_988), "tcvn3", "bytes") + _land(_addresses(chance, 12), "viscii", "bytes")
    verdict = detect(pa.array(landed, pa.binary()), transport="bytes")
    assert verdict.mixed
    assert "mixed:viscii=12" in verdict.evidence


FOREIGN = [
    "Müller", "José García", "王伟", "김철수", "Zoë Castaño", "Jürgen Weiß", "René Noël", "Café Phin", "50m²", "25°C", "½ lô", "© 2020", "“Quán 3 Râu”", "Nhà №7 ★",
    "Ksor H'Nhiên", "Y Bhăm Êban", "Kpă Klơng", "M'Đrắk", "Ê Đê", "Xơ Đăng", "Pờ Ê", "Ngọk Réo", "Bríu Pố", "Sùng Mí Sính", "Lù Văn Pỉn", "Nguyêễn Vn", "Trầnn Hữũu", "Đưuờng", "👍🏽 Tốt",
]  # fmt: skip


@pytest.mark.parametrize("transport", ["bytes", "text"])
@pytest.mark.parametrize("kind", KINDS)
def test_foreign_names_signs_and_typing_errors_make_no_column_mixed(kind: str, transport: str) -> None:
    chance = random.Random(KINDS.index(kind))
    for size in (60, 200):
        odd = [f"{chance.choice(FOREIGN)} {chance.randint(1, 99)}" for _ in range(size // 6)]
        writable = (
            odd if kind not in ENCODINGS else [t for t, no in zip(odd, encode_text(pa.array(odd), kind).impossible, strict=True) if not no]
        )
        verdict = detect(pa.array(_land(_column(chance, size) + writable, kind, transport), pa.binary()), transport=transport)
        assert not verdict.mixed, verdict
        assert verdict.encoding == LABELS.get(kind, kind)


def test_syllable_counts_are_those_of_the_registry_and_the_words() -> None:
    written = StringIO()
    build.write(written)
    assert written.getvalue() == SYLLABLES_FILE.read_text(encoding="utf-8")


def test_legacy_text_stored_as_utf8_bytes_is_told_apart() -> None:
    texts = _column(random.Random(4), 60)
    verdict = detect(pa.array(_land(texts, "tcvn3", "text"), pa.binary()), transport="bytes")
    assert verdict.encoding == "tcvn3-as-utf8"


@pytest.mark.parametrize("encoding", ["tcvn3", "vni", "viscii", "vps"])
def test_bytes_taken_for_windows_1258_by_a_driver_are_found_and_undone(encoding: str) -> None:
    texts = [*_column(random.Random(5), 80), "Lý Thị Ngọc Bó", "Hoàng Mỹ Ừ"]
    raw = encode_text(pa.array(texts), encoding).data.to_pylist()
    shown = ["".join(bytes([byte]).decode("cp1258", errors="ignore") or chr(byte) for byte in data) for data in raw]
    landed = pa.array([text.encode() for text in shown], pa.binary())
    assert detect(landed, transport="text").encoding == f"{encoding}-as-cp1258"
    assert decode(landed, transport="text", encoding=f"{encoding}-as-cp1258").values.to_pylist() == texts


def test_too_few_values_stay_undecided() -> None:
    verdict = detect(pa.array([b"Nguy\xd4n V\xa8n"] * 50, pa.binary()), transport="bytes")
    assert verdict.encoding is None
    assert verdict.n == 1
    assert "too-few" in verdict.evidence
    assert next(iter(verdict.scores)) == "tcvn3"


def test_ascii_columns_are_utf8_and_say_so() -> None:
    verdict = detect(pa.array([b"H15-250701-0001", None, b""], pa.binary()), transport="bytes")
    assert (verdict.encoding, verdict.n, verdict.evidence) == ("utf-8", 0, ("ascii-only",))


def test_minority_names_are_judged_relative_to_other_encodings() -> None:
    texts = [f"{place} tổ {i}" for i in range(6) for place in ("Ea H'leo Đắk Lắk", "M'Đrắk", "Krông Pắk", "Đăk R'Lấp", "Cư Kuin Đrăng")]
    for encoding in ("tcvn3", "vni"):
        verdict = detect(encode_text(pa.array(texts), encoding).data, transport="bytes")
        assert verdict.encoding == encoding


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_stored_as_bytes_is_found_and_decoded(encoding: str) -> None:
    texts = _column(random.Random(16), 60)
    landed = pa.array([text.encode(encoding) for text in texts], pa.binary())
    assert detect(landed, transport="bytes").encoding == encoding
    done = decode(landed, transport="bytes", encoding=encoding)
    assert (done.values.to_pylist(), done.reject) == (texts, None)
    some = pa.array([text.encode("utf-8" if i % 5 else encoding) for i, text in enumerate(texts)], pa.binary())
    assert detect(some, transport="bytes").mixed


def test_half_a_character_and_a_lone_surrogate_are_refused() -> None:
    landed = pa.array([b"A\0B", b"\x00\xd8", "\ufeffHà".encode("utf-16-le")], pa.binary())
    done = decode(landed, transport="bytes", encoding="utf-16-le")
    assert done.values.to_pylist() == [None, None, "Hà"]
    assert _codes(done.reject, 3) == ["text-undecodable", "text-undecodable", None]


def test_values_padded_with_nul_bytes_are_not_utf16() -> None:
    landed = pa.array([f"H26-{i:04}".encode().ljust(12, b"\0") for i in range(40)], pa.binary())
    assert detect(landed, transport="bytes").encoding == "utf-8"


def test_an_encoding_without_a_table_is_not_guessed() -> None:
    """Bytes that no known table makes Vietnamese: the verdict stays open, and what does not decode is refused."""
    chance, shifted = random.Random(9), bytes.maketrans(bytes(range(0xB5, 0xF0)), bytes(range(0xC5, 0x100)))
    landed = pa.array(
        [data.translate(shifted) for data in encode_text(pa.array(_addresses(chance, 80)), "tcvn3").data.to_pylist()], pa.binary()
    )
    verdict = detect(landed, transport="bytes")
    assert verdict.encoding is None
    assert {"unexplained", "too-close"} & set(verdict.evidence)
    assert decode(landed, transport="bytes", encoding="utf-8").values.null_count > 60


@pytest.mark.parametrize("repeated", [1, 3])
@pytest.mark.parametrize(
    ("main", "other"), [("tcvn3", "viscii"), ("viscii", "vps"), ("vps", "cp1258"), ("cp1258", "tcvn3"), ("vni", "tcvn3")]
)
def test_values_in_another_encoding_are_refused_not_garbled(main: str, other: str, repeated: int) -> None:
    chance = random.Random(77)
    texts, strange = _addresses(chance, 500), _addresses(chance, 25)
    landed = (_land(texts, main, "bytes") + _land(strange, other, "bytes")) * repeated
    landed.insert(1, None)
    done = decode(pa.array(landed, pa.binary()), transport="bytes", encoding=main)
    read, codes = done.values.to_pylist(), _codes(done.reject, len(landed))
    assert [*read[:1], *read[2:501]] == texts
    assert read[1] is codes[1] is None
    refused = [code for code in codes[501:526] if code is not None]
    assert set(refused) <= {"text-mixed-encoding", "text-undecodable", "text-not-reversible", "text-case-damaged"}
    assert len(refused) >= 24  # one may be readable either way


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_typing_errors_and_minority_names_are_not_taken_for_another_encoding(encoding: str) -> None:
    chance = random.Random(78)
    odd = [f"{name} {i}" for i in range(8) for name in FOREIGN]
    texts = [
        text
        for text in [*_addresses(chance, 300), *odd]
        if not encode_text(pa.array([unicodedata.normalize("NFC", text)]), encoding).impossible[0]
    ]
    done = decode(encode_text(pa.array(texts), encoding).data, transport="bytes", encoding=encoding)
    assert "text-mixed-encoding" not in _codes(done.reject, len(texts))
