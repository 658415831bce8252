"""The resolver measured: right, wrong and abstained per class, speed, memory, what each rung contributes, and peers.

    python -m tests.bench.bench_resolver                       a labelled set made here from the law, seeded
    python -m tests.bench.bench_resolver --labelled FILE.csv   a set of one's own: text, noise_class, new_codes, expected_kind
    … --peer-python PYTHON                                     the same rows through converters installed in that environment

CPU-seconds of one core. Start-up is not counted as speed but printed.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from mappings.units.registry import Registry, load_registry
from mappings.units.timeline import REFORM, Instance
from transforms import addresses, match_keys, units_context, units_find, units_fuzzy, units_query
from transforms.units import resolve
from transforms.units_answer import answer
from transforms.units_index import HISTORIC, index_of, name_key, slot
from transforms.units_ladder import RUNGS

KEYS = {
    "q": "wa", "w": "qes", "e": "wr", "r": "et", "t": "ry", "y": "tu", "u": "yi", "i": "uo", "o": "ip", "p": "o", "a": "sq", "s": "ad",
    "d": "sf", "f": "dg", "g": "fh", "h": "gj", "j": "hk", "k": "jl", "l": "k", "z": "x", "x": "zc", "c": "xv", "v": "cb", "b": "vn",
    "n": "bm", "m": "n",
}  # fmt: skip
PEER = """
import csv, json, sys, time
from vietnamadminunits import convert_address
rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))
convert_address(rows[0]["text"]); start = time.process_time(); found = []
for row in rows:
    try: found.append(getattr(convert_address(row["text"]), "ward_code", None) or "")
    except Exception: found.append("")
print(json.dumps({"seconds": time.process_time() - start, "found": found}))
"""


def typo(rng: random.Random, name: str) -> str:
    """One error of a keyboard: a letter lost, doubled, replaced by a neighbour, or swapped with the next."""
    places = [at for at, char in enumerate(name) if char.isalpha()]
    if not places:
        return name
    at = rng.choice(places)
    kind = rng.choice("ldrs")
    new = {"l": "", "d": name[at] * 2, "r": rng.choice(KEYS.get(name[at].lower(), "nht")), "s": name[at : at + 2][::-1]}[kind]
    return name[:at] + new + name[at + (2 if kind == "s" else 1) :]


def bare(text: str) -> str:
    letters = (char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return "".join(letters).replace("đ", "d").replace("Đ", "D")


def labelled(registry: Registry, rows: int, seed: int) -> pd.DataFrame:
    """Addresses rendered from the old list with noise; the truth is the law's crosswalk."""
    rng = random.Random(seed)
    last = {unit.code: unit for unit in registry.instances if unit.valid_to == REFORM}
    heirs: dict[str, set[str]] = {}
    for event in registry.events:
        if event.effective_date == REFORM and len(event.code_before) == 5:
            heirs.setdefault(event.code_before, set()).add(event.code_after)
    noises: dict[str, Callable[[list[list[str]]], str]] = {
        "clean": _join,
        "upper": lambda parts: _join(parts).upper(),
        "bare": lambda parts: bare(_join(parts)),
        "typo1": lambda parts: _join(_damaged(rng, parts, 1)),
        "typo2": lambda parts: _join(_damaged(rng, parts, 2)),
        "bare typo1": lambda parts: bare(_join(_damaged(rng, parts, 1))),
        "no district": lambda parts: _join([parts[0], parts[2]]),
        "no province": lambda parts: _join(parts[:2]),
        "no type": lambda parts: ", ".join(name for _, name in parts),
        "street": lambda parts: f"Số {rng.randint(1, 300)} đường Trần Phú, {_join(parts)}",
    }
    made = []
    for name, noise in noises.items():
        for code in rng.sample(sorted(heirs.keys() & {c for c in last if len(c) == 5}), rows):
            unit = last[code]
            district = last[unit.parent_code]
            parts = [_typed(one.type, one.name) for one in (unit, district, last[district.parent_code])]
            kind = "unique" if len(heirs[code]) == 1 else "ambiguous"
            made.append((noise([list(part) for part in parts]), name, "|".join(sorted(heirs[code])), kind))
    made += _elsewhere(rng, registry, last, rows)
    return pd.DataFrame(made, columns=["text", "noise_class", "new_codes", "expected_kind"])


