"""The real old communes with what the law made of them: where the synthetic applicants live, and the right answers.

Facts only from mappings/units/facts (resolutions 1654–1687/NQ-UBTVQH15), read without the resolver under test.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from hopnhat.sample.spoil import no_type_word, other_tone_place

FACTS = Path(__file__).parents[2] / "mappings" / "units" / "facts"
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Communes:
    """All old communes, one position each. `new_code` is null where the law leaves people in several new units."""

    code: pa.Array
    name: pa.Array
    district_code: pa.Array
    district: pa.Array
    province_code: pa.Array
    province: pa.Array
    new_code: pa.Array
    new_province: pa.Array
    candidates: pa.Array
    """New codes that took people of a commune whose people were divided, sorted; empty where the law settles them."""
    settled: Mask
    split: Mask
    """Divided by area, whether or not the law settles its people."""

    def where(self, *, districts: frozenset[str] | None = None, provinces: frozenset[str] | None = None, settled: bool = True) -> Ints:
        """Positions of communes in the given districts and provinces (None = any) that are settled, or not."""
        keep = self.settled if settled else ~self.settled
        for column, chosen in ((self.district_code, districts), (self.province_code, provinces)):
            if chosen is not None:
                keep = keep & np.isin(column.to_numpy(zero_copy_only=False).astype(str), sorted(chosen))
        return np.flatnonzero(keep)


@dataclass(frozen=True, eq=False)
class NewCommunes:
    """New communes whose code and name together never meant an old unit: a row that names one is of the new era."""

    code: pa.Array
    name: pa.Array
    province_code: pa.Array
    province: pa.Array


@cache
def communes() -> Communes:
    old, new, cross = _facts("units_old"), _facts("units_new"), _facts("crosswalk")
    names = dict(zip(old.code, old.name, strict=True))
    parents = dict(zip(old.code, old.parent_code, strict=True))
    new_parent = dict(zip(new.code, new.parent_code, strict=True))
    people = cross[cross.carries_population != "no"].groupby("old_code").new_code.agg(lambda codes: sorted(set(codes)))
    parts = cross.groupby("old_code").new_code.nunique()
    rows = old[old.level == "commune"].sort_values("code")
    homes = [people[code] for code in rows.code]
    settled = np.array([len(codes) == 1 for codes in homes])
    certain = [codes[0] if len(codes) == 1 else None for codes in homes]
    provinces = [parents[d] for d in rows.parent_code]
    text = pa.string()
    return Communes(
        code=pa.array(rows.code, text),
        name=pa.array(rows.name, text),
        district_code=pa.array(rows.parent_code, text),
        district=pa.array([names[d] for d in rows.parent_code], text),
        province_code=pa.array(provinces, text),
        province=pa.array([names[p] for p in provinces], text),
        new_code=pa.array(certain, text),
        new_province=pa.array([new_parent[c] if c else None for c in certain], text),
        candidates=pa.array([codes if len(codes) > 1 else [] for codes in homes], pa.list_(text)),
        settled=settled,
        split=np.array([parts[code] > 1 for code in rows.code]),
    )


@cache
def new_communes(province: str) -> NewCommunes:
    old, new = _facts("units_old"), _facts("units_new")
    before = set(zip(old.code, old.name.map(_bare), strict=True))
    names = dict(zip(new.code, new.name, strict=True))
    rows = new[(new.level == "commune") & (new.parent_code == province)].sort_values("code")
    rows = rows[[pair not in before for pair in zip(rows.code, rows.name.map(_bare), strict=True)]]
    return NewCommunes(
        code=pa.array(rows.code, pa.string()),
        name=pa.array(rows.name, pa.string()),
        province_code=pa.array(rows.parent_code, pa.string()),
        province=pa.array([names[p] for p in rows.parent_code], pa.string()),
    )


def _bare(name: str) -> str:
    """Without the type word and its two spellings of a tone: what a lenient comparison would see."""
    return other_tone_place(no_type_word(name)) if "oà" in name or "uỷ" in name else no_type_word(name)


def _facts(name: str) -> pd.DataFrame:
    return pd.read_csv(FACTS / f"{name}.csv", dtype=str, keep_default_na=False)
