"""Softmax mixtures of experts: an item decides how much each expert's class scores count.

Yudistira & Kurita 2017, "Gated spatio and temporal convolutional neural network for activity
recognition: towards gated multimodal deep learning", EURASIP J. Image and Video Processing:

    g = softmax over present m of MLP(x)        p = sum_m g[m] p[m]

What ``x`` holds beside presence and cues makes the variants. The MLP's last layer begins at zero,
so every mixture begins as the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
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

Sight = Literal["features", "scores", "sureness", "novelty"]


class Mixture(Gate):
    """The formula above; ``sees`` is what x holds beside presence and quality cues.

    features: h, as in edge/fusion/reference.py   scores: every expert's p
    sureness, novelty: a few numbers for each expert, see the functions of these names
    """

    def __init__(self, sizes: Sizes, sees: tuple[Sight, ...], use_quality: bool) -> None:
        super().__init__()
        self._sees, self._use_quality = sees, use_quality
        widths = {"features": sizes.dim, "scores": sizes.classes, "sureness": 3, "novelty": 1}
        each = 1 + sum(widths[sight] for sight in sees) + (sizes.cues if use_quality else 0)
        self.scorer = Scorer(sizes.count * each, HIDDEN, sizes.count)

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        return self.pool(self.log_weights(seen), seen)

    def log_weights(self, seen: Evidence) -> Tensor:
        """(B, M) log g, about MASKED where absent"""
        looks = (LOOKS[sight](seen) for sight in self._sees)
        return log_softmax_present(self.scorer(told(seen, self._use_quality, *looks)), seen.there)

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

    def __init__(self, sizes: Sizes, sees: tuple[Sight, ...], use_quality: bool) -> None:
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
    returns: (B, M, 3), zeros where absent
    """
    there = seen.there[:, :, None]
    opinions = torch.log_softmax(seen.logits, dim=2)
    p = opinions.exp() * there
    entropy = -(p * opinions).sum(dim=2, keepdim=True)
    others = (p.sum(dim=1, keepdim=True) - p) / (there.sum(dim=1, keepdim=True) - 1).clamp(min=1.0)
    agreement = (p * others).sum(dim=2, keepdim=True)
    certain = 1 - entropy / math.log(max(opinions.shape[2], 2))
    return torch.cat([certain, p.amax(dim=2, keepdim=True), agreement], dim=2) * there


def novelty(seen: Evidence) -> Tensor:
    """How far features lie from those of the training: log of the mean square of normalised h.

    returns: (B, M, 1), 0 where absent and about 0 for what is familiar
    """
    return (
        torch.log(seen.features.square().mean(dim=2, keepdim=True) + 1e-3) * seen.there[:, :, None]
    )


LOOKS: Mapping[Sight, Callable[[Evidence], Tensor]] = MappingProxyType(
    {
        "features": lambda seen: seen.features,
        "scores": lambda seen: torch.softmax(seen.logits, dim=2),
        "sureness": sureness,
        "novelty": novelty,
    }
)
"""What each sight adds: (B, M, *)."""
