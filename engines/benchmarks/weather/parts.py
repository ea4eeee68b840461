"""One question, several conditions: numbers of each, and what they come to on average.

The test items of all conditions stand one after another, their tags name the condition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.values import F32, Mask
from edge.vocabulary import Modality
from engines.benchmarks.items import Items
from engines.benchmarks.judge import asked_of, part_of
from engines.benchmarks.measures import draws_of, interval, measure, resampled
from engines.benchmarks.runner import Answered
from engines.training.metrics import F64


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % over groups."""

    value: float
    low: float
    high: float


def under(items: Items, condition: str) -> Items:
    """Items with a condition as their tag."""
    return replace(items, tags=(condition,) * len(items))


def joined(parts: Sequence[Items]) -> Items:
    """Parts one after another; they must have the same axes and all have tags, or none."""
    first = parts[0]
    if any(p.modalities != first.modalities or p.classes != first.classes for p in parts):
        raise ValueError("items of other modalities or classes cannot stand side by side")
    return replace(
        first,
        features=np.concatenate([p.features for p in parts]),
        valid=np.concatenate([p.valid for p in parts]),
        quality=np.concatenate([p.quality for p in parts]),
        labels=np.concatenate([p.labels for p in parts]),
        groups=tuple(group for p in parts for group in p.groups),
        names=tuple(name for p in parts for name in p.names),
        tags=tuple(tag for p in parts for tag in p.tags),
    )


def aligned(items: Items, like: Items) -> Items:
    """The items of ``like`` by name, in its order; there is nothing in those that are gone.

    Names must be unique: one item a clip.
    """
    row_of = {name: row for row, name in enumerate(items.names)}
    if len(row_of) < len(items):
        raise ValueError("several items of one clip cannot be aligned by name")
    pairs = [(i, row_of[name]) for i, name in enumerate(like.names) if name in row_of]
    mine, theirs = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    features, valid = np.zeros_like(like.features), np.zeros_like(like.valid)
    quality = np.zeros_like(like.quality)
    features[mine] = items.features[theirs]
    valid[mine], quality[mine] = items.valid[theirs], items.quality[theirs]
    return replace(like, features=features, valid=valid, quality=quality)


def conditions_of(answered: Answered) -> list[str]:
    """In the order of the items."""
    return list(dict.fromkeys(tag for items in answered.tests for tag in items.tags))


def rows_of(answered: Answered, condition: str) -> Mask:
    """(N,) items of one condition"""
    return np.array([tag == condition for items in answered.tests for tag in items.tags], np.bool_)


def values_of(answered: Answered, method: str, condition: str) -> list[float]:
    """The headline under one condition, by seed."""
    rows = rows_of(answered, condition)
    asked = part_of(asked_of(answered), rows)
    found = [measure(asked, seed.scores[rows]) for seed in answered.answers[method].seeds]
    return [float(getattr(one, answered.question.measure)) for one in found]


def resamples_of(answered: Answered, method: str, condition: str) -> F64:
    """The headline under one condition in every draw of groups, mean over seeds: (B,)

    Draws are the same for all methods and conditions, as long as their groups are the same.
    """
    rows = rows_of(answered, condition)
    asked, name = part_of(asked_of(answered), rows), answered.question.measure
    draws = draws_of(asked)
    seeds = answered.answers[method].seeds
    return np.asarray(
        np.mean([resampled(asked, seed.scores[rows], name, draws) for seed in seeds], axis=0)
    )


def over(
    answered: Answered, method: str, other: str, conditions: Sequence[str] | None = None
) -> Estimate:
    """Method minus other, averaged over seeds and conditions; the same groups drawn for all.

    conditions: default all
    """
    points, draws = [], []
    for condition in conditions_of(answered) if conditions is None else conditions:
        values = [np.mean(values_of(answered, name, condition)) for name in (method, other)]
        points.append(float(values[0] - values[1]))
        draws.append(
            resamples_of(answered, method, condition) - resamples_of(answered, other, condition)
        )
    low, high = interval(np.mean(draws, axis=0))
    return Estimate(float(np.mean(points)), low, high)


def cost(clean: Answered, other: Answered, method: str, condition: str, before: str) -> Estimate:
    """What a method loses under a condition: headline as it is minus headline then, paired.

    clean: asked of the same clips   before: its condition
    """
    values = [
        float(np.mean(values_of(one, method, name)))
        for one, name in ((clean, before), (other, condition))
    ]
    lost = resamples_of(clean, method, before) - resamples_of(other, method, condition)
    low, high = interval(lost)
    return Estimate(values[0] - values[1], low, high)


def weight_on(
    answered: Answered, method: str, condition: str, modalities: Sequence[Modality]
) -> float | None:
    """Mean weight that a method gives to some modalities together; None: it has no weights."""
    weights = answered.answers[method].averaged().weights
    if weights is None:
        return None
    rows = rows_of(answered, condition)
    columns = [answered.tests[0].modalities.index(m) for m in modalities]
    return float(weights[rows][:, columns].sum(axis=1).mean())


def blind(items: Items) -> Items:
    """The same without quality cues."""
    return replace(items, quality=np.zeros_like(items.quality))


def table_of(answered: Answered, methods: Sequence[str]) -> Mapping[str, F32]:
    """Condition -> mean over seeds for each method."""
    return {
        condition: np.array(
            [np.mean(values_of(answered, method, condition)) for method in methods], np.float32
        )
        for condition in conditions_of(answered)
    }
