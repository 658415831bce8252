"""The 25 ways in which Vietnamese text arrives damaged, one test each, numbered as in the catalogue of the domain study.

Each goes the way of the pipeline: bytes → decode → clean (or the function for that column), and says what must come out.
"""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest

from transforms.encodings import detect, encode_text
from transforms.identifiers import personal_ids
from transforms.name_keys import i_y_key, match_key, plain_key
from transforms.numbers import amounts, padded_codes
from transforms.text import clean, decode
from transforms.text_suggest import lossy_matches, typed_keys, undo_case

NAME = "Nguyễn Văn Đường"
NAMES = [
    "Nguyễn Văn Đường", "Trần Thị Hưởng", "Lê Hữu Phước", "Phạm Ngọc Quỳnh", "Hoàng Đức Thắng", "Võ Thị Mỹ Hạnh", "Đặng Quốc Việt",
    "Bùi Thị Lệ Thủy", "Đỗ Mạnh Cường", "Huỳnh Tấn Phát", "Dương Thị Bích Liễu", "Vũ Đình Khuê", "Ngô Thị Kim Oanh", "Lý Thường Kiệt",
]


def pipeline(*landed: bytes, encoding: str, transport: str = "bytes") -> tuple[list[str | None], list[str | None], list[str | None]]:
    """Texts, reject codes and warn codes after decode and clean."""
    decoded = decode(pa.array(landed, pa.binary()), transport=transport, encoding=encoding)
    cleaned = clean(decoded.values)
    codes = []
    for own, later in ((decoded.reject, cleaned.reject), (decoded.warn, cleaned.warn)):
        columns = [[None] * len(landed) if column is None else column.to_pylist() for column in (own, later)]
        codes.append([first or second for first, second in zip(*columns, strict=True)])
    return cleaned.values.to_pylist(), codes[0], codes[1]


def utf8(*texts: str) -> tuple[list[str | None], list[str | None], list[str | None]]:
    return pipeline(*(text.encode() for text in texts), encoding="utf-8")


def encoded(text: str, encoding: str) -> bytes:
    return encode_text(pa.array([text]), encoding).data[0].as_py()


def read_as_1252(data: bytes) -> str:
    return "".join(chr(byte) if byte in b"\x81\x8d\x8f\x90\x9d" else bytes([byte]).decode("cp1252") for byte in data)


def test_01_tcvn3_with_its_capitals() -> None:
    drawn = "NGUYỄN THỊ HÀ", "Lê Hà", "UBND xã Hòa Bình"
    texts, rejects, _ = pipeline(encoded(NAME, "tcvn3"), *(encoded(text, "tcvn3") for text in drawn), encoding="tcvn3")
    assert texts == [NAME, *drawn]
    assert rejects == [None] * 4


def test_02_vni() -> None:
    texts, _, _ = pipeline("Nguyeãn Vaên Ñöôøng, Phaúng, Myõ, kyõ, bò Lyø, Myõ Bình".encode("cp1252"), encoding="vni")
    assert texts == ["Nguyễn Văn Đường, Phẳng, Mỹ, kỹ, bị Lỳ, Mỹ Bình"]
    assert pipeline(encoded("ẳ Ẳ ỵ Ỵ", "vni"), encoding="vni")[0] == ["ẳ Ẳ ỵ Ỵ"]


@pytest.mark.parametrize("encoding", ["viscii", "vps"])
def test_03_viscii_and_vps_letters_that_are_control_bytes(encoding: str) -> None:
    capitals = "ẲẴẪỶỸỴ ẠẶẬẸỆỊỌỘỢỤỰỮ"
    raw = encoded(capitals, encoding)
    assert any(byte < 0x20 for byte in raw)
    assert pipeline(raw, encoded(NAME, encoding), encoding=encoding)[0] == [capitals, NAME]
    assert pipeline(raw.replace(b" ", b""), encoding="utf-8")[1][0] in ("text-undecodable", "text-control")


def test_04_windows_1258_with_combining_tones() -> None:
    assert pipeline("NguyêÞn Vãn ÐýõÌng".encode("cp1252"), encoding="cp1258")[0] == [NAME]
    assert pipeline("NguyêÞn Vãn ÐýõÌng".encode(), encoding="cp1258", transport="text")[0] == [NAME]


@pytest.mark.parametrize("times", [1, 2])
def test_05_utf8_read_as_1252_once_and_twice(times: int) -> None:
    texts = [NAME, "ÁềÍỎọỐỜÝĐ", "Hà Nội"]
    shown = texts
    for _ in range(times):
        shown = [read_as_1252(text.encode()) for text in shown]
    assert any("\x80" <= char <= "\x9f" for text in shown for char in text), "the undefined bytes must survive as C1"
    landed = [text.encode() for text in shown]
    assert pipeline(*landed, encoding="mojibake", transport="text") == (texts, [None] * 3, [None] * 3)
    assert pipeline(*landed, encoding="utf-8")[1] == ["text-control", "text-control", "text-mojibake"]


