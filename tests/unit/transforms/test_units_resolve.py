"""The resolver says what it knows, with reasons, and keeps the candidates where it does not know."""

from __future__ import annotations

import pandas as pd
import pytest

from mappings.units.evidence import PlaceRule, load_shapes, meridians
from mappings.units.registry import Registry, load_registry
from transforms.units import Scope, resolve
from transforms.units_evidence import Evidence
from transforms.units_geo import Boundaries

CONG_VI = "Phường Cống Vị, Quận Ba Đình, Thành phố Hà Nội"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def ask(registry: Registry, scope: Scope = Scope(), carries: str = "people", **query: str) -> pd.Series:  # type: ignore[type-arg]  # noqa: B008
    return resolve(pd.DataFrame([query], dtype="str"), registry, scope=scope, carries=carries).iloc[0]  # type: ignore[arg-type]


def test_an_address_is_resolved_with_its_reason(registry: Registry) -> None:
    row = ask(registry, text="Số 3 ngõ 2, Xã Tản Lĩnh, Huyện Ba Vì, TP Hà Nội")
    assert (row.status, row.era, row.old_code, row.new_code, row.new_province_code) == ("resolved", "old", "09694", "09694", "01")
    assert row.rule == "canonical"
    assert "NQ 1656/NQ-UBTVQH15" in row.path


def test_a_split_keeps_its_candidates(registry: Registry) -> None:
    row = ask(registry, text=CONG_VI)
    assert (row.status, row.new_code, row.candidates, row.rule) == ("ambiguous", "", "00008|00025", "canonical+split")
    assert row.old_code == "00007"


@pytest.mark.parametrize(("carries", "status"), [("people", "resolved"), ("area", "ambiguous"), ("both", "ambiguous")])
def test_the_population_clause_settles_people_and_never_land(registry: Registry, carries: str, status: str) -> None:
    row = ask(registry, commune_code="09802", scope=Scope(era="old"), carries=carries)
    assert row.status == status
    if status == "resolved":
        assert (row.new_code, row.rule) == ("09817", "code+law-population")
        assert "NQ 1656/NQ-UBTVQH15 k.107" in row.evidence


def test_a_code_without_an_era_decides_nothing_unless_both_readings_agree(registry: Registry) -> None:
    assert ask(registry, commune_code="00004").status == "resolved"
    row = ask(registry, commune_code="00091")  # old Phú Thượng, whole to the new Phú Thượng and others: two readings
    both = {ask(registry, commune_code="00091", scope=Scope(era=era)).new_code for era in ("old", "new")}
    assert row.status == ("resolved" if len(both) == 1 else "ambiguous")


def test_a_re_used_code_is_never_remapped_twice(registry: Registry) -> None:
    """00622 is one place before the reform and another after it; an all-new column stays as it is."""
    new = [unit.code for unit in registry.instances if unit.valid_from == "2025-07-01" and unit.level == "commune"]
    rows = resolve(pd.DataFrame({"commune_code": new}, dtype="str"), registry, scope=Scope(era="new"))
    assert (rows.new_code == new).all()


def test_the_name_beside_a_code_tells_its_era(registry: Registry) -> None:
    assert ask(registry, commune_code="00004", commune="Phường Trúc Bạch").era == "old"
    assert ask(registry, commune_code="00004", commune="Phường Ba Đình").era == "new"


def test_code_and_name_that_disagree_are_a_conflict(registry: Registry) -> None:
    row = ask(registry, commune_code="00004", commune="Phường Cống Vị", district="Quận Ba Đình")
    assert (row.status, row.rule) == ("ambiguous", "conflict")
    assert set(row.candidates.split("|")) == {"00004", "00008", "00025"}


def test_a_code_in_another_district_than_written_is_a_conflict(registry: Registry) -> None:
    assert ask(registry, commune_code="00001", district="Huyện Ba Vì", province="Hà Nội").rule == "conflict"


@pytest.mark.parametrize("code", ["4", "00004", "00004.0", "4.0"])
def test_spreadsheet_damage_to_a_code_is_undone(registry: Registry, code: str) -> None:
    assert ask(registry, commune_code=code, scope=Scope(era="old")).old_code == "00004"


