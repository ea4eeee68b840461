"""When to open a lost device again."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_S, LONGEST_S = 1.0, 30.0
STEADY_S = 10.0
_SECOND_NS = 1_000_000_000


class Backoff:
    """Waits twice as long after every failure, up to a cap, and never exactly so long.

    The element of chance keeps the sources of a house from knocking all at once after a power cut.
    What fails again soon after it began to deliver, as loose cables do, has not recovered.
    """

    def __init__(
        self,
        first_s: float = FIRST_S,
        longest_s: float = LONGEST_S,
        steady_s: float = STEADY_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """steady_s: having delivered for so long counts as recovery; chance: in [0, 1)"""
        self._first_s, self._longest_s, self._steady_s = first_s, longest_s, steady_s
        self._chance = chance
        self._since_ns: int | None = None
        self.failures = 0  # in a row

    def delivers(self, now_ns: int) -> None:
        """A sample came.  now_ns: CLOCK_MONOTONIC"""
        if self._since_ns is None:
            self._since_ns = now_ns

    def failed(self, now_ns: int) -> float:
        """Seconds to wait: between half of the time that has come up and all of it."""
        since_ns, self._since_ns = self._since_ns, None
        if since_ns is not None and now_ns - since_ns >= self._steady_s * _SECOND_NS:
            self.failures = 0
        doubled_s = self._first_s * 2.0 ** min(self.failures, 32)
        self.failures += 1
        return min(doubled_s, self._longest_s) * (1 + self._chance()) / 2
