"""Balanced accuracy with honest intervals: clips of one group stand or fall together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.values import Mask

F64 = NDArray[np.float64]
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Score:
    """Mean recall over the classes that occur."""

    balanced_accuracy: float
    low: float | None  # 2.5 % of the group bootstrap; None: some class comes from one group alone
    high: float | None  # 97.5 %
    recall: dict[str, float]
    clips: int
    groups: int


def score(classes: Sequence[str], hits: Mask, groups: Sequence[str], seed: int = 0) -> Score:
    """Judge predictions.

    classes: the true class of each item   hits: (N,) whether it was recognised   groups: of each
    """
    names, names_at = np.unique(np.asarray(classes), return_inverse=True)
    owners, owners_at = np.unique(np.asarray(groups), return_inverse=True)
    right = np.zeros((len(owners), len(names)))
    total = np.zeros_like(right)
    np.add.at(total, (owners_at, names_at), 1.0)
    np.add.at(right, (owners_at, names_at), np.asarray(hits, np.float64))
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(owners), np.full(len(owners), 1 / len(owners)), RESAMPLES)
    recall = right.sum(axis=0) / total.sum(axis=0)
    means = mean_recall(draws @ right, draws @ total, recall)
    low, high = (float(bound) for bound in np.percentile(means, [2.5, 97.5]))
    resampled = bool(((total > 0).sum(axis=0) > 1).all())
    return Score(
        balanced_accuracy=float(recall.mean()),
        low=low if resampled else None,
        high=high if resampled else None,
        recall={str(n): float(r) for n, r in zip(names, recall, strict=True)},
        clips=len(hits),
        groups=len(owners),
    )


def mean_recall(right: F64, total: F64, otherwise: F64) -> F64:
    """Over the classes; one that a resample lacks counts with the recall of the whole sample.

    right, total: (B, C)   otherwise: (C,)   returns: (B,)
    """
    whole = np.broadcast_to(otherwise, right.shape).copy()
    return np.asarray(np.divide(right, total, out=whole, where=total > 0).mean(axis=-1))


def area_under_curve(scores: F64, positive: Mask) -> float | None:
    """Chance that a positive scores above a negative; None when one kind is absent."""
    from_positive, from_negative = scores[positive], scores[~positive]
    if not len(from_positive) or not len(from_negative):
        return None
    above = (from_positive[:, None] > from_negative).mean()
    equal = (from_positive[:, None] == from_negative).mean()
    return float(above + 0.5 * equal)


def confusion(true: Sequence[str], said: Sequence[str]) -> dict[str, dict[str, int]]:
    """Counts by true class, then by what was said."""
    table: dict[str, dict[str, int]] = {}
    for right, given in zip(true, said, strict=True):
        row = table.setdefault(right, {})
        row[given] = row.get(given, 0) + 1
    return table
