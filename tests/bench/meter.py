"""CPU-seconds and memory of everything that takes part: our processes, PostgreSQL, MariaDB. From /proc and wait4.

A command is measured from outside: wait4 gives the CPU of its whole tree and the peak of its largest process. Traps:
getrusage(RUSAGE_CHILDREN) remembers the largest child of all times, and a child inherits the peak of the process that
started it. So the measuring process stays small and leaves heavy work to commands.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """Seconds. `cpu` by party; `wall` elapsed; `others` = CPU of processes that take no part (noise); `peak_mib` = greatest
    RSS of one process of the measured command."""

    cpu: dict[str, float] = field(default_factory=dict)
    wall: float = 0.0
    others: float = 0.0
    peak_mib: float = 0.0
    stages: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return sum(self.cpu.values())

    @property
    def noise(self) -> float:
        """Share of the machine's cores that others used meanwhile."""
        return self.others / (self.wall * (os.cpu_count() or 1)) if self.wall else 0.0


@dataclass(frozen=True)
class Finished:
    code: int
    stdout: str
    stderr: str
    cost: Cost


@contextmanager
def measured(servers: Mapping[str, int]) -> Iterator[Cost]:
    """Cost of a block. `servers`: name → pid of the server's first process, whose descendants are counted with it."""
    cost = Cost()
    before, busy = {name: tree_cpu(pid) for name, pid in servers.items()}, machine_cpu()
    own, started = own_cpu(), time.monotonic()
    yield cost
    cost.wall = time.monotonic() - started
    cost.cpu = {"ours": own_cpu() - own} | {name: tree_cpu(pid) - before[name] for name, pid in servers.items()}
    cost.others = max(0.0, machine_cpu() - busy - cost.total)


def run_measured(command: Sequence[str], servers: Mapping[str, int], environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> Finished:
    """Run a command to its end and measure it and the servers it used."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with measured(servers) as cost:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        outside = used.ru_utime + used.ru_stime
        cost.others = max(0.0, cost.others + cost.cpu["ours"] - outside)
        cost.cpu["ours"], cost.peak_mib = outside, used.ru_maxrss / 1024
        for stream in (out, err):
            stream.seek(0)
        return Finished(process.returncode, out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace"), cost)


def own_cpu() -> float:
    """Of this process and the children it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def machine_cpu() -> float:
    """Busy time of all cores: user, nice, system, interrupts."""
    fields = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]]
    return sum(fields[:3] + fields[5:7]) / _TICK


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
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(entry.name)] = (int(fields[1]), sum(map(int, fields[11:15])) / _TICK)
    return found
