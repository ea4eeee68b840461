"""Windows cut into thirds: what any temporal stage keeps of their order."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np

from edge.values import VIDEO_STEPS, Mask
from edge.vocabulary import Modality
from engines.benchmarks.items import F16, Items
from engines.training.metrics import F64

SEGMENTS = 3
ORDERS = tuple(permutations(range(SEGMENTS)))
VIDEO_BOUNDS = tuple(range(0, VIDEO_STEPS + 1, VIDEO_STEPS // SEGMENTS))
SOUND_BOUNDS = (1, 2, 3, 4)
"""The first sound patch of a window begins before it, where played backwards it would end after."""


def in_segments(items: Items) -> Items:
    """Every third of a window as one step: the mean over its valid steps.

    items: T = VIDEO_STEPS, as windows of the runtime   returns: T = SEGMENTS
    """
    n, m, _, d = items.features.shape
    features = np.zeros((n, m, SEGMENTS, d), np.float16)
    valid = np.zeros((n, m, SEGMENTS), np.bool_)
    for i, modality in enumerate(items.modalities):
        bounds = SOUND_BOUNDS if modality is Modality.AUDIO else VIDEO_BOUNDS
        for s in range(SEGMENTS):
            steps = slice(bounds[s], bounds[s + 1])
            there = items.valid[:, i, steps]
            features[:, i, s] = mean_of(items.features[:, i, steps], there[..., None])
            valid[:, i, s] = there.any(axis=1)
    return replace(items, features=features, valid=valid)


def mean_of(features: F16, weights: Mask) -> F64:
    """features: (N, T, D)   weights: (N, T, 1) True where valid   returns: (N, D), zeros if none"""
    total = (features * weights).sum(axis=1, dtype=np.float64)
    return np.asarray(total / np.maximum(weights.sum(axis=1), 1))


def side_by_side(items: Items) -> Items:
    """All steps as one of T times the size: order survives whatever averages over time.

    A step that is missing is filled with the mean of the others, which says nothing of the order.
    returns: T = 1, D = T * D
    """
    n, m, t, d = items.features.shape
    flat = items.features.reshape(n * m, t, d)
    there = items.valid.reshape(n * m, t, 1)
    filled = np.where(there, flat, mean_of(flat, there)[:, None]).astype(np.float16)
    return replace(
        items,
        features=filled.reshape(n, m, 1, t * d),
        valid=np.asarray(items.valid.any(axis=2, keepdims=True)),
    )


def shuffled(items: Items) -> Items:
    """Every window in every order of its thirds; the order is the question.

    items: T = SEGMENTS   returns: as many for each of ORDERS, named by them
    """
    copies = [items.pick(np.arange(len(items))) for _ in ORDERS]
    features = [c.features[:, :, list(o)] for c, o in zip(copies, ORDERS, strict=True)]
    valid = [c.valid[:, :, list(o)] for c, o in zip(copies, ORDERS, strict=True)]
    return replace(
        items,
        classes=tuple("".join(str(s + 1) for s in order) for order in ORDERS),
        features=np.concatenate(features),
        valid=np.concatenate(valid),
        quality=np.concatenate([items.quality] * len(ORDERS)),
        labels=np.repeat(np.arange(len(ORDERS)), len(items)),
        groups=items.groups * len(ORDERS),
        names=items.names * len(ORDERS),
        tags=items.tags * len(ORDERS),
    )
