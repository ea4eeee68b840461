"""Softmax mixtures of experts: an item decides how much each expert's class scores count.

Yudistira & Kurita 2017, "Gated spatio and temporal convolutional neural network for activity
recognition: towards gated multimodal deep learning", EURASIP J. Image and Video Processing:

    g = softmax over present m of MLP(x)        p = sum_m g[m] p[m]

What ``x`` holds beside presence and cues makes the variants. The MLP's last layer begins at zero,
so every mixture begins as the mean.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from engines.models.gates.base import (
    Evidence,
    Fusion,
    Gate,
    Scorer,
    Sizes,
    linear_pool,
    log_softmax_present,
    told,
)

HIDDEN = 32
SURENESS = 3

Sight = Literal["nothing", "features", "scores", "sureness"]


class Mixture(Gate):
    """The formula above; ``sees`` is what x holds beside presence and quality cues.

    nothing: cues alone   features: h, as in edge/fusion/reference.py   scores: the experts' p
    sureness: how sure each expert is and how far the others agree, see ``sureness``
    """

    def __init__(self, sizes: Sizes, sees: Sight, use_quality: bool) -> None:
        super().__init__()
        self._sees, self._use_quality = sees, use_quality
        extra = {"nothing": 0, "features": sizes.dim, "scores": sizes.classes}
        each = 1 + extra.get(sees, SURENESS) + (sizes.cues if use_quality else 0)
        self.scorer = Scorer(sizes.count * each, HIDDEN, sizes.count)

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        return self.pool(self.log_weights(seen), seen)

    def log_weights(self, seen: Evidence) -> Tensor:
        """(B, M) log g, about MASKED where absent"""
        values = told(seen, self._use_quality, *self._look(seen))
        return log_softmax_present(self.scorer(values), seen.there)

    def _look(self, seen: Evidence) -> list[Tensor]:
        if self._sees == "features":
            return [seen.features]
        if self._sees == "scores":
            return [torch.softmax(seen.logits, dim=2)]
        return [sureness(seen)] if self._sees == "sureness" else []

    def pool(self, log_weights: Tensor, seen: Evidence) -> Fusion:
        """Join the opinions of the experts."""
        return linear_pool(log_weights, seen.logits)


class LogMixture(Mixture):
    """``p = softmax(kappa * sum_m g[m] log p[m])``: g as above, opinions joined as logarithms.

    A logarithmic opinion pool (Genest & Zidek 1986), which is Hinton's product of experts (2002,
    "Training products of experts by minimizing contrastive divergence") with weights by item: one
    sure "no" counts as a veto. kappa = n_eff^a with n_eff = 1 / sum g^2, the number of experts that
    count, and a learned: 0 where their errors are the same, 1 where they are independent. An expert
    that is alone keeps its own opinion.
    """

    def __init__(self, sizes: Sizes, sees: Sight, use_quality: bool) -> None:
        super().__init__(sizes, sees, use_quality)
        self.independence = nn.Parameter(torch.tensor(0.5))

    def pool(self, log_weights: Tensor, seen: Evidence) -> Fusion:
        """See Mixture."""
        weights = log_weights.exp() * seen.there
        opinions = torch.log_softmax(seen.logits, dim=2)
        joined = (weights[:, :, None] * opinions).sum(dim=1)
        effective = 1 / weights.square().sum(dim=1, keepdim=True).clamp(min=1e-6)
        return Fusion(torch.log_softmax(joined * effective**self.independence, dim=1), weights)


def sureness(seen: Evidence) -> Tensor:
    """How far each expert commits itself, and how far the other experts say the same.

    1 - entropy / log A; largest probability; sum_a p[m, a] * (mean p of the others present)[a].
    returns: (B, M, SURENESS), zeros where absent
    """
    there = seen.there[:, :, None]
    opinions = torch.log_softmax(seen.logits, dim=2)
    p = opinions.exp() * there
    entropy = -(p * opinions).sum(dim=2, keepdim=True)
    others = (p.sum(dim=1, keepdim=True) - p) / (there.sum(dim=1, keepdim=True) - 1).clamp(min=1.0)
    agreement = (p * others).sum(dim=2, keepdim=True)
    certain = 1 - entropy / math.log(max(opinions.shape[2], 2))
    return torch.cat([certain, p.amax(dim=2, keepdim=True), agreement], dim=2) * there
