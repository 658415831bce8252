from hopnhat.memory import keep_freed_memory

keep_freed_memory()

from hopnhat.cli import main  # noqa: E402  the allocator must be set before anything imports pyarrow

main()
