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
from typing import TYPE_CHECKING

from mappings.units.registry import Registry
from transforms.units_codes import clean_code, same_name
from transforms.units_index import NEW, OLD, Index, index_of
from transforms.units_outcome import REFORM
from transforms.units_query import Query, column_chunks

if TYPE_CHECKING:
    import pandas as pd

MIXED, UNDECIDED, UNKNOWN = "mixed", "undecided", "unknown"
ENOUGH = 5  # distinct values that speak; fewer decide nothing
TOLERATED = 0.02  # share of contrary evidence that is error, not a second era
MANY = 40  # so many codes, every one a current code, are no old column: only a third of the old codes are (0.33 ** 40)
UNKNOWN_SHARE = 0.2  # more unknown codes than this: it is not a column of commune codes
CURRENT = "both:code"
CURRENT_SHARE = 0.5  # of the old codes of a province at most 0.40 are current ones
MOST = 200_000  # distinct values counted; a column of communes has a few thousand


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


class EraTally:
    """Counts what the distinct values of a column say, cluster by cluster, as they come."""

    def __init__(self, registry: Registry) -> None:
        self._index = index_of(registry)
        self._seen: set[int] = set()
        self._said: dict[str, Counter[str]] = {}

    def add(self, queries: Iterable[Query], cluster: str = "") -> None:
        """Values seen before in the cluster count once. `cluster`: a year, an office, a part: rows written together."""
        said = self._said.setdefault(cluster, Counter())
        for query in queries:
            row = (cluster, query.commune_code, query.commune, query.district_code, query.district, query.province_code,
                   bool(query.as_of) and query.as_of < REFORM)  # fmt: skip
            if hash(row) not in self._seen and len(self._seen) < MOST:
                self._seen.add(hash(row))
                said[speaks(self._index, query)] += 1

    def verdict(self) -> EraVerdict:
        """The column's era; several clusters are judged one by one too."""
        return verdict_of(self._said)


def verdict_of(said: Mapping[str, Mapping[str, int]]) -> EraVerdict:
    """The era of a column from counts by `speaks`, cluster by cluster (the parts of a run, say); '' = one that has none."""
    counted = {name: Counter(dict(kinds)) for name, kinds in said.items()}
    whole = _verdict(sum(counted.values(), Counter()))
    if set(counted) <= {""}:
        return whole
    return _over_clusters(whole, {name: _verdict(kinds) for name, kinds in counted.items()})


@dataclass(frozen=True)
class EraGate:
    """What a run does about a column: go on, or refuse. `trusts_declared`: rows that do not tell their era themselves may
    be read in the era that the mapping declares; otherwise they wait. `message` is '' when there is nothing to report."""

    refuses: bool
    trusts_declared: bool
    message: str


def gate(verdict: EraVerdict, declared: str) -> EraGate:
    """May a column be remapped? `declared`: the era that a person says it speaks, '' = nobody does.

    A column that speaks the other era than declared is refused: new codes read as old ones would be remapped again. A
    mixed one is judged row by row. An undecided one rests on the declaration, and without one is refused.
    """
    evidence = ", ".join(f"{kind} {count}" for kind, count in sorted(verdict.evidence.items()))
    said = f"{verdict.reason} ({evidence})" if evidence else verdict.reason
    if verdict.era == MIXED:
        return EraGate(False, False, f"the units are of both systems, rows that do not tell theirs wait: {said}")
    if verdict.era == UNDECIDED:
        return EraGate(not declared, True, f"the units do not tell their system{f', read as {declared}' if declared else ''}: {said}")
    if declared and verdict.era != declared:
        return EraGate(True, False, f"declared {declared}, but the units are {verdict.era}: {said}")
    return EraGate(False, True, "")


def said_of(verdict: EraVerdict, declared: str) -> str:
    """One line about a file's codes, for whoever resolves it."""
    found = gate(verdict, declared).message or f"the units are {verdict.era}: {verdict.reason}"
    return f"era: {found}" + ("" if declared or not verdict.decided else f"; --era {verdict.era} reads codes that stand alone so")


def detect_era(frame: pd.DataFrame, registry: Registry, *, cluster: str | None = None) -> EraVerdict:
    """Judge a column by distinct rows of any of: commune_code, commune, district_code, district, province_code, as_of.

    `cluster` names a column of the frame (year, office, batch) whose groups are judged one by one.
    """
    kept = [name for name in _COLUMNS if name in frame]
    rows = frame[kept + ([cluster] if cluster else [])].fillna("").astype(str).drop_duplicates()
    groups = {str(name): part for name, part in rows.groupby(cluster)} if cluster else {"": rows}
    tally = EraTally(registry)
    for name, part in groups.items():
        values = zip(*(part[column].tolist() for column in kept), strict=True)
        tally.add((Query(**dict(zip(kept, row, strict=True))) for row in values), name)
    return tally.verdict()


_COLUMNS = ("commune_code", "commune", "district_code", "district", "province_code", "as_of")


def speaks(index: Index, row: Query) -> str:
    """One row's evidence as `era:kind`; CURRENT when its code fits both systems, `unknown:…` when neither, '' without one."""
    code = clean_code(row.commune_code)
    units = [index.units[uid] for uid in index.by_code.get(code, ())]
    if code and not units:
        return f"{UNKNOWN}:code"
    if row.district_code or row.district:
        return f"{OLD}:district-beside"
    olds, news = [u for u in units if u.era != NEW], [u for u in units if u.era == NEW]
    if units and not (olds and news):
        return f"{NEW}:code-is-new-only" if news else f"{OLD}:code-is-old-only"
    if units and row.commune:
        chunk = next(iter(column_chunks(index, row.commune, "commune")), None)
        fits = [era for era, side in ((OLD, olds), (NEW, news)) if chunk and any(same_name(chunk, unit) for unit in side)]
        if len(fits) == 1:
            return f"{fits[0]}:name-fits-{fits[0]}-only"
        if not fits:
            return f"{UNKNOWN}:name-fits-neither"
    province = clean_code(row.province_code, 2)
    if province and units:
        fits = [
            era for era, side in ((OLD, olds), (NEW, news)) if any(unit.uid in index.inside.get(f"{era}:{province}", ()) for unit in side)
        ]
        if len(fits) == 1:
            return f"{fits[0]}:province-fits-{fits[0]}-only"
    return f"{OLD}:dated-before-reform" if row.as_of and row.as_of < REFORM else CURRENT if units else ""


def _verdict(said: Counter[str]) -> EraVerdict:
    values = said.total()
    counts = Counter({word: count for word, count in said.items() if word not in ("", CURRENT)})
    contrary = sum(count for word, count in counts.items() if not word.startswith(NEW))
    if said[CURRENT] >= MANY and contrary <= TOLERATED * values:
        counts[f"{NEW}:codes-all-current"] = said[CURRENT]
    alone = said[f"{OLD}:code-is-old-only"]
    if said[CURRENT] >= MANY and alone > TOLERATED * values and said[CURRENT] > CURRENT_SHARE * (said[CURRENT] + alone):
        counts[CURRENT] = said[CURRENT]
        return EraVerdict(MIXED, values, alone, dict(counts), "more current codes among the old ones than any province had")
    by_era = Counter({era: sum(n for word, n in counts.items() if word.startswith(era + ":")) for era in (OLD, NEW, UNKNOWN)})
    speaking = by_era[OLD] + by_era[NEW]
    era, reason = _decide(by_era, speaking, values)
    return EraVerdict(era, values, speaking, dict(counts), reason)


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
