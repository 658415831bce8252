import sys

from hopnhat.memory import keep_freed_memory

keep_freed_memory()
# pandera loads the test library hypothesis, and pytest with it, wherever it is installed: a third of a second per worker.
sys.modules["hypothesis"] = None  # type: ignore[assignment]

from hopnhat.cli import main  # noqa: E402  the allocator must be set before anything imports pyarrow

main()