def test_06_letters_lost_to_question_marks_are_quarantined_and_only_matched() -> None:
    assert NAME.encode("cp1252", errors="replace") == b"Nguy?n V?n ???ng"
    texts, rejects, _ = pipeline(b"Nguy?n V?n ???ng", "Nguy?n Văn Đư?ng".encode(), encoding="utf-8")
    assert (texts, rejects) == ([None, None], ["text-lossy"] * 2)
    assert lossy_matches("Nguy?n V?n ???ng", [NAME, "Nguyễn Văn Hùng"]) == [NAME]
    assert "lossy" in detect(pa.array([b"Nguy?n V?n ???ng", b"Tr?n Th?"]), transport="bytes").evidence


def test_07_best_fit_loss_is_seen_over_the_column() -> None:
    best_fit = str.maketrans("ăđơưĂĐƠƯễườửởướ", "adouADOUeuououo")
    damaged = ["".join(char if unicodedata.normalize("NFC", char).encode("cp1252", "ignore") else unicodedata.normalize("NFD", char)[0]
                       for char in name.translate(best_fit)) for name in NAMES * 2]
    column = pa.array([f"{name} Hà Lê Võ {i}".encode() for i, name in enumerate(damaged)])
    assert "best-fit-loss" in detect(column, transport="text").evidence
    sound = pa.array([f"{name} Hà Lê Võ {i}".encode() for i, name in enumerate(NAMES * 2)])
    assert "best-fit-loss" not in detect(sound, transport="text").evidence


def test_08_decomposed_and_mixed_forms() -> None:
    assert utf8(unicodedata.normalize("NFD", NAME), "thư\u0323c hiện thực")[0] == [NAME, "thực hiện thực"]


def test_09_tone_before_circumflex() -> None:
    assert utf8("e\u0301\u0302", "é\u0302", "Nguye\u0303\u0302n", "ho\u031b\u0300", "ho\u0300\u031b", "ă\u0323", "a\u0323\u0306")[0] == [
        "ế", "ế", "Nguyễn", "hờ", "hờ", "ặ", "ặ",
    ]


def test_10_old_tone_marks() -> None:
    assert utf8("a\u0340 a\u0341")[0] == ["à á"]


def test_11_look_alikes_of_d_after_decoding_only() -> None:
    assert utf8("Ðặng Ɖức ðình")[0] == ["Đặng Đức đình"]
    assert pipeline(encoded("Đặng đình", "viscii"), encoding="viscii")[0] == ["Đặng đình"]
    assert pipeline(b"Tr\xd0", encoding="tcvn3")[0] == ["Tré"], "in TCVN3 the byte of Ð is é"


def test_12_cyrillic_and_greek_inside_latin_words() -> None:
    texts, _, warns = utf8("Nаm Hоà", "Αn", "Пушкин Ольга")
    assert texts == ["Nam Hoà", "An", "Пушкин Ольга"]
    assert warns == ["text-homoglyph", "text-homoglyph", None]
    assert unicodedata.name(str(texts[0])[1]) == "LATIN SMALL LETTER A"


def test_13_invisible_characters_go_after_decoding_never_before() -> None:
    assert utf8("\ufeffHà\u00a0\u2009Nội\u200b\r\n", "Đường\u00ad Láng")[0] == ["Hà Nội", "Đường Láng"]
    assert pipeline(b"th\xad", encoding="tcvn3")[0] == ["thư"], "the soft hyphen is the letter ư of TCVN3"
    assert pipeline(b"H\xa0 N", encoding="tcvn3")[0] == ["H N"]


def test_14_html_entities_up_to_doubly_escaped() -> None:
    texts, _, warns = utf8("Nguy&#7877;n", "&ecirc;m &#x1EC5;", "Nguy&amp;#7877;n", "AT&T; R&D &foo;")
    assert texts == ["Nguyễn", "êm ễ", "Nguyễn", "AT&T; R&D &foo;"]
    assert warns == ["text-html"] * 3 + [None]


def test_15_escapes_of_json_urls_and_mail() -> None:
    texts, _, warns = utf8("Nguy\\u1ec5n", "H%E1%BB%93", "H=E1=BB=93", "http://a.vn/H%E1%BB%93", "giảm 100%20")
    assert texts == ["Nguyễn", "Hồ", "Hồ", "http://a.vn/H%E1%BB%93", "giảm 100%20"]
    assert warns == ["text-escapes"] * 3 + [None] * 2


def test_16_tone_placement_stays_as_written_and_joins_only_in_the_key() -> None:
    assert utf8("hoà hòa thuỷ thủy khoẻ khỏe")[0] == ["hoà hòa thuỷ thủy khoẻ khỏe"]
    assert match_key("Thuỷ Nguyên") == match_key("THỦY NGUYÊN")
    assert match_key("Quý") == "quý"


def test_17_i_and_y_stay_as_written_and_join_only_in_the_weak_key() -> None:
    assert utf8("Lý Lí Mỹ Mĩ Quý Quí")[0] == ["Lý Lí Mỹ Mĩ Quý Quí"]
    assert match_key("Lý") != match_key("Lí")
    assert i_y_key("Lý Mỹ Quý kỹ") == i_y_key("Lí Mĩ Quí kĩ")


