"""A gate and pool of the fusion stage that are fitted apart from its experts; see stacking.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.fusion.parameters import QUALITY_CUES
from edge.values import FEATURE_DIM
from edge.vocabulary import MODALITIES

if TYPE_CHECKING:
    from torch import Tensor

    from engines.models.fusion import FusionNet

TOLD = 1 + len(QUALITY_CUES)  # presence and the cues, of each modality
MASKED = -3e4  # logit of what is not there


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to make a gate."""

    power: float
    sees_features: bool = False
    steps: int = 0

    def __str__(self) -> str:
        told = "features" if self.sees_features else "cues"
        return f"power_{self.power:g}_{told}_{self.steps}_steps"


class StackedGate:
    """Gate and pool of the formula; columns for what it is not told are left at zero."""

    def __init__(self, hidden: int, way: Choice, independence: float, seed: int) -> None:
        import torch

        generator = torch.Generator().manual_seed(seed)
        inputs = len(MODALITIES) * TOLD
        self.first = torch.randn(hidden, inputs, generator=generator) * inputs**-0.5
        self.first_bias = torch.zeros(hidden)
        self.sight = torch.zeros(hidden, len(MODALITIES) * FEATURE_DIM)  # before any step: blind
        self.last = torch.zeros(len(MODALITIES), hidden)  # before any step: all alike
        self.last_bias = torch.zeros(len(MODALITIES))
        self.independence = torch.tensor([independence])
        self._way = way

    @property
    def parameters(self) -> list[Tensor]:
        """What is trained."""
        seen = [self.sight] if self._way.sees_features else []
        rest = [self.first_bias, self.last, self.last_bias, self.independence]
        return [self.first, *seen, *rest]

    def log_weights(self, there: Tensor, quality: Tensor, pooled: Tensor) -> Tensor:
        """there: (B, M) 0 or 1   quality: (B, M, Q)   pooled: (B, M, D)   returns: (B, M) log g"""
        import torch

        told = torch.cat([there[:, :, None], quality], dim=2) * there[:, :, None]
        hidden = told.flatten(1) @ self.first.T + self.first_bias
        if self._way.sees_features:
            hidden = hidden + (pooled * there[:, :, None]).flatten(1) @ self.sight.T
        logits = torch.relu(hidden) @ self.last.T + self.last_bias
        return torch.log_softmax(logits.masked_fill(there == 0, MASKED), dim=1)

    def log_actions(self, log_weights: Tensor, experts: Tensor) -> Tensor:
        """log_weights: (B, M)   experts: (B, M, A) probabilities   returns: (B, A) log"""
        import torch

        from engines.models.fusion import pooled_opinions

        power = torch.tensor([self._way.power])
        opinions = experts.clamp(min=1e-12).log()
        return pooled_opinions(log_weights, opinions, power, self.independence)

    def write_to(self, net: FusionNet) -> None:
        """Put these numbers into a network."""
        import torch

        parts = (self.sight, FEATURE_DIM), (self.first, TOLD)
        wide = [part.detach().reshape(-1, len(MODALITIES), size) for part, size in parts]
        with torch.no_grad():
            net.gate_hidden_weight.copy_(torch.cat(wide, dim=2).flatten(1))
            net.gate_hidden_bias.copy_(self.first_bias)
            net.gate_weight.copy_(self.last)
            net.gate_bias.copy_(self.last_bias)
            net.pool_power.fill_(self._way.power)
            net.pool_independence.copy_(self.independence)
