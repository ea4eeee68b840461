"""Answers that need no learning from signals: what every result must be held against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edge.values import F32
from edge.vocabulary import Modality
from engines.benchmarks.items import Fold, Items, Prediction

Baseline = Callable[[Fold], Prediction]
Keys = Callable[[Items], Sequence[str]]


def prior(items: Items) -> F32:
    """Share of each class, all alike where there is no item: (A,)"""
    counts = np.bincount(items.labels, minlength=len(items.classes))
    counts = counts if counts.any() else np.ones_like(counts)
    return np.asarray(counts / counts.sum(), np.float32)


def majority(fold: Fold) -> Prediction:
    """Always the training side's class frequencies."""
    return Prediction(np.tile(prior(fold.train), (len(fold.test), 1)))


def known_key(keys: Keys) -> Baseline:
    """What the training side's items of the same key mostly are; the prior for a new key.

    For what both sides can share: a camera, a room, a kind of file.
    """

    def answer(fold: Fold) -> Prediction:
        shares: dict[str, F32] = {}
        own = np.asarray(keys(fold.train))
        for key in np.unique(own):
            shares[str(key)] = prior(fold.train.pick(own == key))
        otherwise = prior(fold.train)
        return Prediction(np.stack([shares.get(key, otherwise) for key in keys(fold.test)]))

    return answer


def is_present(modality: Modality) -> Baseline:
    """Knows only whether the modality is there."""

    def keys(items: Items) -> Sequence[str]:
        m = items.modalities.index(modality)
        there = np.asarray(items.valid[:, m].any(axis=1), np.bool_)
        return [str(bool(t)) for t in there]

    return known_key(keys)


def others_of_group(keys: Keys | None = None) -> Baseline:
    """Says of an item what most OTHER test items of its group are: it is told their labels.

    How much the source, the room or the person alone gives away; ties and lone items get the prior.
    keys: the groups (default: those of the items)
    """

    def answer(fold: Fold) -> Prediction:
        groups = fold.test.groups if keys is None else keys(fold.test)
        counts: dict[str, Counter[int]] = defaultdict(Counter)
        for group, label in zip(groups, fold.test.labels.tolist(), strict=True):
            counts[group][label] += 1
        scores = np.tile(prior(fold.train), (len(fold.test), 1))
        for row, (group, label) in enumerate(zip(groups, fold.test.labels.tolist(), strict=True)):
            rest = counts[group] - Counter([label])
            most = rest.most_common(2)
            if most and (len(most) == 1 or most[0][1] > most[1][1]):
                scores[row] = 0
                scores[row, most[0][0]] = 1
        return Prediction(scores)

    return answer


def by_number(values: Mapping[str, float], bins: int = 4) -> Baseline:
    """Knows one number of each clip, by its name: class frequencies in quantiles of training."""

    def answer(fold: Fold) -> Prediction:
        own = np.array([values[name] for name in fold.train.names])
        edges = np.unique(np.quantile(own, np.linspace(0, 1, bins + 1)[1:-1]))

        def keys(items: Items) -> Sequence[str]:
            numbers = np.array([values[name] for name in items.names])
            return [str(bin_) for bin_ in np.searchsorted(edges, numbers)]

        return known_key(keys)(fold)

    return answer
