"""What column names and values suggest, and that a suggestion is never more certain than its evidence."""

from __future__ import annotations

import pytest

from hopnhat.assess.labels import proposed_codes
from hopnhat.assess.naming import best_field, name_scores, synonyms
from hopnhat.assess.values import evidence, place_share
from mappings.read import load_domain
from mappings.units.registry import load_registry


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("MaHoSo", "dossier_no"), ("Mã hồ sơ", "dossier_no"), ("MAHS", "dossier_no"), ("dossierNo", "dossier_no"), ("so_bien_nhan", "alias_no"),
        ("Họ và tên", "applicant_name"), ("HOTEN", "applicant_name"), ("Số CCCD/CMND", "applicant_id_no"), ("Điện thoại", "phone"),
        ("NGAYTIEPNHAN", "received_at"), ("Ngày hẹn trả", "due_at"), ("trang_thai", "status"), ("wardCode", "commune_code"), ("TENXA", "commune"),
        ("Địa chỉ", "text"), ("modifiedDate", "watermark"), ("Lệ phí", "fee_amount"), ("xyz", None), ("", None), ("1", None),
    ],
)  # fmt: skip
def test_names_in_both_languages(name: str, field: str | None) -> None:
    assert best_field(name) == field


def test_every_synonym_belongs_to_a_field_of_the_domain_or_a_unit() -> None:
    domain = load_domain("dossiers")
    known = {name for entity in domain.entities.values() for name in entity.columns}
    known |= {"commune_code", "commune", "district_code", "district", "province_code", "province", "text", "watermark"}
    assert set(synonyms()) <= known
    for field, words in synonyms().items():
        assert all(word.isascii() and word.isalnum() and word == word.lower() for word in words), field


def test_a_longer_name_scores_less_than_the_word_itself() -> None:
    assert name_scores("TRANGTHAIHOSOCU")["status"] < name_scores("TRANGTHAI")["status"]


def test_grammars_of_values() -> None:
    found = evidence(["H26.29-250601-0001", "000.00.01.H26-210212-9090", "không phải"])
    assert found.shares["dossier_no"] == pytest.approx(2 / 3)
    assert evidence(["1.012766", "2.000815.000.00.00.H55.02"]).shares["procedure_code"] == 1
    assert evidence(["001085012345", "012345678", "C1234567"]).shares["person_id"] == 1
    assert evidence(["0912345678", "+84 912 345 678", "0912.345.678"]).shares["phone"] == 1
    assert evidence(["Nguyễn Thị Hường", "Trần Văn Dũng"]).shares["name"] == 1
    assert evidence(["cấp giấy phép xây dựng", "12/3"]).shares["name"] == 0
    assert evidence([]).n == 0


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["2024-05-06 08:30:00", "2024-05-07"], ("iso",)),
        (["06/05/2024", "7-5-2024"], ("dd/mm/yyyy",)),
        (["20240506083000"], ("yyyymmddhhmmss",)),
        (["06/05/2024", "45000", "45001"], ("excel-serial", "dd/mm/yyyy")),
        (["chưa có", "x"], ()),
    ],
)
def test_date_formats_found(texts: list[str], formats: tuple[str, ...]) -> None:
    assert evidence(texts).formats == formats


def test_places_through_the_registry() -> None:
    registry = load_registry()
    assert place_share(["Phường Phúc Xá", "Phường Trúc Bạch"], "commune", registry) == 1
    assert place_share(["00001", "4"], "commune_code", registry) == 1
    assert place_share(["Quận Ba Đình", "huyện Thanh Trì", "Thanh Tri"], "district", registry) == 1
    assert place_share(["Hà Nội", "TP. Hà Nội", "Tỉnh Hà Giang"], "province", registry) == 1
    assert place_share(["Hồ sơ mới", "đã trả"], "district", registry) == 0


def test_labels_are_proposed_and_numbers_never() -> None:
    codelist = load_domain("dossiers").entities["dossier"].columns["status"].codelist or {}
    found = proposed_codes("status", codelist, ["Đã trả kết quả", "da tra", "Đang xử lý", "5", "10", "lạ lùng"])
    assert found == {"Đã trả kết quả": "10", "da tra": "10", "Đang xử lý": "4"}
    assert set(found.values()) <= set(codelist)
