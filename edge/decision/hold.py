"""From scores to "this is going on": enter and exit thresholds, and a minimum duration."""

from __future__ import annotations

from edge.settings import AlarmRule
from edge.values import WINDOW_NS


class Hold:
    """True from the N-th consecutive score at or above ``enter`` until one falls below ``exit``.

    A score below ``enter`` before the N-th restarts the count, and so does a gap longer than the
    feature window. "No decision" changes nothing: it neither confirms nor ends anything.
    """

    def __init__(self, rule: AlarmRule) -> None:
        self._rule = rule
        self._count = 0
        self._held = False
        self._dismissed = False
        self._last_ns: int | None = None
        self._onset_ns: int | None = None

    @property
    def onset_ns(self) -> int | None:
        """When the current run of evidence began; None when there is none."""
        return self._onset_ns

    def update(self, t_ns: int, score: float | None) -> bool:
        """Take one decision's score in [0, 1]; return whether the evidence holds."""
        if score is not None:
            self._take(t_ns, score)
            self._last_ns = t_ns
        return self._held and not self._dismissed

    def dismiss(self) -> None:
        """Ignore the present evidence until it has been gone once: a carer has dealt with it."""
        self._count = 0
        if self._held:
            self._dismissed = True
        else:
            self._onset_ns = None

    def _take(self, t_ns: int, score: float) -> None:
        if self._held:
            if score < self._rule.exit:
                self._held = self._dismissed = False
                self._count, self._onset_ns = 0, None
            return
        after_gap = self._last_ns is not None and t_ns - self._last_ns > WINDOW_NS
        if score < self._rule.enter:
            self._count, self._onset_ns = 0, None
            return
        if self._count == 0 or after_gap:
            self._count, self._onset_ns = 0, t_ns
        self._count += 1
        self._held = self._count >= self._rule.decisions