@pytest.mark.parametrize(
    "query",
    [
        {"commune": "Phường 1", "district": "Quận Gò Vấp", "province": "TP. HCM"},
        {"commune": "P.01", "district": "GÒ VẤP", "province": "Hồ Chí Minh"},
        {"commune": "1", "district_code": "764"},
        {"commune": "Phường 1", "district": "Go Vap", "province_code": "79"},
        {"text": "12/3 Lê Lợi, P1, Q. Gò Vấp, TPHCM"},
        {"text": "P. 1", "district": "Gò Vấp", "province": "Sài Gòn"},
    ],
)
def test_columns_and_text_in_any_mix(registry: Registry, query: dict[str, str]) -> None:
    assert ask(registry, **query).old_code == "26890"


def test_the_scope_of_a_system_is_where_bare_names_are_looked_for(registry: Registry) -> None:
    assert ask(registry, commune="Phường 1").status != "resolved"
    assert ask(registry, commune="Phường 1", scope=Scope(districts=("764",))).old_code == "26890"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Phường Phước Long B, Quận 9, TP Thủ Đức, TP.HCM", "26850"),
        ("Xã Tân Phú, huyện Quốc Oai, tỉnh Hà Tây", "09931"),
        ("phường Thuỷ Nguyên, TP Thủy Nguyên, Hải Phòng", "11560"),
        ("Huyện Côn Đảo, Tỉnh Bà Rịa - Vũng Tàu", "26732"),
        ("Đặc khu Phú Quốc, tỉnh An Giang", "31078"),
        ("Xã Bố Hạ, Bắc Ninh", "07294"),
        ("Phường Bố Hạ, Thành phố Bắc Ninh", "07294"),
        ("Phường Ba Đình, Hà Nội", "00004"),
    ],
)
def test_special_addresses(registry: Registry, text: str, code: str) -> None:
    row = ask(registry, text=text)
    assert row.status == "resolved"
    assert row.new_code in (code, "26848") if code == "26850" else row.new_code == code


def test_a_former_name_goes_through_its_events(registry: Registry) -> None:
    row = ask(registry, text="Xã Tân An, Huyện Yên Dũng, Tỉnh Bắc Giang")
    assert (row.status, row.era, row.new_code) == ("resolved", "historic", "07682")
    assert row.path.count(">") >= 2


def test_the_date_picks_the_instance_of_a_code(registry: Registry) -> None:
    """The day says which of its two units a re-used code means."""
    assert ask(registry, commune_code="00007", as_of="2025-06-30").candidates == "00008|00025"
    before, after = ask(registry, commune_code="00622", as_of="2025-06-30"), ask(registry, commune_code="00622", as_of="2025-07-01")
    assert (before.era, after.era, after.new_code) == ("old", "new", "00622")
    assert ask(registry, commune_code="07708", as_of="2019-01-01").old_name == "Xã Nội Hoàng"
    assert ask(registry, commune_code="07708", as_of="2025-06-30").old_name == "Phường Nội Hoàng"


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "test test test", "Ấp 3", "Tỉnh Thái Nguyên", "Huyện Con Cuông, Tỉnh Nghệ An", "TRƯỜNG TIỂU HỌC",
        "Xã Khủng Long, Thành phố Bắc Kạn, Tỉnh Bắc Kạn", "Phường 71, Thành phố Vũng Tàu, Tỉnh Bà Rịa - Vũng Tàu",
        "Xã Chiềng Đen, Huyện Mang Yang, Tỉnh Bắc Ninh", "252 Quan Cheung Wan, Hong Kong", "12 Nguyễn Trãi, Hà Đông, Hà Nội",
    ],
)  # fmt: skip
def test_no_match_is_a_refusal(registry: Registry, text: str) -> None:
    row = ask(registry, text=text)
    assert (row.status, row.new_code, row.candidates) == ("unmatched", "", "")
    assert row.rule


def test_homonyms_without_their_district_are_kept_apart(registry: Registry) -> None:
    row = ask(registry, text="Xã Ngọc Động, Tỉnh Cao Bằng")
    assert (row.status, row.candidates) == ("ambiguous", "01387|01618")


def test_a_bare_spelling_that_two_names_share_is_ambiguous(registry: Registry) -> None:
    row = ask(registry, text="Xa Hoang Quy, Huyen Hoang Hoa, Tinh Thanh Hoa")
    assert row.status != "resolved" or row.runner_up == ""


