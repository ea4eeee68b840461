"""Puts the threshold of every sound at a score of 0.5, by recordings of groups not learned from.

With recorded examples of a sound: Platt's line (Platt 1999), by windows. A sound that is known from
synthesis alone has no honest positives, for what training calls a knock is easier than a knock;
its threshold is set by the recordings that are known to be without it, at FALSE_RATE of their
windows, where that is below Platt's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.values import F32, Mask
from engines.training.metrics import F64

FALSE_RATE = 0.01
FEWEST = 20
"""Windows of a kind without which nothing is said of it."""

SLOPES = (0.2, 3.0)
ITERATIONS = 50


@dataclass(frozen=True, slots=True)
class Line:
    """``logit -> slope * logit + shift``"""

    slope: float = 1.0
    shift: float = 0.0


def calibration(
    logits: F32, targets: F32, recorded: Mask, datasets: Sequence[str]
) -> tuple[Line, ...]:
    """One line for each sound.

    logits: (N, S)   targets: (N, S) 1, 0 or NaN   recorded: (N,) False where rendered
    datasets: (N,) of each window; every one counts alike
    """
    lines = []
    sizes = {name: list(datasets).count(name) for name in set(datasets)}
    share = np.array([1.0 / sizes[name] for name in datasets])
    for own, truth in zip(logits.T.astype(np.float64), targets.T, strict=True):
        known = np.isfinite(truth)
        heard, without = known & (truth == 1), known & (truth == 0)
        line = Line()
        if min(heard.sum(), without.sum()) >= FEWEST:
            line = platt(own[known], truth[known] == 1, share[known])
        real = without & recorded
        if (heard & recorded).sum() < FEWEST <= real.sum():
            line = no_stricter(line, own[real], share[real])
        lines.append(line)
    return tuple(lines)


def platt(logits: F64, positive: Mask, share: F64) -> Line:
    """Most likely line, both kinds counted alike, by Newton's method with a light penalty."""
    weights = share.copy()
    for kind in (positive, ~positive):
        weights[kind] *= 0.5 * len(logits) / weights[kind].sum()
    smooth = np.where(positive, 1 - 1 / (positive.sum() + 2), 1 / ((~positive).sum() + 2))
    middle = float(np.average(logits, weights=weights))
    x = np.stack([logits - middle, np.ones_like(logits)], axis=1)
    line, prior = np.array([1.0, 0.0]), np.array([1.0, 0.0])
    for _ in range(ITERATIONS):
        p = 1 / (1 + np.exp(-np.clip(x @ line, -30, 30)))
        gradient = x.T @ (weights * (p - smooth)) + (line - prior)
        curve = (x * (weights * p * (1 - p) + 1e-6)[:, None]).T @ x + np.eye(2)
        step = np.linalg.solve(curve, gradient)
        line = line - step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-6:
            break
    slope = float(np.clip(line[0], *SLOPES))
    threshold = middle - float(line[1]) / max(float(line[0]), 1e-6)
    return Line(slope, -slope * threshold)


def no_stricter(line: Line, negatives: F64, share: F64) -> Line:
    """The line, lowered in threshold until FALSE_RATE of the negatives are above it."""
    threshold = weighted_quantile(negatives, share, 1 - FALSE_RATE)
    return Line(line.slope, max(line.shift, -line.slope * threshold))


def weighted_quantile(values: F64, share: F64, level: float) -> float:
    """The smallest value with at least ``level`` of the weight at or below it."""
    order: NDArray[np.intp] = np.argsort(values)
    total = np.cumsum(share[order])
    place = int(np.searchsorted(total, level * total[-1]))
    return float(values[order[min(place, len(order) - 1)]])
