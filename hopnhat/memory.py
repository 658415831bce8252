"""Keep freed memory for the next part instead of handing it back to the system page by page.

Parts are alike in size, so the pages are needed again at once: giving them back costs a tenth of a load's CPU in page
faults. The process still holds no more than its largest part needs.

No huge pages: the allocator of pyarrow asks for them, and a virtual machine whose host takes free memory back pays for
each as for 512 small ones, five times what small pages cost there (4 % of a first load's CPU); elsewhere nothing is lost.
"""

from __future__ import annotations

import ctypes
import os

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
_PR_SET_THP_DISABLE = 41
_LARGE = 1 << 30


def keep_freed_memory() -> None:
    """Call before pyarrow is imported: its allocator reads the environment once. Does nothing outside Linux and glibc."""
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "-1")
    system = ctypes.CDLL(None)
    if hasattr(system, "prctl"):
        system.prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)
    if mallopt := getattr(system, "mallopt", None):
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _LARGE)
        mallopt(_M_TOP_PAD, 64 << 20)
        mallopt(_M_ARENA_MAX, 1)  # a driver's threads come and go: in arenas of their own they would each keep what they freed
