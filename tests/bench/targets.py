"""What the figures should be, and a section's result as readable lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

MOST_CPU, AIM_CPU = 2.8, 2.2
MOST_WALL, AIM_WALL = 1.8, 1.3
MOST_SHARE, AIM_SHARE = 0.10, 0.05
MOST_MIB, AIM_MIB = 1024, 614
FLAT = 1.15
"""A larger source may need this much more than a smaller one and still count as flat."""
LEAST_KILLS = 200


def verdict(value: float, most: float, aim: float | None = None) -> str:
    if value > most:
        return "NOT MET"
    return "met, and the aim" if aim is not None and value <= aim else "met"


def lines(section: str, found: Mapping[str, Any]) -> list[str]:
    for key in ("failed", "left_out"):
        if key in found:
            return [f"  {key.replace('_', ' ')}: {found[key]}"]
    return _TELL.get(section, _script)(found)


def _path(found: Mapping[str, Any]) -> list[str]:
    told = [
        f"  {found['rows']:,} rows from {found['source']}: {found['source_columns_read']} of {found['source_columns']} columns read, {found['target_columns']} in the target"
    ]
    told += [_cost(name, found[name]) for name in ("floor", "bulk", "again", "delta_1_percent")]
    told += [f"    {stage:<10} {_parties(spent)}" for stage, spent in found["bulk"]["stages"].items()]
    for name, most, aim in (
        ("cpu_ratio", MOST_CPU, AIM_CPU), ("wall_ratio", MOST_WALL, AIM_WALL),
        ("again_database_share", MOST_SHARE, AIM_SHARE), ("delta_database_share", MOST_SHARE, AIM_SHARE),
    ):  # fmt: skip
        told.append(f"  {name:<22} {found[name]:>6}  must ≤ {most}, aim ≤ {aim}: {verdict(found[name], most, aim)}")
    return told


def _memory(found: Mapping[str, Any]) -> list[str]:
    told = [f"  {int(rows):>10,} rows: largest process {one['peak_mib']} MiB, {one['cpu_s_per_million']} CPU-s per million" for rows, one in found["sizes"].items()]
    return [
        *told,
        f"  greatest peak {found['greatest_peak_mib']} MiB, must ≤ {MOST_MIB}, aim ≤ {AIM_MIB}: {verdict(found['greatest_peak_mib'], MOST_MIB, AIM_MIB)}",
        f"  growth {found['growth']}, must ≤ {FLAT}: {verdict(found['growth'], FLAT)}",
    ]


def _peers(found: Mapping[str, Any]) -> list[str]:
    told = [_cost(name, one) if isinstance(one, dict) else f"  {name:<16} {one}" for name, one in found["results"].items()]
    return told + [f"  ours ÷ {name:<10} {ratio:>5}  must ≤ 1, aim ≤ 0.5: {verdict(ratio, 1, 0.5)}" for name, ratio in found["our_cpu_by_theirs"].items()]


def _kills(found: Mapping[str, Any]) -> list[str]:
    enough = found["passed"] and found["kills"] >= LEAST_KILLS
    return [f"  {found['kills']} kills in {found['wall_s']} s: {'met' if enough else 'NOT MET'}", *(f"    {line}" for line in found.get("output", []))]


def _script(found: Mapping[str, Any]) -> list[str]:
    return [*(f"  {line}" for line in found["output"]), f"  exit {found['exit']}, {found['wall_s']} s"]


def _cost(name: str, one: Mapping[str, Any]) -> str:
    head = f"  {name:<16} CPU {one['cpu_total_s']:>6} s ({_parties(one['cpu_s'])}) wall {one['wall_s']:>6} s"
    return head + (f" peak {one['peak_mib']} MiB" if one["peak_mib"] else "") + f" noise {one['noise']:.0%}"


def _parties(spent: Mapping[str, float]) -> str:
    return ", ".join(f"{party} {seconds}" for party, seconds in spent.items())


_TELL: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {"path": _path, "memory": _memory, "peers": _peers, "kills": _kills}
