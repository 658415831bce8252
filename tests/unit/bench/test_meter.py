"""The meter is what every figure rests on: CPU of ended grandchildren, peaks of this command alone, nobody counted twice."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.meter import machine_cpu, measured, own_cpu, run_measured, tree_cpu
from tests.bench.targets import verdict

BURN = "import time\nwhile time.process_time() < {seconds}: pass"
HOLD = "held = bytearray({mib} << 20)"


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_cpu_of_a_command_and_of_its_ended_children() -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {BURN.format(seconds=0.4)!r}])"
    cost = run_measured(python(child), {}).cost
    assert 0.4 <= cost.cpu["ours"] < 1.0
    assert cost.wall >= 0.4


def test_waiting_costs_wall_and_no_cpu() -> None:
    cost = run_measured(python("import time; time.sleep(0.5)"), {}).cost
    assert cost.wall >= 0.5
    assert cost.cpu["ours"] < 0.3


def test_the_peak_is_of_this_command_and_not_of_an_earlier_larger_one() -> None:
    """Measured from a process of its own: a child inherits the peak of whoever starts it, and a test session is large."""
    commands = [python(HOLD.format(mib=400)), python(HOLD.format(mib=1))]
    code = f"from tests.bench.meter import run_measured\nprint([run_measured(c, {{}}).cost.peak_mib for c in {commands!r}])"
    root = Path(__file__).resolve().parents[3]
    # A shell in between, so that even the measuring process starts small.
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}; exit $?"
    said = subprocess.run(["sh", "-c", line], cwd=root, capture_output=True, text=True, check=True).stdout
    large, small = json.loads(said)
    assert large >= 400
    assert small < large - 200


def test_a_server_is_counted_with_children_that_have_ended() -> None:
    code = f"import subprocess, sys, time; subprocess.run([sys.executable, '-S', '-c', {BURN.format(seconds=0.4)!r}]); print('x', flush=True); time.sleep(30)"
    server = subprocess.Popen(python(code), stdout=subprocess.PIPE)
    try:
        with measured({"database": server.pid}) as cost:
            assert server.stdout is not None
            server.stdout.readline()
        assert 0.35 <= cost.cpu["database"] < 1.0
        assert cost.cpu["ours"] < 0.3
    finally:
        server.kill()
        server.wait()


def test_what_a_command_says_and_how_it_ends() -> None:
    done = run_measured(python("import sys; print('ra'); print('lỗi', file=sys.stderr); sys.exit(3)"), {}, os.environ | {"PYTHONUTF8": "1"})
    assert (done.code, done.stdout, done.stderr) == (3, "ra\n", "lỗi\n")


def test_cpu_of_those_who_take_no_part_is_noise() -> None:
    stranger = subprocess.Popen(python(BURN.format(seconds=30)))
    try:
        cost = run_measured(python("import time; time.sleep(2)"), {}).cost
        assert cost.others >= 0.2  # a tenth of what it would get on an idle machine
        assert cost.noise > 0.0
    finally:
        stranger.kill()
        stranger.wait()


def test_counters_only_rise() -> None:
    before, until = (own_cpu(), tree_cpu(os.getpid()), machine_cpu()), time.process_time() + 0.1
    while time.process_time() < until:
        pass
    after = (own_cpu(), tree_cpu(os.getpid()), machine_cpu())
    assert all(later > earlier for earlier, later in zip(before, after, strict=True))


@pytest.mark.parametrize(("value", "said"), [(2.0, "met, and the aim"), (2.5, "met"), (2.81, "NOT MET")])
def test_verdict(value: float, said: str) -> None:
    assert verdict(value, 2.8, 2.2) == said