def test_a_mark_that_contradicts_is_not_a_missing_mark(registry: Registry) -> None:
    assert ask(registry, text="Xã Vũ Lăng, Huyện Tiền Hải, Tỉnh Thái Bình").rule == "canonical"
    assert ask(registry, text="Xã Vũ Lãng, Huyện Tiền Hải, Tỉnh Thái Bình").rule in ("fuzzy", "unknown-commune")


def test_two_addresses_settle_a_split_when_they_name_its_part(registry: Registry) -> None:
    row = ask(registry, text="Xã Phú Sơn, Huyện Gia Lâm, Hà Nội (nay là xã Gia Lâm, TP Hà Nội)")
    assert (row.status, row.old_code, row.new_code, row.rule) == ("resolved", "00562", "00565", "canonical+text")


def test_coordinates_settle_a_split(registry: Registry) -> None:
    evidence = Evidence(boundaries=Boundaries(load_shapes(), meridians()))
    scope = Scope(evidence=evidence)
    degrees = ask(registry, scope, text=CONG_VI, lat="21.0355", lon="105.8113")
    metres = ask(registry, scope, text=CONG_VI, lat="2327097.05", lon="584128.64")
    outside = ask(registry, scope, text=CONG_VI, lat="10.0", lon="105.8")
    assert (degrees.new_code, degrees.rule) == (metres.new_code, metres.rule) == ("00008", "canonical+coordinates")
    assert outside.status == "ambiguous"
    assert "none of the candidates" in outside.evidence


def test_a_cited_place_rule_settles_a_split_and_contrary_evidence_does_not(registry: Registry) -> None:
    rule = PlaceRule("00007", "Đội Cấn", "00025", "QĐ 1/QĐ-UBND", "steward-1", "2026-01-05")
    address = f"Số 5 phố Đội Cấn, {CONG_VI}"
    settled = ask(registry, Scope(evidence=Evidence((rule,))), text=address)
    assert (settled.new_code, settled.rule) == ("00025", "canonical+place")
    assert "QĐ 1/QĐ-UBND" in settled.evidence
    against = Scope(evidence=Evidence((rule,), Boundaries(load_shapes(), meridians())))
    assert ask(registry, against, text=address, lat="21.0355", lon="105.8113").status == "ambiguous"


def test_index_and_columns_are_the_contract(registry: Registry) -> None:
    queries = pd.DataFrame({"text": [CONG_VI, None]}, index=[7, 3], dtype="str")
    rows = resolve(queries, registry)
    assert list(rows.index) == [7, 3]
    assert list(rows.columns) == [
        "status", "era", "old_code", "old_valid_from", "old_name", "new_code", "new_name", "new_province_code", "rule", "score",
        "runner_up", "runner_up_score", "margin", "candidates", "path", "evidence",
    ]  # fmt: skip
    assert resolve(queries.iloc[:0], registry).empty


def test_the_short_cuts_of_a_code_say_what_the_ladder_says(registry: Registry) -> None:
    """A space in the district's name is no other name, but keeps the short cut for listed words from being taken."""
    last = {unit.code: unit for unit in registry.instances if unit.valid_to == "2025-07-01"}
    units = [last[code] for code in sorted(code for code in last if len(code) == 5)[::23]]
    rows = [(unit.code, unit.name, last[unit.parent_code].name, unit.parent_code, last[unit.parent_code].parent_code) for unit in units]
    listed = pd.DataFrame(rows, columns=["commune_code", "commune", "district", "district_code", "province_code"], dtype="str")
    spelled = listed.assign(commune=listed.commune.str.upper(), district=listed.district.str.replace(" ", "  "))
    for scope in (Scope(), Scope(era="old")):
        pd.testing.assert_frame_equal(resolve(listed, registry, scope=scope), resolve(spelled, registry, scope=scope))


