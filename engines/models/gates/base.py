"""What every gate is given, what it gives, and the rule that absent modalities do not exist.

B items, M modalities, D feature size, A classes, Q quality cues; any of them may have any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edge.vocabulary import Modality

MASKED = -1e9  # finite, so that no gradient is ever 0 * infinity
NO_OPINION = -1e9  # its exponential is exactly 0


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a gate is built for."""

    modalities: tuple[Modality, ...]  # (M,) names of the modality axis
    dim: int  # D
    classes: int  # A
    cues: int  # Q

    @property
    def count(self) -> int:
        """M"""
        return len(self.modalities)

    def index(self, modality: Modality) -> int | None:
        """Place of a modality on its axis; None when it is not among them."""
        return self.modalities.index(modality) if modality in self.modalities else None


class Evidence(NamedTuple):
    """What is known of B items before they are fused."""

    features: Tensor  # (B, M, D) one vector a modality: the output of its temporal stage
    logits: Tensor  # (B, M, A) of its expert
    there: Tensor  # (B, M) 1 where the modality is present, else 0
    quality: Tensor  # (B, M, Q) in [0, 1]

    def masked(self) -> Evidence:
        """The same with zeros wherever a modality is absent, whatever stood there (also NaN)."""
        present = self.there[:, :, None] > 0
        features, logits, quality = (
            torch.where(present, part, torch.zeros_like(part))
            for part in (self.features, self.logits, self.quality)
        )
        return Evidence(features, logits, self.there, quality)

    def pick(self, rows: Tensor) -> Evidence:
        """The chosen items, in that order."""
        return Evidence(*(part[rows] for part in self))


class Fusion(NamedTuple):
    """What a gate made of B items."""

    log_probabilities: Tensor  # (B, A) NO_OPINION where nothing is present
    weights: Tensor | None = None  # (B, M) on the simplex, 0 where absent; None: it has none
    used: Tensor | None = None  # (B, M) encoder calls that were needed; None: all that are present


class Gate(nn.Module):
    """Fuses the modalities that are present; the base class sees to it that no other is seen.

    A variant implements ``fuse``; it may rely on zeros in place of everything absent, and whatever
    it answers for items with no modality at all is replaced by no opinion.
    """

    def forward(self, evidence: Evidence) -> Fusion:
        """Fuse; see the two types for shapes."""
        seen = evidence.masked()
        fused = self.fuse(seen)
        anything = seen.there.sum(dim=1, keepdim=True) > 0
        opinions = fused.log_probabilities
        opinions = torch.where(anything, opinions, torch.full_like(opinions, NO_OPINION))
        weights, used = (
            None if part is None else part * seen.there for part in (fused.weights, fused.used)
        )
        return Fusion(opinions, weights, used)

    def fuse(self, seen: Evidence) -> Fusion:
        """The variant's formula."""
        raise NotImplementedError


def log_softmax_present(logits: Tensor, there: Tensor) -> Tensor:
    """Log of weights that sum to 1 over what is present; about MASKED elsewhere.

    logits, there: (B, M)   returns: (B, M)
    """
    return torch.log_softmax(logits * there + MASKED * (1.0 - there), dim=1)


def linear_pool(log_weights: Tensor, logits: Tensor) -> Fusion:
    """``log sum_m g[m] p[m]``: the mixture of the experts' probabilities.

    log_weights: (B, M)   logits: (B, M, A)
    """
    opinions = torch.log_softmax(logits, dim=2)
    fused = torch.logsumexp(log_weights[:, :, None] + opinions, dim=1)
    return Fusion(fused, log_weights.exp())


def share_of_present(there: Tensor) -> Tensor:
    """1 / (number present) where present, else 0.  there: (B, M)   returns: (B, M)"""
    return there / there.sum(dim=1, keepdim=True).clamp(min=1.0)


def told(seen: Evidence, use_quality: bool, *more: Tensor) -> Tensor:
    """``[more[m], 1, q[m]]`` of every modality side by side, q if wanted; absent ones as zeros.

    more: tensors (B, M, *)   returns: (B, M * (... + 1 + Q)), ordered as the runtime's gate
    """
    there = seen.there[:, :, None]
    parts = [*more, there, *([seen.quality] if use_quality else [])]
    return torch.flatten(torch.cat(parts, dim=2) * there, 1)


class Projections(nn.Module):
    """A linear map of its own for every modality."""

    def __init__(self, count: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(count, inputs, outputs) * inputs**-0.5)
        self.bias = nn.Parameter(torch.zeros(count, 1, outputs))

    def forward(self, features: Tensor) -> Tensor:
        """features: (B, M, D)   returns: (B, M, outputs)"""
        mapped = torch.baddbmm(self.bias, features.transpose(0, 1), self.weight)
        return mapped.transpose(0, 1)


class Scorer(nn.Module):
    """A small network that gives one logit a modality and begins by favouring none."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, hidden)
        self.out = nn.Linear(hidden, outputs)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, values: Tensor) -> Tensor:
        """values: (B, inputs)   returns: (B, outputs)"""
        logits: Tensor = self.out(torch.relu(self.hidden(values)))
        return logits
