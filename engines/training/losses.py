"""What training minimises, for labels that say only what is known."""

from __future__ import annotations

import torch
from torch import Tensor

SMOOTHING = 0.05


def allowed_nll(logits: Tensor, allowed: Tensor) -> Tensor:
    """-log of the probability that falls on the allowed actions; 0 where all are allowed.

    logits: (B, A)   allowed: (B, A) bool, at least one True   returns: (B,)
    """
    inside = torch.logsumexp(logits.masked_fill(~allowed, -1e9), dim=1)
    total = torch.logsumexp(logits, dim=1)
    smooth = SMOOTHING * (total - logits.mean(dim=1))
    known = (~allowed).any(dim=1)
    loss = (1 - SMOOTHING) * (total - inside) + smooth
    return torch.where(known, loss, torch.zeros_like(loss))


def known_bce(logits: Tensor, targets: Tensor, positive_weight: Tensor) -> Tensor:
    """Binary cross-entropy over the sounds that are known.

    logits: (B, S)   targets: (B, S) 1, 0 or NaN   positive_weight: (S,)   returns: scalar
    """
    known = torch.isfinite(targets)
    clean = torch.nan_to_num(targets)
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, clean, pos_weight=positive_weight, reduction="none"
    )
    total: Tensor = (losses * known).sum() / known.sum().clamp(min=1)
    return total
