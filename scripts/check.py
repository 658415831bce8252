"""`make test`: style, types, architecture, mappings, then every test that this machine has the programs for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PROGRAMS = {"mariadbd": "MariaDB", "redis-server": "Redis", "chromium": "Chromium", "chromedriver": "ChromeDriver", "mdb-export": "mdbtools"}
CHECKS = (
    ("style", [str(BIN / "ruff"), "check", "."]),
    ("types", [str(BIN / "mypy")]),
    ("architecture", [str(BIN / "lint-imports")]),
    ("mappings", [sys.executable, "-m", "hopnhat", "check-mappings"]),
    ("tests", [sys.executable, "-m", "pytest", "-q", "--durations=10"]),
)


def main() -> int:
    failed = []
    for name, command in CHECKS:
        print(f"== {name}", flush=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(name)
    lacking = [label for program, label in PROGRAMS.items() if not (shutil.which(program) or Path(f"/usr/sbin/{program}").exists())]
    if lacking:
        print(f"Left out, for want of {', '.join(lacking)}: the tests marked `services` that need them. `make services` installs them.")
    print(f"FAILED: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
