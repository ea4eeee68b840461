"""From what was seen to what INT8 holds: three classical rules for where to clip.

Every range is symmetric: TensorRT takes no zero point but 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from engines.quantize.histogram import BINS, F64, Histogram

LEVELS = 128
"""Magnitudes that signed 8 bits tell apart."""

PERCENTILE = 0.99999
FIRST_BINS = 128  # entropy tries no range that is narrower than its own levels


def min_max(seen: Histogram) -> float:
    """Clip nothing."""
    return seen.largest


def percentile(seen: Histogram) -> float:
    """Clip the outermost 0.001 % of all values."""
    total = np.cumsum(seen.counts)
    if total[-1] == 0:
        return 0.0
    last = int(np.searchsorted(total, PERCENTILE * total[-1]))
    return min((last + 1) * seen.top / BINS, seen.largest)


def entropy(seen: Histogram) -> float:
    """Lose the least information: smallest Kullback-Leibler divergence (Migacz 2017).

    Zeros are not counted: after a ReLU they are most values, and exact at any scale.
    """
    counts = seen.counts.copy()
    counts[0] = 0
    filled = np.flatnonzero(counts)
    if not len(filled):
        return seen.largest
    ends = range(min(FIRST_BINS, BINS), int(filled[-1]) + 2)
    if not len(ends):
        return seen.largest
    losses = [_divergence(counts, end) for end in ends]
    best = ends[int(np.argmin(losses))]
    return min(best * seen.top / BINS, seen.largest)


def _divergence(counts: F64, end: int) -> float:
    """KL of the clipped histogram from what LEVELS equal steps up to ``end`` leave of it."""
    p = counts[:end].copy()
    p[-1] += counts[end:].sum()
    levels = np.arange(end) * LEVELS // end
    there = counts[:end] > 0
    totals = np.bincount(levels, counts[:end], LEVELS)
    kinds = np.bincount(levels, there, LEVELS)
    q = np.where(there, (totals / np.maximum(kinds, 1))[levels], 0.0)
    p, q = p / p.sum(), q / max(q.sum(), 1e-12)
    seen = p > 0
    return float(np.sum(p[seen] * np.log(p[seen] / np.maximum(q[seen], 1e-12))))


METHODS: Mapping[str, Callable[[Histogram], float]] = {
    "min_max": min_max,
    "percentile": percentile,
    "entropy": entropy,
}
"""Rule -> largest magnitude that INT8 keeps apart; the rule that clips least comes first."""


def ranges_of(seen: Mapping[str, Histogram], method: str) -> dict[str, float]:
    """Tensor -> largest magnitude, by one rule of METHODS.  Raises: KeyError for another."""
    rule = METHODS[method]
    return {name: rule(histogram) for name, histogram in seen.items()}
