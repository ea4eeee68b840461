"""Questions about answers that exist already: items without features, and binary scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.fusion.parameters import QUALITY_CUES
from edge.values import F32, Mask
from edge.vocabulary import Modality
from engines.benchmarks.items import Fold, Items


def judged_only(
    modalities: Sequence[Modality],
    classes: Sequence[str],
    there: Mask,
    labels: Sequence[str],
    groups: Sequence[str],
    names: Sequence[str],
) -> Fold:
    """A fold with nothing to learn from.  there: (N, M) which modalities an item has"""
    m = len(modalities)
    items = Items(
        modalities=tuple(modalities),
        classes=tuple(classes),
        features=np.zeros((len(labels), m, 1, 1), np.float16),
        valid=there[:, :, None].copy(),
        quality=np.zeros((len(labels), m, len(QUALITY_CUES)), np.float32),
        labels=np.array([list(classes).index(label) for label in labels], np.int64),
        groups=tuple(groups),
        names=tuple(names),
    )
    return Fold(items.pick([]), items)


def binary(scores: F32, threshold: float) -> F32:
    """Probabilities of (no, yes) whose larger one says on which side of a threshold a score is.

    Straight lines from 0 over the threshold, which becomes 0.5, to 1: the ranking stays.
    scores: (N,) in [0, 1], NaN: no opinion   threshold: in (0, 1), reached means yes
    returns: (N, 2), zeros without an opinion
    """
    below = 0.5 * scores / threshold
    above = 0.5 + 0.5 * (scores - threshold) / (1 - threshold)
    # what reaches the threshold must win against the class that stands first
    yes = np.where(scores < threshold, below, np.maximum(above, 0.5 + 1e-6))
    both = np.stack([1 - yes, yes], axis=1)
    return np.where(np.isfinite(scores)[:, None], both, 0).astype(np.float32)
