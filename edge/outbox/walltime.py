"""From capture times to dates and back; the wall clock may jump, so it never decides anything."""

from __future__ import annotations

import ctypes
import threading

from edge.clock import Clock

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 512  # struct timex has 208 on 64-bit machines


class WallTime:
    """Dates capture times. A room whose time line is not CLOCK_MONOTONIC is aligned first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ahead_ns: dict[str, int] = {}

    def align(self, room: str, t_ns: int) -> None:
        """Say that ``t_ns`` of the room's own time line (a recording's) is now."""
        with self._lock:
            self._ahead_ns[room] = t_ns - self._clock.monotonic_ns()

    def date(self, room: str, t_ns: int) -> int:
        """Return a capture time in nanoseconds since the epoch."""
        return self._clock.wall_ns() - (self._now(room) - t_ns)

    def capture(self, room: str, wall_ns: int) -> int:
        """Return a date on the room's time line; negative for what was before it began."""
        return self._now(room) - (self._clock.wall_ns() - wall_ns)

    def _now(self, room: str) -> int:
        with self._lock:
            return self._clock.monotonic_ns() + self._ahead_ns.get(room, 0)


def clock_synced() -> bool:
    """True if the kernel knows its clock to be synchronised (NTP, PTP, GPS)."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "adjtimex"):
        return False
    state = int(libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    return state >= 0 and state != _TIME_ERROR
