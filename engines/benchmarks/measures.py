"""What predictions are worth: point measures, intervals over groups, and paired differences.

An interval is the 2.5 and 97.5 percentile of RESAMPLES draws of whole groups with replacement;
a difference uses the same draws for both sides. None stands for what cannot be said: an interval
when some class comes from one group alone, an area when one kind is absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.values import F32, Mask
from engines.benchmarks.items import I64
from engines.training.metrics import F64, RESAMPLES, area_under_curve, mean_recall

MEASURES = ("accuracy", "balanced_accuracy", "macro_f1", "auc")
BINS = 10
CHUNK = 200  # resamples at a time: bounds the memory of the weighted area

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one prediction."""

    accuracy: float
    balanced_accuracy: float  # mean recall of the classes that occur
    macro_f1: float  # over the classes that occur or were said
    auc: float | None  # of a binary question
    recall: float | None  # of the positive class
    false_rate: float | None  # share of the others that were called positive
    ece: float  # expected calibration error of the highest score, 10 bins


@dataclass(frozen=True, slots=True)
class Judged:
    """What was asked of N items, by class index, and whose they are."""

    labels: I64  # (N,)
    classes: tuple[str, ...]  # (A,)
    groups: tuple[str, ...]  # (N,)
    positive: int | None = None  # index of the class whose recall and false rate count


def positive_index(classes: Sequence[str], positive: str | None) -> int | None:
    """Raises: ValueError for a class that is not there."""
    return None if positive is None else list(classes).index(positive)


def measure(asked: Judged, scores: F32) -> Measures:
    """All point measures.  scores: (N, A), rows sum to 1"""
    table = confusion_counts(asked, scores).sum(axis=0)
    right, true = np.diagonal(table), table.sum(axis=1)
    there = true > 0
    p = asked.positive
    others = true.sum() - (true[p] if p is not None else 0)
    return Measures(
        accuracy=float(right.sum() / true.sum()),
        balanced_accuracy=float((right[there] / true[there]).mean()),
        macro_f1=float(macro_f1(table[None])[0]),
        auc=area(asked, scores),
        recall=None if p is None or not true[p] else float(right[p] / true[p]),
        false_rate=None if p is None or not others else float(_wrongly(table, p) / others),
        ece=calibration_error(scores, asked.labels),
    )


def _wrongly(table: F64, p: int) -> float:
    return float(table[:, p].sum() - table[p, p])


def confusion_counts(asked: Judged, scores: F32) -> F64:
    """Counts by group, true class and said class: (G, A, A), groups in sorted order."""
    owners, at = np.unique(np.asarray(asked.groups), return_inverse=True)
    a = len(asked.classes)
    counts = np.zeros((len(owners), a, a))
    np.add.at(counts, (at, asked.labels, scores.argmax(axis=1)), 1.0)
    return counts


def macro_f1(tables: F64) -> F64:
    """tables: (B, A, A) true by said   returns: (B,) mean over classes that occur or were said"""
    right = np.diagonal(tables, axis1=1, axis2=2)
    both = tables.sum(axis=1) + tables.sum(axis=2)  # 2 TP + FP + FN
    f1 = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
    return np.asarray(f1.sum(axis=1) / np.maximum((both > 0).sum(axis=1), 1))


def calibration_error(scores: F32, labels: I64) -> float:
    """Guo et al. 2017: mean gap between highest score and hit rate over equal bins of the score."""
    top = scores.max(axis=1).astype(np.float64)
    hits = scores.argmax(axis=1) == labels
    bins = np.minimum((top * BINS).astype(np.int64), BINS - 1)
    gaps = np.zeros(BINS)
    np.add.at(gaps, bins, top - hits)
    return float(np.abs(gaps).sum() / len(labels))


def area(asked: Judged, scores: F32) -> float | None:
    """AUC of the positive class, by default the second; None unless there are two classes."""
    if len(asked.classes) != 2:
        return None
    p = 1 if asked.positive is None else asked.positive
    return area_under_curve(scores[:, p].astype(np.float64), asked.labels == p)


def can_resample(asked: Judged) -> bool:
    """Whether every class that occurs comes from two groups or more."""
    pairs = set(zip(asked.labels.tolist(), asked.groups, strict=True))
    homes = np.bincount([label for label, _ in pairs], minlength=len(asked.classes))
    return bool((homes[homes > 0] > 1).all())


def draws_of(asked: Judged, seed: int = 0) -> F64:
    """How often each group is drawn: (RESAMPLES, G), groups in sorted order."""
    count = len(set(asked.groups))
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64)


def resampled(asked: Judged, scores: F32, measure_name: str, draws: F64) -> F64:
    """The headline in every resample: (B,).  measure_name: one of MEASURES"""
    if measure_name == "auc":
        return _resampled_area(asked, scores, draws)
    counts = confusion_counts(asked, scores)
    g, a = counts.shape[:2]
    tables = (draws @ counts.reshape(g, a * a)).reshape(-1, a, a)
    if measure_name == "macro_f1":
        return macro_f1(tables)
    right, total = np.diagonal(tables, axis1=1, axis2=2), tables.sum(axis=2)
    if measure_name == "accuracy":
        return np.asarray(right.sum(axis=1) / total.sum(axis=1), np.float64)
    whole = counts.sum(axis=0)
    there = whole.sum(axis=1) > 0
    otherwise = (np.diagonal(whole)[there]) / whole.sum(axis=1)[there]
    recall: F64 = np.asarray(otherwise, np.float64)
    return mean_recall(right[:, there], total[:, there], recall)


def _resampled_area(asked: Judged, scores: F32, draws: F64) -> F64:
    """AUC with every item weighted by how often its group was drawn."""
    p = 1 if asked.positive is None else asked.positive
    _, at = np.unique(np.asarray(asked.groups), return_inverse=True)
    levels, rank = np.unique(scores[:, p], return_inverse=True)
    positive: Mask = asked.labels == p
    areas = []
    for start in range(0, len(draws), CHUNK):
        weight = draws[start : start + CHUNK][:, at]
        up = _by_level(weight * positive, rank, len(levels))
        down = _by_level(weight * ~positive, rank, len(levels))
        below = np.cumsum(down, axis=1) - down
        pairs = up.sum(axis=1) * down.sum(axis=1)
        won = (up * (below + 0.5 * down)).sum(axis=1)
        areas.append(np.divide(won, pairs, out=np.full_like(pairs, 0.5), where=pairs > 0))
    return np.concatenate(areas)


def _by_level(weights: F64, rank: NDArray[np.intp], levels: int) -> F64:
    """weights: (B, N)   rank: (N,)   returns: (B, levels)"""
    sums = np.zeros((levels, len(weights)))
    np.add.at(sums, rank, weights.T)
    return np.asarray(sums.T)


def interval(values: F64) -> Interval:
    """95 % of resampled values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
