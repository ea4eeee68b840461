"""Linear machines on the vectors of windows: what each modality says, learned from few persons.

What a machine says of a training window comes from one that has not seen that person or scene, so
heads and gates on top learn how far it can be trusted, not how well it remembers (Wolpert 1992).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.values import F32
from engines.benchmarks.items import Fold, Items
from engines.benchmarks.opinions import told

PENALTY = 0.02  # chosen on the training groups of the committed split


def judged(fold: Fold) -> Fold:
    """The same windows with what machines say of them instead of their vectors."""
    heard = [_modality(fold, m) for m in range(len(fold.train.modalities))]
    train, test = (np.stack([pair[side] for pair in heard], axis=1) for side in (0, 1))
    return Fold(with_opinions(fold.train, train), with_opinions(fold.test, test))


def with_opinions(items: Items, probabilities: F32) -> Items:
    """probabilities: (N, M, classes)"""
    valid = np.asarray(items.valid.any(axis=2, keepdims=True), np.bool_)
    features = told(probabilities[:, :, None]) * valid[..., None]
    return replace(items, features=features.astype(np.float16), valid=valid)


def _modality(fold: Fold, m: int) -> tuple[F32, F32]:
    """Probabilities of one modality: of training windows, of test windows."""
    from engines.benchmarks.pretexts.linear import Labelled, fitted

    train = fold.train
    seen = Labelled(
        train.features[:, m, -1].astype(np.float32), train.labels, train.groups, len(train.classes)
    )
    asked = fold.test.features[:, m, -1].astype(np.float32)
    said = np.zeros((len(train), len(train.classes)), np.float32)
    owners = np.asarray(train.groups)
    for name in np.unique(owners):
        own, others = np.flatnonzero(owners == name), np.flatnonzero(owners != name)
        learned = seen.pick(others if len(others) else own)
        said[own] = fitted(learned, seen.features[own], PENALTY)
    return said, fitted(seen, asked, PENALTY)