@pytest.mark.parametrize("beside", [{"district": "Quận Hoàn Kiếm"}, {"district_code": "002"}, {}])
def test_the_name_of_a_neighbour_is_no_misspelling(registry: Registry, beside: dict[str, str]) -> None:
    """Hàng Bài and Hàng Bạc are one letter apart, both in Hoàn Kiếm. A name that is nobody's still confirms the code."""
    old = Scope(era="old")
    assert ask(registry, old, commune_code="00088", commune="Phường Hàng Bạc", **beside).rule == "conflict"
    assert ask(registry, old, commune_code="00088", commune="Phường Hàng Bàj", **beside).rule.startswith("code")


@pytest.mark.parametrize("name", ["Phương Tú", "PHƯƠNG TÚ", "Phuong Tu"])
def test_a_name_that_looks_like_a_type_word_is_a_name(registry: Registry, name: str) -> None:
    row = ask(registry, commune=name, district="Huyện Ứng Hòa", province="Hà Nội")
    assert (row.status, row.old_code) == ("resolved", "10384")
    assert row.rule.endswith("type-free")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Khóm 1 X. Trung Giáp H Phù Ninh Tỉnh Phú Thọ", "08245"),
        ("Đường số 38 Ph. Minh Phương TP Việt Trì tỉnh Phú Thọ", "07894"),
        ("Xã Hòa Bắc, Huyện Hòa Vang, Thành phố Đà Nẵng, Huyện Hòa Vang, Thành phố Đà Nẵng", "20194"),
        ("Xã Đông Vinh cũ, Huyện Đông Hưng, Tỉnh Thái Bình", "12745"),
        ("Xã Thạch Thán, Huyện Quốc Oai, Thành phố Hà Nội (mới: Xã Quốc Oai, Thành phố Hà Nội", "09895"),
        ("Ph. Tứ Hạ, T.X Hương Trà, TP Huế", "19996"),
        ("Xã Giao Minh, Tỉnh Nam Định", "14161"),
    ],
    ids=["lone letters", "a name like a type word", "said twice", "former", "open bracket", "dotted town", "new name, old province"],
)
def test_forms_of_an_address(registry: Registry, text: str, code: str) -> None:
    row = ask(registry, text=text)
    assert (row.status, row.new_code) == ("resolved", code)


@pytest.mark.parametrize(
    "text",
    [
        "Xã Đông Quang, Huyện Sóc Sơn, Thành phố Hà Nội",
        "Xã Tân Hòa, Huyện Phúc Thọ, Thành phố Hà Nội",
        "F.Nếhn, hị Xã Việt Yên, tỉnh Bắc Giang",
        "Ngọc Trạo, Thanh Hóa",
        "Lam Sơn, Thanh Hóa",
    ],
    ids=["a commune of elsewhere", "another one", "two communes", "city or province", "city or province again"],
)
def test_what_only_resembles_a_unit_is_not_asserted(registry: Registry, text: str) -> None:
    assert ask(registry, text=text).new_code == ""


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("Xã Liên Hòa, Thị xã Quảng Yên, Thành phố Quảng Ninh", "07168|07180"),
        ("Thôn 1, Xã Yết Kiêu, Huyện Gia Lộc, Thành phố Hải Phòng", "10999|11020"),
    ],
)
def test_an_old_unit_beside_its_new_province_stays_split(registry: Registry, text: str, candidates: str) -> None:
    row = ask(registry, text=text, carries="both")
    assert (row.status, row.candidates) == ("ambiguous", candidates)


def test_a_wider_place_that_holds_the_very_name_is_heard(registry: Registry) -> None:
    """`Xã Tân An` of old Lào Cai is near, `Phường Tân An` of old Yên Bái is the name: both are candidates."""
    row = ask(registry, text="Phường Tân An, Tỉnh Lào Cai")
    assert row.status == "ambiguous"
    assert "04288" in row.candidates


@pytest.mark.parametrize("house", ["Km 10", "Số 12", "12/5", "Số 5 ngõ 12"])
def test_what_follows_a_house_number_is_a_street(registry: Registry, house: str) -> None:
    """A ward of Hà Đông is called Nguyễn Trãi, and so is the street."""
    assert ask(registry, text=f"{house}, Nguyễn Trãi, Hà Đông, Hà Nội").rule == "no-commune"
    assert ask(registry, text="Thôn 3, Xã Tản Lĩnh, Ba Vì, Hà Nội").new_code == "09694"
    assert ask(registry, text="Thôn 3, Tản Lĩnh, Ba Vì, Hà Nội").new_code == "09694"
