"""Keep freed memory for the next part instead of handing it back to the system page by page.

Parts are alike in size, so the pages are needed again at once: giving them back costs a tenth of a load's CPU in page
faults. The process still holds no more than its largest part needs.
"""

from __future__ import annotations

import ctypes
import os

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
_LARGE = 1 << 30


def keep_freed_memory() -> None:
    """Call before pyarrow is imported: its allocator reads the environment once. Does nothing outside glibc."""
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "-1")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _LARGE)
        mallopt(_M_TOP_PAD, 64 << 20)
        mallopt(_M_ARENA_MAX, 1)  # a driver's threads come and go: in arenas of their own they would each keep what they freed
