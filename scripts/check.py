"""`make test`: style, types, architecture, mappings, and every test that this machine has the programs for.

The tests run on one process more than there are cores (they often wait for servers), the other checks beside them.
What failed is said again at the very end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PROGRAMS = {
    "mariadbd": "MariaDB",
    "redis-server": "Redis",
    "chromium": "Chromium",
    "chromedriver": "ChromeDriver",
    "mdb-export": "mdbtools",
}
PROCESSES = min(6, len(os.sched_getaffinity(0)) + 1)
CHECKS = (
    ("style", [str(BIN / "ruff"), "check", "."]),
    ("types", [str(BIN / "mypy")]),
    ("architecture", [str(BIN / "lint-imports")]),
    ("mappings", [sys.executable, "-m", "hopnhat", "check-mappings"]),
)
# One file's tests stay on one process: they share servers. tests/conftest.py puts the long files first.
TESTS = [
    sys.executable, "-m", "pytest", "-q", "--durations=10", f"--numprocesses={PROCESSES}", "--dist=loadfile", "--no-loadscope-reorder",
    "--hypothesis-profile=fixed",
]  # fmt: skip


def main() -> int:
    started = time.monotonic()
    reports: dict[str, str] = {}
    beside = threading.Thread(target=lambda: reports.update(_check(name, command) for name, command in CHECKS))
    beside.start()
    failed = _test()
    beside.join()
    for name, output in reports.items():
        if output:
            print(f"\n== {name}\n{output}", flush=True)
            failed.append(name)
    lacking = [label for program, label in PROGRAMS.items() if not (shutil.which(program) or Path(f"/usr/sbin/{program}").exists())]
    if lacking:
        print(f"Left out, for want of {', '.join(lacking)}: the tests marked `services` that need them. `make services` installs them.")
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(
        "\n"
        + "\n".join(["FAILED:", *(f"  {item}" for item in failed)] if failed else ["All checks passed."])
        + f"\n({minutes} min {seconds} s)"
    )
    return 1 if failed else 0


def _check(name: str, command: list[str]) -> tuple[str, str]:
    """Output of a check that failed, nothing of one that passed."""
    done = subprocess.run(command, cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return name, (done.stdout or f"ended with status {done.returncode}") if done.returncode else ""


def _test() -> list[str]:
    """Run the tests under the reader's eyes; what pytest's own summary says went wrong."""
    print(f"== tests on {PROCESSES} processes, style, types, architecture and mappings beside them", flush=True)
    wrong = []
    with subprocess.Popen(TESTS, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as tests:
        assert tests.stdout is not None
        for line in tests.stdout:
            print(line, end="", flush=True)
            if line.startswith(("FAILED ", "ERROR ")):
                wrong.append(line.strip())
    return wrong or ([f"tests: ended with status {tests.returncode}"] if tests.returncode else [])


if __name__ == "__main__":
    sys.exit(main())
