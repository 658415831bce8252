"""CPU-seconds and memory of everything that takes part: our processes, PostgreSQL, MariaDB. From /proc, per block."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """Seconds. `cpu` by party; `wall` is elapsed time; `peak_mib` = greatest RSS of one of our processes."""

    cpu: dict[str, float] = field(default_factory=dict)
    wall: float = 0.0
    peak_mib: float = 0.0

    @property
    def total(self) -> float:
        return sum(self.cpu.values())


@contextmanager
def measured(servers: Mapping[str, int]) -> Iterator[Cost]:
    """Cost of a block. `servers`: name → pid of the server's first process, whose descendants are counted with it."""
    cost = Cost()
    before = {name: tree_cpu(pid) for name, pid in servers.items()}
    own, started = _own_cpu(), time.monotonic()
    yield cost
    cost.wall = time.monotonic() - started
    cost.cpu = {"ours": _own_cpu() - own} | {name: tree_cpu(pid) - before[name] for name, pid in servers.items()}
    cost.peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _own_cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def tree_cpu(pid: int) -> float:
    """CPU of a process and its descendants, ended ones included (their parent has inherited it)."""
    stats = _stats()
    children: dict[int, list[int]] = {}
    for child, (parent, _) in stats.items():
        children.setdefault(parent, []).append(child)
    total, waiting = 0.0, [pid]
    while waiting:
        at = waiting.pop()
        if at in stats:
            total += stats[at][1]
        waiting += children.get(at, [])
    return total


def _stats() -> dict[int, tuple[int, float]]:
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(path.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])) / _TICK)
    return found
