"""Child processes of the command line: forked, so that libraries are read once, and gone when their parent is."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal

CONTEXT = multiprocessing.get_context("fork")
_PR_SET_PDEATHSIG = 1


def begin_worker(parent: int) -> None:
    """First thing in a child that writes: Ctrl-C is the parent's to answer, which lets parts that are begun end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent)


def die_with_parent(parent: int) -> None:
    """First thing in a child: a killed migration leaves nobody at work."""
    gc.freeze()  # what was there before the fork is not searched again, and stays shared
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could ask
        os._exit(1)
