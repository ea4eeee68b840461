"""Squeeze and excitation across streams."""

from __future__ import annotations

import torch
from torch import nn

from engines.models.gates.base import (
    Evidence,
    Fusion,
    Gate,
    Projections,
    Sizes,
    linear_pool,
    log_softmax_present,
    told,
)

SQUEEZE = 4


class Excitation(Gate):
    """``h'[m] = 2 sigmoid(E[m] relu(W x)) * h[m]``, ``p = mean over m of softmax(C[m] h'[m])``.

    MMTM: Joze, Shaban, Iuzzolino, Koishida 2020, "MMTM: multimodal transfer module for CNN fusion",
    CVPR, here late, on pooled features, with z of D / 4 channels. Each stream re-weights the
    channels of all; the streams' scores are averaged, so there are no weights by item.
    """

    def __init__(self, sizes: Sizes, use_quality: bool) -> None:
        super().__init__()
        self._use_quality = use_quality
        each = sizes.dim + 1 + (sizes.cues if use_quality else 0)
        joint = max(sizes.dim // SQUEEZE, 1)
        self.squeeze = nn.Linear(sizes.count * each, joint)
        self.excite = nn.Linear(joint, sizes.count * sizes.dim)
        self.classify = Projections(sizes.count, sizes.dim, sizes.classes)

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        joint = torch.relu(self.squeeze(told(seen, self._use_quality, seen.features)))
        gates = 2 * torch.sigmoid(self.excite(joint)).reshape(seen.features.shape)
        logits = self.classify(gates * seen.features)
        alike = log_softmax_present(torch.zeros_like(seen.there), seen.there)
        return Fusion(linear_pool(alike, logits).log_probabilities)
