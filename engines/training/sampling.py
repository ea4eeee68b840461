"""Draws training windows so that rare classes and small data sets are seen as often as others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.vocabulary import ACTIONS
from engines.training.cache import Clip, Target

UNKNOWN = "unknown"


def class_name(target: Target) -> str:
    """The action of a window; ``not X`` of a negative; ``unknown`` when nothing is said."""
    allowed = [name for name, ok in zip(ACTIONS, target.allowed, strict=True) if ok]
    if len(allowed) == 1:
        return allowed[0]
    if len(allowed) == len(ACTIONS):
        return UNKNOWN
    return "not " + ",".join(name for name in ACTIONS if name not in allowed)


def balanced_weights(
    clips: Sequence[Clip], targets: Sequence[Target], shares: Mapping[str, float]
) -> NDArray[np.float64]:
    """Probability of each window: data sets by ``shares``, inside a set every class alike.

    shares: data set -> share of the draws; sets that are not named get what their class gives.
    """
    keys = [(c.row.dataset, class_name(t)) for c, t in zip(clips, targets, strict=True)]
    sizes = Counter(keys)
    weights = np.array([1.0 / sizes[key] for key in keys])
    datasets = np.array([key[0] for key in keys])
    present = sorted(set(datasets.tolist()))
    total = sum(shares.get(name, 1.0) for name in present)
    for name in present:
        own = datasets == name
        weights[own] *= shares.get(name, 1.0) / total / weights[own].sum()
    return weights
