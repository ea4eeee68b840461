"""The fusion stage in torch: the formula of edge/fusion/reference.py, trainable and exportable.

Parameter names are those of ``FusionParameters``: they become the initialisers of fusion.onnx.
"""

from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edge.fusion.parameters import HEADS, QUALITY_CUES, TAPS, FusionParameters
from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, Modality

HIDDEN = 32
AUDIO = MODALITIES.index(Modality.AUDIO)
MASKED = -3e4  # a share of 0; INT8 and half-precision builders dislike infinities


class FusionOutput(NamedTuple):
    """Names and order of the outputs of fusion.onnx."""

    gate: Tensor  # (R, M)
    actions: Tensor  # (R, A)
    experts: Tensor  # (R, M, A)
    sounds: Tensor  # (R, S)


class FusionNet(nn.Module):
    """Temporal stage, experts, softmax gate, pool of opinions and sound head."""

    heads: Tensor

    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        m, d, a, s = len(MODALITIES), FEATURE_DIM, len(ACTIONS), len(SOUNDS)
        told = m * (d + 1 + len(QUALITY_CUES))
        self.temporal_kernel = nn.Parameter(torch.randn(m, TAPS, d) * 0.1)
        self.temporal_bias = nn.Parameter(torch.zeros(m, d))
        self.temporal_query = nn.Parameter(torch.zeros(m, d))
        self.temporal_age = nn.Parameter(torch.zeros(m, HEADS, VIDEO_STEPS))
        self.register_buffer("heads", channels_of_heads(), persistent=False)
        self.expert_weight = nn.Parameter(torch.randn(m, a, d) * d**-0.5)
        self.expert_bias = nn.Parameter(torch.zeros(m, a))
        self.gate_hidden_weight = nn.Parameter(torch.randn(hidden, told) * told**-0.5)
        self.gate_hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.gate_weight = nn.Parameter(torch.randn(m, hidden) * 0.1 * hidden**-0.5)
        self.gate_bias = nn.Parameter(torch.zeros(m))
        # fitted by search, not by gradients; see engines/training/stacking.py
        self.pool_power = nn.Parameter(torch.ones(1), requires_grad=False)
        self.pool_independence = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.sound_weight = nn.Parameter(torch.randn(s, d) * d**-0.5)
        self.sound_bias = nn.Parameter(torch.zeros(s))

    def forward(
        self, features: Tensor, valid: Tensor, present: Tensor, quality: Tensor
    ) -> FusionOutput:
        """See edge.values.WindowFeatures for shapes and types of the four inputs."""
        steps = valid.to(torch.float32) * present.to(torch.float32)[:, :, None]
        there = (steps.sum(dim=2) > 0).to(torch.float32)
        pooled = self.temporal(features, steps)
        opinions = torch.log_softmax(self.expert_logits(pooled), dim=2)
        log_gate = self.log_gate(pooled, there, quality)
        actions = self.pool(log_gate, opinions).exp() * there.amax(dim=1, keepdim=True)
        sounds = torch.sigmoid(self.sound_logits(pooled)) * there[:, AUDIO, None]
        experts = opinions.exp() * there[:, :, None]
        return FusionOutput(log_gate.exp() * there, actions, experts, sounds)

    def temporal(self, features: Tensor, steps: Tensor) -> Tensor:
        """features: (R, M, T, D)   steps: (R, M, T) 1 where valid   returns: (R, M, D)"""
        y = temporal_taps(features, steps, self.temporal_kernel, self.temporal_bias[:, None, :])
        query = self.temporal_query[:, None, :]
        return temporal_heads(y, steps, query, self.temporal_age, self.heads)

    def temporal_of(self, modality: int, features: Tensor, steps: Tensor) -> Tensor:
        """One modality's: features (R, T, D)   steps (R, T)   returns: (R, D)"""
        m = modality
        y = temporal_taps(features, steps, self.temporal_kernel[m], self.temporal_bias[m])
        query, age = self.temporal_query[m], self.temporal_age[m]
        return temporal_heads(y, steps, query, age, self.heads)

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
        return self.log_gate(pooled, there, quality).exp() * there

    def log_gate(self, pooled: Tensor, there: Tensor, quality: Tensor) -> Tensor:
        """The logarithms of ``gate``; absent modalities have a large negative one."""
        told = torch.cat([pooled, there[:, :, None], quality], dim=2)  # there is 1 where it counts
        told = torch.flatten(told * there[:, :, None], 1)
        hidden = nn.functional.linear(told, self.gate_hidden_weight, self.gate_hidden_bias)
        logits = nn.functional.linear(torch.relu(hidden), self.gate_weight, self.gate_bias)
        return torch.log_softmax(logits * there + MASKED * (1.0 - there), dim=1)

    def pool(self, log_gate: Tensor, opinions: Tensor) -> Tensor:
        """log_gate: (R, M)   opinions: (R, M, A) log p   returns: (R, A) log of the actions"""
        return pooled_opinions(log_gate, opinions, self.pool_power, self.pool_independence)

    def to_parameters(self) -> FusionParameters:
        """The same numbers as the runtime's value."""
        return FusionParameters(
            **{
                f.name: getattr(self, f.name).detach().numpy().copy()
                for f in fields(FusionParameters)
            }
        )


