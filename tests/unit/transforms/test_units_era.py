"""A column of new codes is never remapped again, a mixed one is seen as mixed, and an undecided one is refused."""

from __future__ import annotations

import pandas as pd
import pytest

from mappings.units.registry import load_registry
from mappings.units.timeline import REFORM
from transforms.units_era import MIXED, UNDECIDED, EraTally, EraVerdict, detect_era, gate
from transforms.units_query import Query

REGISTRY = load_registry()


def units(new: bool) -> pd.DataFrame:
    kept = [u for u in REGISTRY.instances if u.level == "commune" and (u.valid_from == REFORM if new else u.valid_to == REFORM)]
    return pd.DataFrame([(u.code, u.name, u.parent_code) for u in kept], columns=["commune_code", "commune", "parent"], dtype="str")


OLD, NEW = units(new=False), units(new=True)
OLD_PARENTS = {u.code: u.parent_code for u in REGISTRY.instances if u.level == "district" and u.valid_to == REFORM}


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


def test_names_without_codes_are_no_new_codes() -> None:
    """Names that say nothing of their system are not taken for current codes, however many they are."""
    assert detect_era(NEW[["commune"]], REGISTRY).era == UNDECIDED


def test_values_may_come_piece_by_piece_and_again() -> None:
    rows = [Query(commune_code=code, commune=name) for code, name, _ in OLD.sample(300, random_state=7).itertuples(index=False)]
    whole, pieces = EraTally(REGISTRY), EraTally(REGISTRY)
    whole.add(rows)
    for start in range(0, 300, 70):
        pieces.add(rows[max(start - 20, 0) : start + 70])
    assert pieces.verdict() == whole.verdict()
    assert whole.verdict().values == 300


def test_pieces_may_be_clusters() -> None:
    tally = EraTally(REGISTRY)
    for name, frame in (("1", OLD), ("2", NEW)):
        tally.add(
            (Query(commune_code=code, commune=words) for code, words, _ in frame.sample(100, random_state=8).itertuples(index=False)), name
        )
    verdict = tally.verdict()
    assert (verdict.era, verdict.clusters) == (MIXED, {"1": "old", "2": "new"})


def verdict_of(*frames: pd.DataFrame) -> EraVerdict:
    return detect_era(pd.concat(frames)[["commune_code", "commune"]], REGISTRY)


def test_new_codes_declared_old_are_refused_so_that_they_are_not_remapped_again() -> None:
    found = gate(verdict_of(NEW.sample(200, random_state=9)), "old")
    assert found.refuses
    assert "name-fits-new-only" in found.message
    assert gate(detect_era(NEW[["commune_code"]].sample(200, random_state=9), REGISTRY), "old").refuses


def test_what_is_as_declared_goes_on() -> None:
    found = gate(verdict_of(OLD.sample(200, random_state=9)), "old")
    assert (found.refuses, found.trusts_declared, found.message) == (False, True, "")


def test_a_mixed_column_goes_on_row_by_row() -> None:
    found = gate(verdict_of(OLD.sample(200, random_state=9), NEW.sample(90, random_state=9)), "old")
    assert (found.refuses, found.trusts_declared) == (False, False)
    assert "both systems" in found.message


def test_an_undecided_column_rests_on_a_persons_word_or_is_refused() -> None:
    undecided = detect_era(NEW[["commune_code"]].head(6), REGISTRY)
    assert gate(undecided, "").refuses
    assert not gate(undecided, "old").refuses
    assert "read as old" in gate(undecided, "old").message


def test_codes_alone_of_both_systems_are_mixed() -> None:
    mixture = pd.concat([OLD.sample(300, random_state=10), NEW.sample(300, random_state=10)])
    assert detect_era(mixture[["commune_code"]], REGISTRY).era == MIXED


def test_no_province_of_old_codes_alone_looks_mixed() -> None:
    province = {code: OLD_PARENTS[parent] for code, _, parent in OLD.itertuples(index=False)}
    for _, part in OLD.groupby(OLD.commune_code.map(province)):
        assert detect_era(part[["commune_code"]], REGISTRY).era == "old"
