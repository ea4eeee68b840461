"""Exponential averaging of scores, by capture time and not by count."""

from __future__ import annotations

import math

from edge.values import WINDOW_NS


class Smoothing:
    """Exponential average with a time constant; 0 s passes scores through.

    A gap longer than the feature window starts afresh: nothing of the old evidence is left.
    """

    def __init__(self, time_constant_s: float) -> None:
        self._tau_ns = time_constant_s * 1e9
        self._value = 0.0
        self._t_ns: int | None = None

    def update(self, t_ns: int, score: float | None) -> float | None:
        """Take one score in [0, 1]; None (no decision) gives None and changes nothing."""
        if score is None:
            return None
        last_ns, self._t_ns = self._t_ns, t_ns
        if last_ns is None or t_ns - last_ns > WINDOW_NS or self._tau_ns == 0:
            self._value = score
        else:
            keep = math.exp(-max(0, t_ns - last_ns) / self._tau_ns)
            self._value = keep * self._value + (1 - keep) * score
        return self._value