def _elsewhere(rng: random.Random, registry: Registry, last: dict[str, Instance], rows: int) -> list[tuple[str, str, str, str]]:
    """A commune's name beside a district that never had one of that name: nothing is right but a refusal."""
    index = index_of(registry)
    communes = sorted(code for code in last if len(code) == 5)
    made: list[tuple[str, str, str, str]] = []
    while len(made) < rows:
        unit, other = last[rng.choice(communes)], last[rng.choice(communes)]
        key = slot(name_key(unit.name))
        district = last[other.parent_code]
        if not any(slot(index.units[uid].key) == key for uid in index.inside[district.code]):
            made.append((f"{unit.name}, {district.name}, {last[district.parent_code].name}", "elsewhere", "", "none"))
    return made


def _typed(type_: str, name: str) -> tuple[str, str]:
    word = type_.replace(" Trung ương", "")
    return (word, name[len(word) + 1 :]) if name.startswith(word) else ("", name)


def _join(parts: list[list[str]]) -> str:
    return ", ".join(" ".join(part).strip() for part in parts)


def _damaged(rng: random.Random, parts: list[list[str]], errors: int) -> list[list[str]]:
    for _ in range(errors):
        part = rng.choices(parts, weights=[len(name) for _, name in parts])[0]
        part[1] = typo(rng, part[1])
    return parts


def verdicts(found: pd.DataFrame, truth: pd.DataFrame) -> pd.Series:
    """right, wrong (a single unit asserted that is not the truth), candidates (offered, truth among them) or abstained."""
    said = []
    for status, code, offered, wanted, kind in zip(
        found.status, found.new_code, found.candidates, truth.new_codes, truth.expected_kind, strict=True
    ):
        codes, meant = set(offered.split("|")) - {""}, set(wanted.split("|")) - {""}
        if status == "resolved":
            said.append("right" if kind == "unique" and code == wanted else "wrong")
        elif kind == "none":
            said.append("right" if status == "unmatched" else "candidates")
        elif kind == "ambiguous":
            said.append("right" if codes == meant else "candidates" if codes & meant else "abstained")
        else:
            said.append("candidates" if meant <= codes else "abstained")
    return pd.Series(said, index=truth.index)


def interval(hits: int, of: int) -> str:
    """Wilson's 95 % interval in per cent."""
    if not of:
        return "–"
    z, p = 1.96, hits / of
    middle, half = (p + z * z / 2 / of), z * math.sqrt(p * (1 - p) / of + z * z / 4 / of / of)
    scale = 100 / (1 + z * z / of)
    return f"{100 * p:.2f} ({max(0.0, (middle - half) * scale):.2f}–{min(100.0, (middle + half) * scale):.2f})"


def forget() -> None:
    """Every value is measured as if seen for the first time."""
    for cached in (
        addresses._segment, answer, units_context.province_mention, units_context.district_mention, units_context.block,
        units_context.districts_of, units_fuzzy._names, units_query.column_chunks, units_find._parents, match_keys.quick_key,
    ):  # fmt: skip
        cached.cache_clear()


def run(frame: pd.DataFrame, registry: Registry) -> tuple[pd.DataFrame, float]:
    forget()
    start = time.process_time()
    found = resolve(frame[["text"]], registry, carries="both")
    return found, len(frame) / (time.process_time() - start)


