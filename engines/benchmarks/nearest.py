"""A trainer that needs no steps: for trying out suites, and for tests of the machinery.

An expert compares the mean feature with the mean of every class. ``mean`` averages the experts
that are there; ``level`` weights them by the softmax of their signal's level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.values import F32, Mask
from engines.benchmarks.heads import MEAN, Method, Predictor
from engines.benchmarks.items import Items, Prediction

LEVEL_GATE = "level"
SHARPNESS = 8.0
METHODS = (
    Method(MEAN, "mean of experts", "rule", MEAN, simplex=True),
    Method(LEVEL_GATE, "trust by level", "gate", LEVEL_GATE, simplex=True),
)


@dataclass(frozen=True, slots=True)
class NearestMean:
    """Satisfies heads.Predictor."""

    centres: F32  # (M, A, D)
    gate: str

    def predict(self, items: Items) -> Prediction:
        """See heads.Predictor."""
        pooled, there = pool(items), present(items)
        gaps = ((pooled[:, :, None] - self.centres) ** 2).mean(axis=3)
        experts = softmax(-gaps, np.ones_like(gaps)) * there[:, :, None]
        trust = items.quality[:, :, 0] * SHARPNESS * (self.gate == LEVEL_GATE)
        weights = softmax(trust, there.astype(np.float32))
        scores = np.asarray((weights[:, :, None] * experts).sum(axis=1), np.float32)
        return Prediction(scores, weights, experts)


def train_nearest(train: Items, gates: Sequence[str], seed: int) -> Callable[[str], Predictor]:
    """Satisfies heads.Trainer.  seed: draws nine tenths of the items"""
    rng = np.random.default_rng(seed)
    part = train.pick(rng.permutation(len(train))[: max(1, len(train) * 9 // 10)])
    pooled, there = pool(part), present(part)
    centres = np.zeros((len(part.modalities), len(part.classes), pooled.shape[2]), np.float32)
    for m in range(len(part.modalities)):
        for a in range(len(part.classes)):
            own = there[:, m] & (part.labels == a)
            if own.any():
                centres[m, a] = pooled[own, m].mean(axis=0)
    return lambda gate: NearestMean(centres, gate)


def present(items: Items) -> Mask:
    """(N, M)"""
    return np.asarray(items.valid.any(axis=2), np.bool_)


def pool(items: Items) -> F32:
    """Mean over valid steps: (N, M, D), zeros where nothing is."""
    steps = items.valid[..., None].astype(np.float32)
    summed = (items.features.astype(np.float32) * steps).sum(axis=2)
    return np.asarray(summed / np.maximum(steps.sum(axis=2), 1), np.float32)


def softmax(logits: F32, there: F32) -> F32:
    """Over the last axis, where ``there`` is 1; zeros where nothing is."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True)) * there
    return np.asarray(shifted / np.maximum(shifted.sum(axis=-1, keepdims=True), 1e-12), np.float32)
