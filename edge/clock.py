"""Time is passed in. Decisions use the monotonic clock; the wall clock only dates payloads."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC: never jumps, counts from boot."""

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC: may jump."""


class SystemClock:
    """The machine's own clocks."""

    def monotonic_ns(self) -> int:
        """See Clock."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """See Clock."""
        return time.time_ns()


class ManualClock:
    """A clock that stands still until told otherwise: for tests and for replay."""

    def __init__(self, monotonic_ns: int = 0, wall_ns: int = 1_767_225_600_000_000_000) -> None:
        self._monotonic_ns, self._wall_ns = monotonic_ns, wall_ns

    def monotonic_ns(self) -> int:
        """See Clock."""
        return self._monotonic_ns

    def wall_ns(self) -> int:
        """See Clock."""
        return self._wall_ns

    def advance(self, ms: float) -> None:
        """Move both clocks forward by ``ms`` milliseconds."""
        if ms < 0:
            raise ValueError(f"time only moves forward, not by {ms} ms")
        self._monotonic_ns += round(ms * 1e6)
        self._wall_ns += round(ms * 1e6)
