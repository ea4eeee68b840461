"""Items whose features are what machines said already: class probabilities, one set a modality.

Heads and gates learn from them as from any features; what the machines say by themselves, and their
product, are baselines that learn nothing more.
"""

from __future__ import annotations

import numpy as np

from edge.values import F32, FEATURE_DIM
from edge.vocabulary import Modality
from engines.benchmarks.baselines import Baseline
from engines.benchmarks.items import F16, Fold, Items, Prediction

LEAST = 1e-3  # probability


def told(probabilities: F32) -> F16:
    """(..., classes) repeated to about FEATURE_DIM channels: heads drop some of them at random."""
    copies = max(1, FEATURE_DIM // probabilities.shape[-1])
    return np.tile(probabilities, copies).astype(np.float16)


def alone(modality: Modality) -> Baseline:
    """What one modality's machine says."""

    def answer(fold: Fold) -> Prediction:
        return Prediction(spoken(fold.test)[:, fold.test.modalities.index(modality)])

    return answer


def together(fold: Fold) -> Prediction:
    """The product of what the machines say; who is not there says nothing."""
    each = spoken(fold.test)
    there = each.sum(axis=2, keepdims=True) > 0
    joint = np.exp((np.log(np.maximum(each, LEAST)) * there).sum(axis=1))
    scores = joint / joint.sum(axis=1, keepdims=True) * (there.sum(axis=1) > 0)
    return Prediction(np.asarray(scores, np.float32))


def machines(items: Items) -> dict[str, Baseline]:
    """All of these baselines."""
    singles = {f"{m.value} machine alone": alone(m) for m in items.modalities}
    return {**singles, "product of the machines": together}


def spoken(items: Items) -> F32:
    """(N, M, classes) probabilities, averaged over steps; zeros where nothing is there."""
    said = items.features[..., : len(items.classes)].astype(np.float32).sum(axis=2)
    total = said.sum(axis=2, keepdims=True)
    return np.asarray(said / np.where(total > 0, total, 1), np.float32)
