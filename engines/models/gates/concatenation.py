"""Fusion of features by one network that sees them all side by side."""

from __future__ import annotations

import torch
from torch import nn

from engines.models.gates.base import Evidence, Fusion, Gate, Sizes, told

HIDDEN = 64
DROPOUT = 0.3


class Concatenation(Gate):
    """``p = softmax(W2 relu(W1 x + b1) + b2)``, ``x = [h[1], 1, q[1], ..., h[M], 1, q[M]]``.

    Absent m enter as zeros. Early fusion of late features, as in Ngiam et al. 2011, "Multimodal
    deep learning", ICML: the baseline with the most freedom. It has no weights.
    """

    def __init__(self, sizes: Sizes, use_quality: bool) -> None:
        super().__init__()
        self._use_quality = use_quality
        each = sizes.dim + 1 + (sizes.cues if use_quality else 0)
        self.net = nn.Sequential(
            nn.Linear(sizes.count * each, HIDDEN),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN, sizes.classes),
        )

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        return Fusion(
            torch.log_softmax(self.net(told(seen, self._use_quality, seen.features)), dim=1)
        )
