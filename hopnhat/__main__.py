from hopnhat.start import run, start_lean

start_lean()

from hopnhat.cli import main  # noqa: E402  the allocator must be set before anything imports pyarrow

run(main)
