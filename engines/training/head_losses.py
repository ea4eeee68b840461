"""What heads minimise."""

from __future__ import annotations

import torch
from torch import Tensor

from engines.models.gates import Evidence, Fusion
from engines.models.gates.base import log_softmax_present

FLOOR = -20.0  # log-probabilities below weigh no more in label smoothing
SMALLEST_WEIGHT = 1e-6


def fused_nll(fusion: Fusion, labels: Tensor, smoothing: float) -> Tensor:
    """Mean -log p of the truth, with label smoothing, over items with an opinion.  labels: (B,)"""
    return _nll(fusion.log_probabilities, labels, smoothing).mean()


def expert_nll(evidence: Evidence, labels: Tensor, smoothing: float) -> Tensor:
    """The same of every expert by itself: mean over items and experts that are present."""
    opinions = torch.log_softmax(evidence.logits, dim=2)
    batch, count, classes = opinions.shape
    everywhere = labels[:, None].expand(batch, count).reshape(-1)
    losses = _nll(opinions.reshape(-1, classes), everywhere, smoothing).reshape(batch, count)
    return (losses * evidence.there).sum() / evidence.there.sum().clamp(min=1.0)


def trust_nll(fusion: Fusion, evidence: Evidence, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the weights against how right each expert is; 0 for gates without.

    The target is each expert's share of the truth, p[m, y] / sum over present m of p[m, y]: the
    responsibilities by which Jacobs, Jordan, Nowlan, Hinton 1991, "Adaptive mixtures of local
    experts", train a gate. The loss of what is fused hardly asks for them: an expert that is blind
    says so by itself, and opinions joined as logarithms do not listen to it.  labels: (B,)
    """
    if fusion.weights is None:
        return torch.zeros(())
    opinions = torch.log_softmax(evidence.logits, dim=2)
    right = opinions[torch.arange(len(labels)), :, labels]
    share = log_softmax_present(right, evidence.there).exp() * evidence.there
    told: Tensor = -(share * fusion.weights.clamp(min=SMALLEST_WEIGHT).log()).sum(dim=1).mean()
    return told


def price_of(fusion: Fusion, price: float) -> Tensor:
    """What the encoder calls of an item cost on average; 0 for gates that need them all."""
    if fusion.used is None:
        return torch.zeros(())
    return price * fusion.used.sum(dim=1).mean()


def _nll(opinions: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    right = opinions.gather(1, labels[:, None])[:, 0]
    spread = opinions.clamp(min=FLOOR).mean(dim=1)
    return -(1 - smoothing) * right - smoothing * spread
