"""Worker processes that keep to one core each and end with whoever started them."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor

_PR_SET_PDEATHSIG = 1  # prctl(2)


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """A pool of fresh interpreters; killed with the thread that opens it, even by SIGKILL."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, initializer=become_worker, initargs=(os.getpid(),))


def become_worker(parent: int) -> None:
    """Call first thing in a worker.  parent: process id of whoever started it"""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a trace of its own
    os.environ["OMP_NUM_THREADS"] = "1"
    import cv2

    cv2.setNumThreads(1)
