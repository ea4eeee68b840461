"""Everything behind the frozen encoders: temporal stage, one expert a modality, and a gate."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from engines.models.gates.base import Evidence, Fusion, Gate, Projections, Sizes
from engines.models.temporal import TEMPORAL

SMALLEST_SPREAD = 1e-3


class Judgement(NamedTuple):
    """What the heads say of B items."""

    evidence: Evidence
    fusion: Fusion


class Experts(nn.Module):
    """Normalisation, temporal stage, and a linear classifier for every modality."""

    mean: Tensor  # (M, 1, D)
    spread: Tensor  # (M, 1, D)

    def __init__(self, sizes: Sizes, steps: int, temporal: str) -> None:
        super().__init__()
        self.sizes, self.steps, self.kind = sizes, steps, temporal
        self.register_buffer("mean", torch.zeros(sizes.count, 1, sizes.dim))
        self.register_buffer("spread", torch.ones(sizes.count, 1, sizes.dim))
        self.temporal = TEMPORAL[temporal](sizes.count, steps, sizes.dim)
        self.dropout = nn.Dropout(0.0)
        self.classify = Projections(sizes.count, sizes.dim, sizes.classes)

    def normalise(self, features: Tensor, valid: Tensor) -> Tensor:
        """Zero mean and unit spread a channel; zeros where not valid, whatever stood there.

        features: (B, M, T, D)   valid: (B, M, T) bool
        """
        scaled = (features - self.mean) / self.spread
        return torch.where(valid[..., None], scaled, torch.zeros_like(scaled))

    def forward(self, normal: Tensor, valid: Tensor, quality: Tensor) -> Evidence:
        """normal: (B, M, T, D) normalised   valid: (B, M, T) bool   quality: (B, M, Q)"""
        pooled = self.temporal(normal, valid.to(normal.dtype))
        logits = self.classify(self.dropout(pooled))
        return Evidence(pooled, logits, valid.any(dim=2).to(normal.dtype), quality)


class Heads(nn.Module):
    """Experts and the gate over them."""

    def __init__(self, experts: Experts, gate: Gate) -> None:
        super().__init__()
        self.experts, self.gate = experts, gate

    def forward(self, features: Tensor, valid: Tensor, quality: Tensor) -> Judgement:
        """features: (B, M, T, D) as encoded   valid: (B, M, T) bool   quality: (B, M, Q)"""
        normal = self.experts.normalise(features, valid)
        evidence = self.experts(normal, valid, quality)
        return Judgement(evidence, self.gate(evidence))


def fit_normalisation(experts: Experts, features: Tensor, valid: Tensor) -> None:
    """Set mean and spread from the valid steps of the training items.

    features: (N, M, T, D) of any floating type   valid: (N, M, T) bool
    """
    for m in range(experts.sizes.count):
        rows = features[:, m][valid[:, m]].float()
        if len(rows) > 1:
            experts.mean[m, 0] = rows.mean(dim=0)
            experts.spread[m, 0] = rows.std(dim=0).clamp(min=SMALLEST_SPREAD)
