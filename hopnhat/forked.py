"""Child processes of the command line: forked, so that libraries are read once, and gone when their parent is."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal

CONTEXT = multiprocessing.get_context("fork")
_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """First thing in a child: a killed migration leaves nobody writing."""
    gc.freeze()  # what was there before the fork is not searched again, and stays shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could ask
        os._exit(1)
