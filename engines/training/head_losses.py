"""What heads minimise."""

from __future__ import annotations

import torch
from torch import Tensor

from engines.models.gates import Evidence, Fusion

FLOOR = -20.0  # log-probabilities below weigh no more in label smoothing


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


def price_of(fusion: Fusion, price: float) -> Tensor:
    """What the encoder calls of an item cost on average; 0 for gates that need them all."""
    if fusion.used is None:
        return torch.zeros(())
    return price * fusion.used.sum(dim=1).mean()


def _nll(opinions: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    right = opinions.gather(1, labels[:, None])[:, 0]
    spread = opinions.clamp(min=FLOOR).mean(dim=1)
    return -(1 - smoothing) * right - smoothing * spread
