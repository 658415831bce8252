"""What a process of the command line does before it imports anything large."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hopnhat.memory import keep_freed_memory


def start_lean() -> None:
    """Keep freed memory; let the collector look at the million objects of the libraries and the unit registry, which stay,
    a few times and not a thousand; and leave the test library hypothesis out: pandera loads it, and pytest with it,
    wherever it is installed, for a third of a second that no run needs."""
    keep_freed_memory()
    gc.set_threshold(200_000, 20, 50)
    sys.modules.setdefault("hypothesis", None)  # type: ignore[arg-type]


@contextmanager
def unsearched() -> Iterator[None]:
    """What is made inside is there to stay: the collector neither looks at it meanwhile nor ever again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def run(main: Callable[[], None]) -> None:
    """Run the command line. When all went well it ends at once: to take the libraries' million objects apart first costs a
    tenth of a second and helps nobody."""
    try:
        main()
    except SystemExit as exc:
        if exc.code:
            raise
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # nobody reads any more: the ordinary end says so in its exit code
        return
    os._exit(0)
