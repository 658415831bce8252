"""The command line of the product, with its stages measured: `python -m tests.bench.staged OUT.json NAME=PID … -- migrate …`.

The steps are the product's own; only a clock and the CPU counters stand around each.
"""

from hopnhat.start import run, start_lean

start_lean()

import json  # noqa: E402  the allocator must be set before anything imports pyarrow
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from hopnhat import cli, migrate  # noqa: E402
from tests.bench.meter import measured  # noqa: E402


def main() -> None:
    split = sys.argv.index("--")
    out, servers = Path(sys.argv[1]), {name: int(pid) for name, _, pid in (word.partition("=") for word in sys.argv[2:split])}
    sys.argv = ["hopnhat", *sys.argv[split + 1 :]]
    stages: dict[str, dict[str, float]] = {}

    def around(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            with measured(servers) as cost:
                result = step(*args, **options)
            stages[name] = {**cost.cpu, "wall": cost.wall}
            out.write_text(json.dumps(stages), encoding="utf-8")
            return result

        return timed

    def planned(*args: Any, **options: Any) -> Any:
        """The later steps are read in beside the plan: they are there to be measured once it has ended."""
        result = plan(*args, **options)
        from hopnhat import pipeline, workers

        for module, name, stage in ((workers, "load_all", "load"), (pipeline, "publish", "publish"), (pipeline, "reconcile", "reconcile")):
            setattr(module, name, around(stage, getattr(module, name)))
        return result

    plan = around("plan", migrate.planned)
    migrate.planned = planned
    run(cli.main)


if __name__ == "__main__":
    main()
