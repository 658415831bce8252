"""A column of new codes is never remapped again, a mixed one is seen as mixed, and an undecided one is refused."""

from __future__ import annotations

import pandas as pd
import pytest

from mappings.units.registry import load_registry
from mappings.units.timeline import REFORM
from transforms.units_era import MIXED, UNDECIDED, detect_era

REGISTRY = load_registry()


def units(new: bool) -> pd.DataFrame:
    kept = [u for u in REGISTRY.instances if u.level == "commune" and (u.valid_from == REFORM if new else u.valid_to == REFORM)]
    return pd.DataFrame([(u.code, u.name, u.parent_code) for u in kept], columns=["commune_code", "commune", "parent"], dtype="str")


OLD, NEW = units(new=False), units(new=True)


@pytest.mark.parametrize(("frame", "era"), [(OLD, "old"), (NEW, "new")], ids=["old", "new"])
def test_codes_with_names(frame: pd.DataFrame, era: str) -> None:
    verdict = detect_era(frame[["commune_code", "commune"]].sample(300, random_state=1), REGISTRY)
    assert verdict.era == era
    assert verdict.decided
    assert verdict.evidence


def test_an_all_new_column_of_codes_alone_is_not_old() -> None:
    assert detect_era(NEW[["commune_code"]].sample(200, random_state=2), REGISTRY).era == "new"
    assert detect_era(OLD[["commune_code"]].sample(200, random_state=2), REGISTRY).era == "old"


def test_a_few_codes_that_both_systems_have_decide_nothing() -> None:
    verdict = detect_era(NEW[["commune_code"]].head(6), REGISTRY)
    assert verdict.era == UNDECIDED
    assert not verdict.decided
    assert "say anything" in verdict.reason


def test_seventy_thirty_is_mixed() -> None:
    mixture = pd.concat([OLD.sample(210, random_state=3), NEW.sample(90, random_state=3)])
    verdict = detect_era(mixture[["commune_code", "commune"]], REGISTRY)
    assert verdict.era == MIXED
    assert any(kind.startswith("old:") for kind in verdict.evidence)
    assert any(kind.startswith("new:") for kind in verdict.evidence)


def test_clusters_are_judged_one_by_one() -> None:
    rows = pd.concat([OLD.sample(200, random_state=4).assign(year="2024"), NEW.sample(100, random_state=4).assign(year="2026")])
    verdict = detect_era(rows[["commune_code", "commune", "year"]], REGISTRY, cluster="year")
    assert verdict.era == MIXED
    assert verdict.clusters == {"2024": "old", "2026": "new"}


def test_a_small_cluster_to_the_contrary_is_not_outvoted() -> None:
    names_new_only = NEW[NEW.commune_code == "00004"]
    few = pd.concat([names_new_only, NEW[NEW.commune_code.isin(["00008", "00025", "00070"])]]).assign(year="2026")
    rows = pd.concat([OLD.sample(500, random_state=5).assign(year="2024"), few])
    assert detect_era(rows[["commune_code", "commune", "year"]], REGISTRY, cluster="year").era == MIXED


def test_a_district_beside_the_code_is_the_old_system() -> None:
    rows = OLD.sample(50, random_state=6).rename(columns={"parent": "district_code"})[["commune_code", "district_code"]]
    assert detect_era(rows, REGISTRY).era == "old"


def test_a_column_of_other_codes_is_refused() -> None:
    verdict = detect_era(pd.DataFrame({"commune_code": [str(90_000 + number) for number in range(60)]}), REGISTRY)
    assert verdict.era == UNDECIDED
    assert "column of commune codes" in verdict.reason


def test_an_empty_column_is_undecided() -> None:
    assert detect_era(pd.DataFrame({"commune_code": pd.Series([], dtype="str")}), REGISTRY).era == UNDECIDED
