"""`make bench`: what the product costs on this machine, as ratios. Writes var/bench/result.json."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from hopnhat.settings import settings
from tests.bench import path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--home", type=Path, default=settings().home / "bench")
    chosen = parser.parse_args()
    result = path.measure(chosen.home.resolve(), chosen.rows, repeats=chosen.repeats)
    print(json.dumps(result, indent=1))
    (chosen.home / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
