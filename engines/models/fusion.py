"""The fusion stage in torch: the formula of edge/fusion/reference.py, trainable and exportable.

Parameter names are those of ``FusionParameters``: they become the initialisers of fusion.onnx.
"""

from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edge.fusion.parameters import QUALITY_CUES, TAPS, FusionParameters
from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, Modality

HIDDEN = 32
AUDIO = MODALITIES.index(Modality.AUDIO)
MASKED = -1e9  # finite: INT8 and half-precision builders dislike infinities


class FusionOutput(NamedTuple):
    """Names and order of the outputs of fusion.onnx."""

    gate: Tensor  # (R, M)
    actions: Tensor  # (R, A)
    experts: Tensor  # (R, M, A)
    sounds: Tensor  # (R, S)


class FusionNet(nn.Module):
    """Temporal stage, experts, softmax gate and sound head."""

    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        m, d, a, s = len(MODALITIES), FEATURE_DIM, len(ACTIONS), len(SOUNDS)
        told = m * (d + 1 + len(QUALITY_CUES))
        self.temporal_kernel = nn.Parameter(torch.randn(m, TAPS, d) * 0.1)
        self.temporal_bias = nn.Parameter(torch.zeros(m, d))
        self.expert_weight = nn.Parameter(torch.randn(m, a, d) * d**-0.5)
        self.expert_bias = nn.Parameter(torch.zeros(m, a))
        self.gate_hidden_weight = nn.Parameter(torch.randn(hidden, told) * told**-0.5)
        self.gate_hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.gate_weight = nn.Parameter(torch.randn(m, hidden) * 0.1 * hidden**-0.5)
        self.gate_bias = nn.Parameter(torch.zeros(m))
        self.sound_weight = nn.Parameter(torch.randn(s, d) * d**-0.5)
        self.sound_bias = nn.Parameter(torch.zeros(s))

    def forward(
        self, features: Tensor, valid: Tensor, present: Tensor, quality: Tensor
    ) -> FusionOutput:
        """See edge.values.WindowFeatures for shapes and types of the four inputs."""
        steps = valid.to(torch.float32)
        there = present.to(torch.float32) * (steps.sum(dim=2) > 0).to(torch.float32)
        pooled = self.temporal(features, steps)
        experts = torch.softmax(self.expert_logits(pooled), dim=2) * there[:, :, None]
        gate = self.gate(pooled, there, quality)
        actions = (gate[:, :, None] * experts).sum(dim=1)
        sounds = torch.sigmoid(self.sound_logits(pooled)) * there[:, AUDIO, None]
        return FusionOutput(gate, actions, experts, sounds)

    def temporal(self, features: Tensor, steps: Tensor) -> Tensor:
        """features: (R, M, T, D)   steps: (R, M, T) 1 where valid   returns: (R, M, D)"""
        bias = self.temporal_bias[:, None, :]
        return temporal_stage(features, steps, self.temporal_kernel, bias)

    def temporal_of(self, modality: int, features: Tensor, steps: Tensor) -> Tensor:
        """One modality's: features (R, T, D)   steps (R, T)   returns: (R, D)"""
        kernel, bias = self.temporal_kernel[modality], self.temporal_bias[modality]
        return temporal_stage(features, steps, kernel, bias)

    def expert_logits(self, pooled: Tensor) -> Tensor:
        """pooled: (R, M, D)   returns: (R, M, A)"""
        return (
            torch.matmul(self.expert_weight, pooled[:, :, :, None])[:, :, :, 0] + self.expert_bias
        )

    def sound_logits(self, pooled: Tensor) -> Tensor:
        """pooled: (R, M, D)   returns: (R, S)"""
        return nn.functional.linear(pooled[:, AUDIO], self.sound_weight, self.sound_bias)

    def gate(self, pooled: Tensor, there: Tensor, quality: Tensor) -> Tensor:
        """pooled: (R, M, D)   there: (R, M) 0 or 1   quality: (R, M, Q)   returns: (R, M)"""
        told = torch.cat([pooled, there[:, :, None], quality], dim=2)  # there is 1 where it counts
        told = torch.flatten(told * there[:, :, None], 1)
        hidden = nn.functional.linear(told, self.gate_hidden_weight, self.gate_hidden_bias)
        logits = nn.functional.linear(torch.relu(hidden), self.gate_weight, self.gate_bias)
        return torch.softmax(logits * there + MASKED * (1.0 - there), dim=1) * there

    def to_parameters(self) -> FusionParameters:
        """The same numbers as the runtime's value."""
        return FusionParameters(
            **{
                f.name: getattr(self, f.name).detach().numpy().copy()
                for f in fields(FusionParameters)
            }
        )


def temporal_stage(features: Tensor, steps: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Causal depthwise convolution with a skip, averaged over the valid steps.

    features: (R, ..., T, D)   steps: (R, ..., T) 1 where valid   kernel: (..., TAPS, D)
    bias: (..., 1, D) or (D,)   returns: (R, ..., D)
    """
    mask = steps.unsqueeze(-1)
    x = features * mask
    padded = nn.functional.pad(x, (0, 0, TAPS - 1, 0))
    taps = bias
    for k in range(TAPS):
        start = TAPS - 1 - k
        taps = taps + kernel[..., k : k + 1, :] * padded[..., start : start + VIDEO_STEPS, :]
    y = (x + torch.relu(taps)) * mask
    return y.sum(dim=-2) / mask.sum(dim=-2).clamp(min=1.0)


def from_parameters(parameters: FusionParameters) -> FusionNet:
    """A network that computes what the runtime computes with these numbers."""
    net = FusionNet(hidden=parameters.gate_hidden_weight.shape[0])
    net.load_state_dict(
        {f.name: torch.from_numpy(getattr(parameters, f.name)) for f in fields(FusionParameters)}
    )
    return net