def temporal_taps(features: Tensor, steps: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Causal depthwise convolution with a skip.

    features: (R, ..., T, D)   steps: (R, ..., T) 1 where valid   kernel: (..., TAPS, D)
    bias: (..., 1, D) or (D,)   returns: (R, ..., T, D), zeros where not valid
    """
    mask = steps.unsqueeze(-1)
    x = torch.where(mask > 0, features, 0.0)  # whatever stood there, also NaN
    padded = nn.functional.pad(x, (0, 0, TAPS - 1, 0))
    taps = bias
    for k in range(TAPS):
        start = TAPS - 1 - k
        taps = taps + kernel[..., k : k + 1, :] * padded[..., start : start + VIDEO_STEPS, :]
    return (x + torch.relu(taps)) * mask


def temporal_heads(y: Tensor, steps: Tensor, query: Tensor, age: Tensor, heads: Tensor) -> Tensor:
    """Each head's mean over time, weighted by what its channels show and by how new it is.

    y: (R, ..., T, D)   steps: (R, ..., T) 1 where valid   query: (..., 1, D) or (D,)
    age: (..., HEADS, T)   heads: (D, HEADS) see ``channels_of_heads``   returns: (R, ..., D)
    """
    mask = steps.unsqueeze(-1)
    scores = torch.matmul(y * query, heads) + age.transpose(-2, -1)
    share = torch.softmax(scores * mask + MASKED * (1.0 - mask), dim=-2)
    return (torch.matmul(share, heads.T) * y).sum(dim=-2)


def channels_of_heads() -> Tensor:
    """(D, HEADS) 1 where a channel belongs to a head: sums over channels without reshaping."""
    return torch.eye(HEADS).repeat_interleave(FEATURE_DIM // HEADS, dim=0)


def pooled_opinions(
    log_gate: Tensor, opinions: Tensor, power: Tensor, independence: Tensor
) -> Tensor:
    """Weighted power mean, sharpened and normalised, on logarithms; see reference.py.

    log_gate: (R, M)   opinions: (R, M, A)   power, independence: (1,)   returns: (R, A)
    """
    terms = log_gate.unsqueeze(-1) + power * opinions
    top = terms.amax(dim=1)
    mean = (top + torch.log(torch.exp(terms - top.unsqueeze(1)).sum(dim=1))) / power
    same = torch.log(torch.exp(2 * log_gate).sum(dim=1, keepdim=True))  # 0 when one has it all
    return torch.log_softmax(torch.exp(-independence * same) * mean, dim=1)


def from_parameters(parameters: FusionParameters) -> FusionNet:
    """A network that computes what the runtime computes with these numbers."""
    net = FusionNet(hidden=parameters.gate_hidden_weight.shape[0])
    net.load_state_dict(
        {f.name: torch.from_numpy(getattr(parameters, f.name)) for f in fields(FusionParameters)}
    )
    return net
