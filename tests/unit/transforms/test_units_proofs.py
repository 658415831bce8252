"""The law's clauses, the boundaries and the short cuts, over all the units they concern."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from shapely.geometry import Point, Polygon

from mappings.units.build import HERE, read_csv
from mappings.units.evidence import load_rules, load_shapes, meridians
from mappings.units.registry import load_registry
from mappings.units.timeline import REFORM
from transforms.match_keys import canonical
from transforms.units import Scope, resolve
from transforms.units_evidence import Evidence
from transforms.units_geo import NEAR_BORDER, Boundaries
from transforms.units_index import NEW, index_of
from transforms.units_ladder import Eras, eras_of
from transforms.units_listed import new_address
from transforms.units_names import read_names
from transforms.units_query import Query, named_chunks
from transforms.units_reading import Given

REGISTRY = load_registry()
LAST = {unit.code: unit for unit in REGISTRY.instances if unit.valid_to == REFORM}
LAW: dict[str, dict[str, str]] = defaultdict(dict)
for row in read_csv(HERE / "facts" / "crosswalk.csv"):
    if len(row["old_code"]) == 5:
        LAW[row["old_code"]][row["new_code"]] = row["carries_population"]
SPLITS = sorted(code for code, parts in LAW.items() if len(parts) > 1)


def triple(code: str) -> str:
    district = LAST[LAST[code].parent_code]
    return f"{LAST[code].name}, {district.name}, {LAST[district.parent_code].name}"


def asked(codes: list[str], carries: str) -> pd.DataFrame:
    return resolve(pd.DataFrame({"text": [triple(code) for code in codes]}), REGISTRY, carries=carries)  # type: ignore[arg-type]


def test_people_of_the_sixty_communes_and_of_no_others_are_settled_by_law() -> None:
    populated = {code: [new for new, people in LAW[code].items() if people == "yes"] for code in SPLITS}
    by_law = [code for code in SPLITS if len(populated[code]) == 1]
    assert (len(SPLITS), len(by_law)) == (441, 60)
    people = asked(SPLITS, "people")
    settled = people[people.status == "resolved"]
    assert [SPLITS[at] for at in settled.index] == by_law
    assert settled.new_code.tolist() == [populated[code][0] for code in by_law]
    assert settled.rule.str.endswith("+law-population").all()
    assert settled.evidence.str.contains("NQ-UBTVQH15 k.", regex=False).all()


@pytest.mark.parametrize("carries", ["area", "both"])
def test_the_clause_on_people_never_settles_land(carries: str) -> None:
    rows = asked(SPLITS, carries)
    assert (rows.status == "ambiguous").all()
    assert [set(found.split("|")) for found in rows.candidates] == [set(LAW[code]) for code in SPLITS]


def inner_point(shape: Polygon, others: list[Polygon]) -> Point | None:
    """A point well inside one candidate, away from the others; None where a candidate is too thin for that."""
    inner = shape.buffer(-2 * NEAR_BORDER)
    for other in others:
        inner = inner.difference(other.buffer(2 * NEAR_BORDER))  # type: ignore[assignment]
    return None if inner.is_empty else inner.representative_point()


@pytest.mark.parametrize("system", ["WGS84", "VN-2000"])
def test_a_point_inside_a_part_settles_a_split(system: str) -> None:
    """Every fifth split commune, every part of it: the point's part and no other."""
    boundaries = Boundaries(load_shapes(), meridians())
    queries, wanted = [], []
    for code in SPLITS[::5]:
        zone = meridians()[LAST[LAST[code].parent_code].parent_code]
        shapes = {new: boundaries.shape_of(new) for new in LAW[code]}
        for new, shape in shapes.items():
            point = inner_point(shape, [other for key, other in shapes.items() if key != new])
            if point is None:
                continue
            if system == "WGS84":
                first, second = f"{point.y:.6f}", f"{point.x:.6f}"
            else:
                east, north = Transformer.from_crs(4326, zone, always_xy=True).transform(point.x, point.y)
                first, second = f"{north:.2f}", f"{east:.2f}"
            queries.append((code, first, second))
            wanted.append(new)
    frame = pd.DataFrame(queries, columns=["commune_code", "lat", "lon"], dtype="str")
    rows = resolve(frame, REGISTRY, scope=Scope(era="old", evidence=Evidence(boundaries=boundaries)), carries="both")
    assert len(wanted) > 170
    assert rows.new_code.tolist() == wanted
    assert rows.rule.eq("code+coordinates").all()


