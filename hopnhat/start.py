"""What a process of the command line does before it imports anything large."""

from __future__ import annotations

import sys

from hopnhat.memory import keep_freed_memory


def start_lean() -> None:
    """Keep freed memory, and leave the test library hypothesis out: pandera loads it, and pytest with it, wherever it is
    installed, for a third of a second that no run needs."""
    keep_freed_memory()
    sys.modules.setdefault("hypothesis", None)  # type: ignore[arg-type]
