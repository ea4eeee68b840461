"""Fusion that does not look at the item: the two fixed rules, and weights learned once for all."""

from __future__ import annotations

import torch
from torch import nn

from engines.models.gates.base import (
    Evidence,
    Fusion,
    Gate,
    Sizes,
    linear_pool,
    log_softmax_present,
    share_of_present,
)


class Mean(Gate):
    """``p = 1/n sum_m p[m]`` over the n present: the sum rule.

    Kittler, Hatef, Duin, Matas 1998, "On combining classifiers", IEEE TPAMI 20(3).
    """

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        return linear_pool(
            log_softmax_present(torch.zeros_like(seen.there), seen.there), seen.logits
        )


class Product(Gate):
    """``p = softmax(1/n sum_m log p[m])`` over the n present: the product rule, normalised.

    The geometric mean of the opinions: naive Bayes up to an exponent that leaves the ranking as it
    is. Kittler et al. 1998; a logarithmic opinion pool in Genest & Zidek 1986, "Combining
    probability distributions", Statistical Science 1(1).
    """

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        weights = share_of_present(seen.there)
        opinions = torch.log_softmax(seen.logits, dim=2)
        return Fusion(
            torch.log_softmax((weights[:, :, None] * opinions).sum(dim=1), dim=1), weights
        )


class FixedWeights(Gate):
    """``p = sum_m g[m] p[m]``, ``g = softmax over present m of w[m]``, w learned, alike for all.

    The learned linear opinion pool; the weighted two-stream average of Simonyan & Zisserman 2014,
    "Two-stream convolutional networks for action recognition in videos", with weights from data.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(sizes.count))

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        logits = self.logits.expand_as(seen.there)
        return linear_pool(log_softmax_present(logits, seen.there), seen.logits)
