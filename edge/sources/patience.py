"""Calls into GStreamer that a hung driver or sound server may never answer."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge.sources.gst import GstError


class HungError(GstError):
    """The device does not answer."""


def bounded(what: str, call: Callable[[], object], patience_s: float) -> None:
    """Let ``call`` run at most so long; what it raises is raised here.

    A call that takes longer keeps a thread, and nothing else, until it is answered.
    what: the call, for the thread's name   Raises: HungError.
    """
    failures: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=run, name=f"{_mine()}{what}", daemon=True)
    thread.start()
    thread.join(patience_s)
    if thread.is_alive():
        raise HungError(f"no answer for {patience_s:g} s")
    if failures:
        raise failures.pop()


def check_answered() -> None:
    """Refuse to go on while a call that this thread began still hangs: each would cost another.

    Raises: HungError.
    """
    if any(thread.name.startswith(_mine()) for thread in threading.enumerate()):
        raise HungError("it has not answered since it was lost")


def _mine() -> str:
    """How the names of threads begin that were begun by this one, which serves one source."""
    return f"{threading.current_thread().name}: "