def test_18_upper_and_lower_on_undecoded_text_are_seen_not_undone() -> None:
    raw = encoded("Hường", "tcvn3")
    upper = raw.decode("latin-1").upper().encode("latin-1")
    assert decode(pa.array([raw]), transport="bytes", encoding="tcvn3").values.to_pylist() == ["Hường"]
    assert pipeline(upper, encoding="tcvn3")[:2] == ([None], ["text-case-damaged"])
    assert undo_case(upper, "tcvn3") == ["HƯỜNG"]
    lower = encoded("ấp Bến Tràm", "tcvn3").decode("latin-1").lower().encode("latin-1")
    assert pipeline(lower, encoding="tcvn3")[1] == ["text-case-damaged"]
    assert pipeline(encoded("NGUYỄN VĂN NAM", "tcvn3"), encoded("ấp bến tràm", "tcvn3"), encoding="tcvn3")[1] == [None, None]


def test_19_no_compatibility_normalisation_before_decoding() -> None:
    raw = encoded("Lê Hà Văn", "tcvn3")
    assert {0xAA, 0xB5, 0xA8} <= set(raw), "ª µ ¨ are what NFKC would break"
    assert pipeline(raw, encoding="tcvn3")[0] == ["Lê Hà Văn"]
    shown = raw.decode("latin-1")
    assert pipeline(shown.encode(), encoding="tcvn3", transport="text")[0] == ["Lê Hà Văn"]
    assert unicodedata.normalize("NFKC", shown) != shown


def test_20_names_without_diacritics_are_seen_and_only_matched() -> None:
    plain = [plain_key(name).title() for name in NAMES]
    assert "no-accents" in detect(pa.array([name.encode() for name in plain]), transport="bytes").evidence
    assert utf8(*plain)[0] == plain
    assert plain_key("Nguyễn Văn Đường") == plain_key("Nguyen Van Duong")


def test_21_keystrokes_left_in_the_text_are_a_suggestion() -> None:
    column = pa.array(["Nguyeenx Vawn Nam", "Tra62n Thi5 D9u7o7ng2", NAME])
    assert clean(column).values.to_pylist() == column.to_pylist()
    suggested = typed_keys(column)
    assert suggested.values.to_pylist() == ["Nguyễn Văn Nam", "Trần Thị Đường", None]


def test_22_minus_and_bullet_of_pdfs_are_tcvn3_letters() -> None:
    assert pipeline("§−êng l∙ng".encode(), encoding="tcvn3", transport="text")[0] == ["Đường lãng"]


def test_23_quotes_in_names_of_the_highlands() -> None:
    texts, _, _ = utf8("Ea H’leo", "M‘Drắk", "Cư M`gar", "Đăk R´Lấp", "K’ Brơi", "O'Brien")
    assert texts == ["Ea H'leo", "M'Drắk", "Cư M'gar", "Đăk R'Lấp", "K' Brơi", "O'Brien"]


def test_24_what_excel_does_to_codes() -> None:
    texts, _, warns = utf8('="00123"', "'00123")
    assert (texts, warns) == (["00123", "00123"], ["text-excel"] * 2)
    assert padded_codes(pa.array(["4"]), width=5).values.to_pylist() == ["00004"]
    assert amounts(pa.array(["1.23E+11"])).reject.to_pylist() == ["number-scientific"]
    numbers = personal_ids(pa.array(["3.8E+10", "1088012345", "01088012345"]))
    assert numbers.warn.to_pylist() == ["id-scientific", "id-length", "id-zero-restored"]


def test_25_encodings_mixed_in_a_column_and_in_a_cell() -> None:
    half = len(NAMES) // 2
    column = [encoded(name, "tcvn3") for name in NAMES[:half]] + [name.encode() for name in NAMES[half:]]
    verdict = detect(pa.array(column * 2), transport="bytes")
    assert verdict.mixed
    assert verdict.encoding is None
    texts, rejects, warns = pipeline(*column, encoding="tcvn3")
    assert texts == NAMES
    assert rejects == [None] * len(NAMES)
    assert warns == [None] * half + ["text-mixed-encoding"] * (len(NAMES) - half)
    both = encoded("Trần", "tcvn3") + " Đường".encode()
    assert pipeline(both, encoding="tcvn3")[:2] == ([None], ["text-undecodable"])
    assert pipeline(both, encoding="utf-8")[:2] == ([None], ["text-undecodable"])
    assert pipeline("V¨n Đường".encode(), encoding="tcvn3", transport="text")[:2] == ([None], ["text-undecodable"])
    assert utf8("Nguyễn V¨n Đường")[:2] == ([None], ["text-undecoded"])


def test_the_catalogue_is_complete() -> None:
    numbers = [int(name.split("_")[1]) for name in globals() if name.startswith("test_") and name.split("_")[1].isdigit()]
    assert numbers == list(range(1, 26))
