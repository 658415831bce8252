"""The production shape of docker-compose.yml without Docker, on one machine and below `var/cluster`.

.venv/bin/python scripts/cluster.py start     PostgreSQL, Redis, api-server, scheduler, dag-processor, two Celery workers
.venv/bin/python scripts/cluster.py status
.venv/bin/python scripts/cluster.py stop      ends all of it, children included; the data stay
.venv/bin/python scripts/cluster.py remove    … and deletes the data
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["start", "status", "stop", "remove"])
    parser.add_argument("--home", type=Path, default=REPOSITORY / "var" / "cluster")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--port", type=int, default=None, help="of the screens; default 8080 or the next free one")
    chosen = parser.parse_args(arguments)
    if chosen.action == "start" and chosen.workers < 1:
        parser.error("--workers: at least 1")
    return act(chosen.action, chosen.home.resolve(), chosen.workers, chosen.port)


def act(action: str, home: Path, workers: int, port: int | None) -> int:
    from hopnhat.model.errors import HopNhatError
    from hopnhat.orchestrate import runner
    from hopnhat.server import remove_server, stop_server
    from hopnhat.settings import settings

    try:
        if action == "start":
            runner.up(home, url=settings().database_url, port=port, workers=workers)
        elif action == "status":
            services = runner.status(home)
            print("\n".join(f"{name:14} {state}" for name, state in services.items()) or "not running")
            return 0 if services else 1
        else:
            print("stopped" if runner.down(home) else "was not running")
            stop_server(home)
            if action == "remove":
                remove_server(home)
                shutil.rmtree(home, ignore_errors=True)
    except HopNhatError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))  # a script's own folder is on the path, its repository is not
    sys.exit(main())
