"""Kill -9 at random instants, by the project's own test, in the benchmark's number: ≥ 200 rounds."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.bench.source import REPOSITORY

TESTS = ("tests/integration/test_kill.py", "tests/integration/test_kill_merge.py")


def measure(kills: int) -> dict[str, Any]:
    """Run the tests with `kills` kills during first loads and a fifth of that on the merge path."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=5400", f"--basetemp={folder}/base", f"--junitxml={report}", *TESTS]
        started = time.monotonic()
        done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | {"HOPNHAT_TEST_KILLS": str(kills)}, capture_output=True, text=True, check=False)
        suite = ElementTree.parse(report).getroot().find("testsuite") if report.exists() else None  # noqa: S314
        ran = {k: int(suite.get(k, "0")) for k in ("tests", "failures", "errors", "skipped")} if suite is not None else {}
    passed = done.returncode == 0 and ran.get("tests", 0) > 0 and not ran.get("skipped")
    result: dict[str, Any] = {"kills": kills, "passed": passed, "exit": done.returncode, "wall_s": round(time.monotonic() - started), **ran}
    return result if passed else result | {"output": (done.stdout + done.stderr).splitlines()[-15:]}
