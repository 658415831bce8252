"""Names to units: every consistent reading of the chunks, the best rung over all of them, the reason when none holds."""

from __future__ import annotations

from collections.abc import Iterable

from transforms.addresses import CITY, COMMUNE, DISTRICT, PLAIN, PROVINCE, Chunk
from transforms.units_answer import Finding
from transforms.units_context import block
from transforms.units_fuzzy import BARE_MARGIN, MARGIN, read_fuzzy
from transforms.units_index import OLD, Index, slot
from transforms.units_ladder import RUNGS, Eras, Hit, read_name
from transforms.units_reading import Given, Reading, readings
from transforms.units_verify import read_verified

SURE = ("canonical", "unaccented")  # nothing that a later, less likely reading finds could be better


def read_names(index: Index, chunks: tuple[Chunk, ...], given: Given, eras: Eras) -> Finding:
    """Rungs 1–5 over all readings; rung 6 only when they find nothing; else why not."""
    if not any(chunk.level in (COMMUNE, PLAIN, DISTRICT) for chunk in chunks):
        return Finding("unknown", ())
    found = _best(_exact(index, reading, eras) for reading in readings(index, chunks, given, False))
    if found is None:
        fuzzy = list(readings(index, chunks, given, True))
        found = _best(_exact(index, reading, eras) for reading in fuzzy) or _fuzzy(index, chunks, fuzzy, eras)
        if found is None and not fuzzy:
            found = read_verified(index, chunks, given, eras)
    if found and found.rule.endswith(RUNGS[3]) and sum(chunk.level == COMMUNE for chunk in chunks) > 1:
        return found._replace(settled=False, evidence="two names with a commune's type word, and the one found has another")
    return found or Finding(_why_not(index, chunks, given), ())


def _best(findings: Iterable[Finding | None]) -> Finding | None:
    best: Finding | None = None
    for finding in findings:
        if finding and (best is None or _rank(finding) < _rank(best)):
            best = finding
            if finding.settled and finding.rule in SURE:
                break
    return best


def _rank(finding: Finding) -> tuple[bool, int]:
    rung = finding.rule.removeprefix("fuzzy-parent+")
    return not finding.settled, RUNGS.index(rung) if rung in RUNGS else len(RUNGS)


def _exact(index: Index, reading: Reading, eras: Eras) -> Finding | None:
    groups = eras.with_district if reading.districts else eras.without_district
    if not reading.communes:
        return _special_zone(index, reading)
    return _first(index, reading, groups, eras.day)


def _special_zone(index: Index, reading: Reading) -> Finding | None:
    """Five island districts had no communes: their name is all an old address says."""
    codes = {code for group in reading.districts for code in group}
    uids = tuple(uid for code in codes for uid in index.by_code.get(code, ()) if index.units[uid].era == OLD)
    return Finding(RUNGS[0], uids) if len(codes) == 1 and uids else None


def _fuzzy(index: Index, chunks: tuple[Chunk, ...], readings: list[Reading], eras: Eras) -> Finding | None:
    """The nearest name of the first reading that has one, if no other reading offers a nearer or equally near one. Of two
    names with a commune's type word one is something else, and a misspelt one does not tell which."""
    if sum(chunk.level == COMMUNE for chunk in chunks) > 1:
        return None
    parents = sum(chunk.level in (DISTRICT, CITY, PROVINCE) for chunk in chunks)
    if parents != 1:  # a single `thành phố` may be the province as well as the district
        readings = [reading for reading in readings if reading.districts] or readings
    groups = eras.with_district if readings and readings[0].districts else eras.without_district
    blocks = [block(index, reading.provinces, reading.districts) for reading in readings]
    everything = frozenset().union(*(parts[0] for parts in blocks if parts))
    for reading in readings:
        if len(reading.communes) != 1 or not everything:
            continue
        if not _may_be_commune(index, reading.communes[0], reading) or not (reading.districts or reading.communes[0].type):
            continue  # neither a type word nor a district: too little to believe a misspelt name
        margin = MARGIN if reading.exact or not reading.communes[0].bare else BARE_MARGIN
        hit = read_fuzzy(index, reading.communes[0], everything, groups, margin=margin)
        if hit:
            return _finding(reading, reading.communes[0], hit, False)
    return None


def _first(index: Index, reading: Reading, groups: tuple[tuple[str, ...], ...], day: str) -> Finding | None:
    """The units of the reading's commune chunks in its strictest block that has any. Chunks that disagree settle nothing."""
    blocks = block(index, reading.provinces, reading.districts)
    anywhere = not reading.provinces and not reading.districts
    for at, within in enumerate(blocks or ((None,) if anywhere and not reading.ignores_place else ())):
        hits = [
            (chunk, hit)
            for chunk in reading.communes
            if _may_be_commune(index, chunk, reading) and (hit := read_name(index, chunk, within, groups, day))
        ]
        if hits:
            found = _finding(reading, *hits[0], anywhere)
            others = [hit for _, hit in hits[1:] if _heirs(index, hit) != _heirs(index, hits[0][1])]
            others += _better(index, *hits[0], blocks[at + 1 :], groups, day)
            return _disagreeing(found, others) if others else found
    return None


def _better(
    index: Index, chunk: Chunk, hit: Hit, blocks: tuple[frozenset[int], ...], groups: tuple[tuple[str, ...], ...], day: str
) -> list[Hit]:
    """What a wider block holds under the very name that the stricter one has only with other marks or another type."""
    if hit.rung == RUNGS[0]:
        return []
    wider = (read_name(index, chunk, within, groups, day) for within in blocks)
    return [
        other for other in wider if other and RUNGS.index(other.rung) < RUNGS.index(hit.rung) and _heirs(index, other) != _heirs(index, hit)
    ]


def _may_be_commune(index: Index, chunk: Chunk, reading: Reading) -> bool:
    """A plain name needs a parent beside it. One that is also a parent's name means the parent, unless both parents are named."""
    if chunk.level == COMMUNE:
        return True
    if slot(chunk.key) in index.districts or slot(chunk.key) in index.provinces:
        return bool(reading.provinces and reading.districts)
    return bool(reading.provinces or reading.districts)


def _heirs(index: Index, hit: Hit) -> set[str]:
    return {code for uid in hit.uids for code, _ in index.units[uid].successors}


def _disagreeing(found: Finding, others: list[Hit]) -> Finding:
    uids = tuple(dict.fromkeys(found.uids + tuple(uid for hit in others for uid in hit.uids)))
    return found._replace(uids=uids, settled=False, evidence="the address names several communes")


def _finding(reading: Reading, chunk: Chunk, hit: Hit, anywhere: bool) -> Finding:
    settled = not anywhere and bool(chunk.level == COMMUNE or (reading.districts and reading.is_sure))
    rule = hit.rung if reading.exact else f"fuzzy-parent+{hit.rung}"
    why = "" if settled else "a commune's name without its parents" if anywhere else "a name without type word or sure district"
    return Finding(rule, hit.uids, hit.score, hit.runner_up, hit.runner_up_score, why, settled)


def _why_not(index: Index, chunks: tuple[Chunk, ...], given: Given) -> str:
    parents = any(chunk.level in (DISTRICT, CITY, PROVINCE) for chunk in chunks)
    if parents and next(readings(index, chunks, given, True), None) is None:
        return "contradiction"
    return "unknown-commune" if any(chunk.level == COMMUNE for chunk in chunks) else "no-commune"
