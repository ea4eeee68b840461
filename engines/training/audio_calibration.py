"""Puts the threshold of every sound at a score of 0.5, by recordings of groups not learned from.

With recorded examples: half way between the logit that FALSE_RATE of the windows without the sound
reach and the one that MISSED of those with it do not. A sound known from synthesis alone has no
honest examples, for what training calls a knock is easier than a knock: they may lower the
threshold that the recordings without the sound give, never raise it. The slope is Platt's (1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.values import F32, Mask
from engines.training.metrics import F64

FALSE_RATE, MISSED = 0.005, 0.05
"""A clip has several windows, and one false one is enough."""

FEWEST = 10
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
    names, at, sizes = np.unique(np.asarray(datasets), return_inverse=True, return_counts=True)
    share = 1.0 / (len(names) * sizes[at])
    lines = []
    for own, truth in zip(logits.T.astype(np.float64), targets.T, strict=True):
        threshold = threshold_of(own, truth, recorded, share)
        slope = 1.0
        if min((truth == 1).sum(), (truth == 0).sum()) >= FEWEST:
            known = np.isfinite(truth)
            slope = platt_slope(own[known], truth[known] == 1, share[known])
        lines.append(Line() if threshold is None else Line(slope, -slope * threshold))
    return tuple(lines)


def threshold_of(logits: F64, truth: F32, recorded: Mask, share: F64) -> float | None:
    """The logit that is to score 0.5; None when there are too few windows to say."""
    heard, without = np.asarray(truth == 1), np.asarray(truth == 0)
    real = without & recorded
    if real.sum() < FEWEST:
        return None
    strict = weighted_quantile(logits[real], share[real], 1 - FALSE_RATE)
    examples = heard & recorded
    if examples.sum() >= FEWEST:
        return 0.5 * (strict + weighted_quantile(logits[examples], share[examples], MISSED))
    if heard.sum() < FEWEST:
        return strict
    among_all = weighted_quantile(logits[without], share[without], 1 - FALSE_RATE)
    middle = 0.5 * (among_all + weighted_quantile(logits[heard], share[heard], MISSED))
    return min(strict, middle)


def platt_slope(logits: F64, positive: Mask, share: F64) -> float:
    """Of the most likely line, both kinds counted alike; Newton's method, a light penalty."""
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
    return float(np.clip(line[0], *SLOPES))


def weighted_quantile(values: F64, share: F64, level: float) -> float:
    """The smallest value with at least ``level`` of the weight at or below it."""
    order: NDArray[np.intp] = np.argsort(values)
    total = np.cumsum(share[order])
    place = int(np.searchsorted(total, level * total[-1]))
    return float(values[order[min(place, len(order) - 1)]])