def ablations() -> dict[str, list[tuple[str, object]]]:
    """What to switch off, one step at a time: module attribute and what stands in for it."""
    from transforms import units_ladder

    graded = units_ladder._rung
    never, near = len(RUNGS), units_fuzzy.read_fuzzy
    return {
        "all rungs": [],
        "without the look-up of whole addresses": [("transforms.units_find._whole", lambda *_: None)],
        "without fuzzy names": [("transforms.units_names.read_fuzzy", lambda *_, **__: None)],
        "without damaged parents": [
            ("transforms.units_context.nearest", lambda *_: []), ("transforms.units_names.read_verified", lambda *_: None),
        ],
        "without missing marks": [("transforms.units_ladder.omits_marks_only", lambda *_: False), ("transforms.units_find._whole", lambda *_: None)],
        "without other type words": [
            ("transforms.units_ladder._rung", lambda chunk, unit: rung if (rung := graded(chunk, unit)) in (0, 2) else never),
        ],
        "without history": [
            ("transforms.units_ladder._rung", lambda chunk, unit: never if unit.era == HISTORIC else graded(chunk, unit)),
            ("transforms.units_names.read_fuzzy", lambda index, chunk, within, groups, **more: near(index, chunk, within, _living(groups), **more)),
        ],
        "without the rule on names of other communes": [("transforms.units_fuzzy._is_a_name", lambda *_: False)],
        "without the rule on wider places": [("transforms.units_names._better", lambda *_: [])],
        "without the rule on names beside city or province": [("transforms.units_reading._is_either", lambda *_: False)],
    }  # fmt: skip


def _living(groups: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(era for era in group if era != HISTORIC) for group in groups)


def report(frame: pd.DataFrame, registry: Registry) -> None:
    found, speed = run(frame, registry)
    said = verdicts(found, frame)
    print(f"{len(frame)} rows, {speed:,.0f} distinct values per CPU-second")
    for name, part in said.groupby(frame.noise_class):
        counts = part.value_counts()
        hits = int(counts.get("right", 0))
        print(
            f"  {name:20} n {len(part):6} right {interval(hits, len(part)):24} wrong {counts.get('wrong', 0):3} candidates {counts.get('candidates', 0):4}"
        )
    asserted = int((found.status == "resolved").sum())
    print(f"precision of single answers {interval(asserted - int((said == 'wrong').sum()), asserted)}")
    by_rung = found.rule.where(found.status == "resolved", "-").str.removesuffix("+law-population")
    print(pd.crosstab(by_rung, said).to_string())
    for name, changes in ablations().items():
        with ExitStack() as off:
            for target, stand_in in changes:
                off.enter_context(patch(target, stand_in))
            rows, speed = run(frame, registry)
        said = verdicts(rows, frame)
        print(f"  {name:40} right {100 * (said == 'right').mean():6.2f} %  wrong {(said == 'wrong').sum():4}  {speed:9,.0f}/s")


def peer(frame: pd.DataFrame, python: str, home: Path) -> None:
    rows = home / "peer_rows.csv"
    frame.to_csv(rows, index=False)
    done = subprocess.run([python, "-c", PEER, str(rows)], capture_output=True, text=True, check=True, env={"PYTHONPATH": ""})
    told = json.loads(done.stdout.splitlines()[-1])
    found = pd.DataFrame({"new_code": told["found"], "candidates": ""})
    found["status"] = ["resolved" if code else "unmatched" for code in found.new_code]
    said = verdicts(found, frame)
    print(
        f"vietnamadminunits: right {100 * (said == 'right').mean():.2f} % wrong {100 * (said == 'wrong').mean():.2f} % {len(frame) / told['seconds']:,.0f}/s"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labelled", type=Path)
    parser.add_argument("--rows", type=int, default=1_500, help="per class of the set made here")
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--peer-python")
    parser.add_argument("--home", type=Path, default=Path("var/bench"))
    chosen = parser.parse_args()
    start = time.process_time()
    registry = load_registry()
    index_of(registry)
    print(f"registry {registry.version} and its index: {time.process_time() - start:.2f} CPU-s")
    frame = (
        pd.read_csv(chosen.labelled, dtype=str, keep_default_na=False) if chosen.labelled else labelled(registry, chosen.rows, chosen.seed)
    )
    report(frame, registry)
    if chosen.peer_python:
        chosen.home.mkdir(parents=True, exist_ok=True)
        peer(frame, chosen.peer_python, chosen.home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
