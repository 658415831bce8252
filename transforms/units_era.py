"""In which code system does a column speak: the old one, the new one, both mixed, or is it undecided?

3,316 of the 3,321 new commune codes are re-used old codes, so membership proves nothing. What does: the name written
beside a code, a district, a code or province that only one system has, the row's date. Every piece of evidence is
counted per distinct value; clusters (a date, an office, an import batch) are judged on their own, because one column
often holds both. Undecided means the run must not remap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from mappings.units.registry import Registry
from transforms.units_codes import clean_code, same_name
from transforms.units_index import NEW, OLD, Index, index_of
from transforms.units_outcome import REFORM
from transforms.units_query import column_chunks

MIXED, UNDECIDED, UNKNOWN = "mixed", "undecided", "unknown"
ENOUGH = 5  # distinct values that speak; fewer decide nothing
TOLERATED = 0.02  # share of contrary evidence that is error, not a second era
MANY = 40  # so many codes, every one a current code, are no old column: only a third of the old codes are (0.33 ** 40)
UNKNOWN_SHARE = 0.2  # more unknown codes than this: it is not a column of commune codes


@dataclass(frozen=True)
class EraVerdict:
    """`era`: old | new | mixed | undecided. `speaking` distinct values had evidence, out of `values`; `evidence` counts
    kinds as `old:district-beside`, `new:name-fits-new-only`; `clusters` holds the verdict of every cluster that differs."""

    era: str
    values: int
    speaking: int
    evidence: Mapping[str, int]
    reason: str
    clusters: Mapping[str, str] = field(default_factory=dict)

    @property
    def decided(self) -> bool:
        return self.era in (OLD, NEW)


def detect_era(frame: pd.DataFrame, registry: Registry, *, cluster: str | None = None) -> EraVerdict:
    """Judge a column by distinct rows of any of: commune_code, commune, district_code, district, province_code, as_of.

    `cluster` names a column of the frame (year, office, batch) whose groups are judged one by one.
    """
    index = index_of(registry)
    kept = [name for name in _COLUMNS if name in frame]
    rows = frame[kept + ([cluster] if cluster else [])].fillna("").astype(str).drop_duplicates()
    said = pd.Series([_speaks(index, dict(zip(kept, row, strict=True))) for row in zip(*(rows[name] for name in kept), strict=True)])
    if cluster is None:
        return _verdict(said)
    groups = {str(name): _verdict(said[part]) for name, part in rows.reset_index(drop=True).groupby(cluster).indices.items()}
    return _over_clusters(_verdict(said), groups)


_COLUMNS = ("commune_code", "commune", "district_code", "district", "province_code", "as_of")


def _speaks(index: Index, row: Mapping[str, str]) -> str:
    """One row's evidence as `era:kind`; '' when it fits both systems, `unknown:…` when its code is in neither."""
    code = clean_code(row.get("commune_code", ""))
    units = [index.units[uid] for uid in index.by_code.get(code, ())]
    if code and not units:
        return f"{UNKNOWN}:code"
    if row.get("district_code") or row.get("district"):
        return f"{OLD}:district-beside"
    olds, news = [u for u in units if u.era != NEW], [u for u in units if u.era == NEW]
    if units and not (olds and news):
        return f"{NEW}:code-is-new-only" if news else f"{OLD}:code-is-old-only"
    if units and row.get("commune"):
        chunk = next(iter(column_chunks(index, row["commune"], "commune")), None)
        fits = [era for era, side in ((OLD, olds), (NEW, news)) if chunk and any(same_name(chunk, unit) for unit in side)]
        if len(fits) == 1:
            return f"{fits[0]}:name-fits-{fits[0]}-only"
        if not fits:
            return f"{UNKNOWN}:name-fits-neither"
    province = clean_code(row.get("province_code", ""), 2)
    if province and units:
        fits = [era for era, side in ((OLD, olds), (NEW, news)) if any(unit.uid in index.inside.get(f"{era}:{province}", ()) for unit in side)]
        if len(fits) == 1:
            return f"{fits[0]}:province-fits-{fits[0]}-only"
    as_of = row.get("as_of", "")
    return f"{OLD}:dated-before-reform" if as_of and as_of < REFORM else ""


def _verdict(said: Iterable[str]) -> EraVerdict:
    said = list(said)
    counts = Counter(word for word in said if word)
    if not counts and len(said) >= MANY:
        counts[f"{NEW}:codes-all-current"] = len(said)
    by_era = Counter({era: sum(n for word, n in counts.items() if word.startswith(era + ":")) for era in (OLD, NEW, UNKNOWN)})
    speaking = by_era[OLD] + by_era[NEW]
    era, reason = _decide(by_era, speaking, len(said))
    return EraVerdict(era, len(said), speaking, dict(counts), reason)


def _decide(by_era: Counter[str], speaking: int, values: int) -> tuple[str, str]:
    if values and by_era[UNKNOWN] > UNKNOWN_SHARE * values:
        return UNDECIDED, f"{by_era[UNKNOWN]} of {values} values fit neither system: is this a column of commune codes?"
    if speaking < min(ENOUGH, max(values, 1)):
        return UNDECIDED, f"only {speaking} of {values} values say anything: add the name, the district or the date"
    old, new = by_era[OLD], by_era[NEW]
    lesser = min(old, new)
    if lesser > max(TOLERATED * speaking, 1):
        return MIXED, f"{old} values speak the old system, {new} the new one: judge by cluster or row"
    era = OLD if old > new else NEW
    return era, f"{max(old, new)} of {speaking} values that say anything"


def _over_clusters(whole: EraVerdict, groups: Mapping[str, EraVerdict]) -> EraVerdict:
    """A column whose clusters speak different systems is mixed even if one of them is small."""
    decided = {verdict.era for verdict in groups.values() if verdict.decided}
    clusters = {name: verdict.era for name, verdict in groups.items()}
    contrary = {era for verdict in groups.values() if (era := _leaning(verdict))}
    if len(decided | contrary) > 1 or MIXED in clusters.values():
        return EraVerdict(MIXED, whole.values, whole.speaking, whole.evidence, "clusters speak different systems", clusters)
    return EraVerdict(whole.era, whole.values, whole.speaking, whole.evidence, whole.reason, clusters)


def _leaning(verdict: EraVerdict) -> str:
    """The era of a cluster too small to be judged when at least two of its values, and none to the contrary, speak."""
    said = Counter[str]()
    for kind, count in verdict.evidence.items():
        said[kind.partition(":")[0]] += count
    leading = [era for era in (OLD, NEW) if said[era] >= 2 and not said[NEW if era == OLD else OLD]]
    return leading[0] if leading else ""