def test_hamlets_of_a_rule_file_settle_a_split_and_other_hamlets_do_not(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text(
        "old_code,place,new_code,decision,decided_by,decided_on\n"
        "00007,Tổ dân phố số 5,00008,QĐ 12/QĐ-UBND,steward-1,2026-01-05\n00007,phố Vạn Bảo,00025,QĐ 12/QĐ-UBND,steward-1,2026-01-05\n",
        "utf-8",
    )
    scope = Scope(evidence=Evidence(load_rules(path)))
    texts = [
        f"Tổ dân phố số 5, {triple('00007')}",
        f"12 PHỐ VẠN BẢO, {triple('00007')}",
        f"Tổ dân phố số 55, {triple('00007')}",
        f"Tổ dân phố số 5, phố Vạn Bảo, {triple('00007')}",
        f"phố Vạn Bảo, {triple('00004')}",
    ]
    rows = resolve(pd.DataFrame({"text": texts}), REGISTRY, scope=scope, carries="both")
    assert rows.new_code.tolist() == ["00008", "00025", "", "", "00004"]
    assert rows.rule.tolist() == ["canonical+place", "canonical+place", "canonical+split", "canonical+split", "canonical"]
    assert "disagrees" in rows.evidence[3]


NOISES = {
    "upper": str.upper,
    "lower": str.lower,
    "spaces": lambda text: text.replace(" ", "   "),
    "short": lambda text: text.replace("Phường ", "P.").replace("Xã ", "X. ").replace("Huyện ", "H.").replace("Thành phố ", "TP "),
    "no commas": lambda text: text.replace(", ", " "),
    "street": lambda text: f"K12/5 Trần Hưng Đạo, {text}",
    "country": lambda text: f"{text}, VN",
    "tone": lambda text: text.replace("òa", "oà").replace("óa", "oá").replace("úy", "uý").replace("ủy", "uỷ").replace("ùy", "uỳ"),
}


@settings(max_examples=300)
@given(st.sampled_from(sorted(LAW)), st.lists(st.sampled_from(sorted(NOISES)), min_size=1, max_size=4, unique=True))
def test_noises_together_never_lead_to_another_unit(code: str, noises: list[str]) -> None:
    text = triple(code)
    for noise in noises:
        text = NOISES[noise](text)
    row = resolve(pd.DataFrame({"text": [text]}), REGISTRY, carries="both").iloc[0]
    if row.status == "resolved":
        assert {row.new_code} == LAW[code].keys()
    else:
        assert set(row.candidates.split("|")) >= LAW[code].keys() or not row.candidates


@given(st.text(max_size=40))
def test_a_key_of_a_key_is_the_key(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


@pytest.mark.parametrize("eras", [Eras(), eras_of(NEW, ""), eras_of("old", "")], ids=["any", "new", "old"])
def test_the_listed_addresses_of_today_say_what_the_ladder_says(eras: Eras) -> None:
    index = index_of(REGISTRY)
    taken = 0
    provinces = {unit.code: unit.name for unit in REGISTRY.instances if unit.level == "province" and not unit.valid_to}
    today = [unit for unit in index.units if unit.era == NEW and not unit.valid_to]
    for unit in today:
        province = provinces[index.new_province[unit.code]]
        found = new_address(index, f"{unit.type} {unit.key} {canonical(province)}", eras.without_district)
        taken += found is not None
        climbed = read_names(index, named_chunks(index, Query(commune=unit.name, province=province)), Given(), eras)
        assert found in (None, climbed)
    assert taken == len(today) or eras == eras_of("old", "")


def test_a_sample_of_addresses_in_random_order_of_levels() -> None:
    rng = random.Random(3)
    codes = rng.sample([code for code, parts in LAW.items() if len(parts) == 1], 400)
    texts = [", ".join(rng.sample(triple(code).split(", "), 3)) for code in codes]
    rows = resolve(pd.DataFrame({"text": texts}), REGISTRY)
    assert rows.new_code.tolist() == [next(iter(LAW[code])) for code in codes]
