"""Temporal stages: the steps of a window become one vector a modality.

x is (B, M, T, D) with zeros where a step is not valid, steps is (B, M, T) 1 or 0, oldest first, and
every stage returns (B, M, D), zeros where no step is valid. The last slot is the window's end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import gcd
from types import MappingProxyType

import torch
from torch import Tensor, nn

from edge.fusion.parameters import TAPS

MASKED = -1e9
HEADS = 8


class MeanPool(nn.Module):
    """``h = mean over valid t of x[t]``"""

    def forward(self, x: Tensor, steps: Tensor) -> Tensor:
        """See the module."""
        share = steps / steps.sum(dim=2, keepdim=True).clamp(min=1.0)
        return (share[:, :, None] @ x)[:, :, 0]


class AttentionPool(nn.Module):
    """``h[k] = sum_t a[k, t] x_k[t]``, ``a = softmax over valid t of (q[k] . x_k[t] + age[k, t])``.

    Head k sees its own D / 8 channels; q and age are learned for each modality, age is counted from
    the window's end, and at zero, where both begin, this is the mean. Attention pooling with a
    learned query: Yang et al. 2016, "Hierarchical attention networks for document classification".
    """

    def __init__(self, count: int, steps: int, dim: int) -> None:
        super().__init__()
        self.heads = gcd(dim, HEADS)
        self.query = nn.Parameter(torch.zeros(count, self.heads, dim // self.heads))
        self.age = nn.Parameter(torch.zeros(count, self.heads, steps))  # [..., 0] is the newest

    def forward(self, x: Tensor, steps: Tensor) -> Tensor:
        """See the module."""
        batch, count, length, dim = x.shape
        split = x.reshape(batch, count, length, self.heads, dim // self.heads)
        logits = (split * self.query[:, None]).sum(dim=4) + self.age.flip(2).transpose(1, 2)
        mask = steps[..., None]
        weights = torch.softmax(logits * mask + MASKED * (1.0 - mask), dim=2) * mask
        return (weights[..., None] * split).sum(dim=2).reshape(batch, count, dim)


class Convolution(nn.Module):
    """``y[t] = x[t] + relu(b + sum_k kernel[k] * x[t - k])``, each channel by itself, never ahead.

    The formula of edge/fusion/reference.py before its mean; for any T.
    """

    def __init__(self, count: int, dim: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(count, TAPS, dim) * 0.1)
        self.bias = nn.Parameter(torch.zeros(count, dim))

    def forward(self, x: Tensor, steps: Tensor) -> Tensor:
        """returns: (B, M, T, D), zeros where a step is not valid"""
        batch, count, length, dim = x.shape
        series = x.transpose(1, 2).reshape(batch, length, count * dim).permute(0, 2, 1)[:, :, None]
        late = nn.functional.pad(series, (TAPS - 1, 0))
        kernel = self.kernel.flip(1).transpose(1, 2).reshape(count * dim, 1, 1, TAPS)
        taps = nn.functional.conv2d(  # channels last: four times as fast here as 1-D or a loop
            late.contiguous(memory_format=torch.channels_last),
            kernel,
            self.bias.reshape(-1),
            groups=count * dim,
        )
        taps = taps[:, :, 0].permute(0, 2, 1).reshape(batch, length, count, dim).transpose(1, 2)
        return (x + torch.relu(taps)) * steps[..., None]


class Convolved(nn.Module):
    """A convolution, then a pool."""

    def __init__(self, count: int, dim: int, pool: nn.Module) -> None:
        super().__init__()
        self.convolution = Convolution(count, dim)
        self.pool = pool

    def forward(self, x: Tensor, steps: Tensor) -> Tensor:
        """See the module."""
        pooled: Tensor = self.pool(self.convolution(x, steps), steps)
        return pooled


TEMPORAL: Mapping[str, Callable[[int, int, int], nn.Module]] = MappingProxyType(
    {
        "mean": lambda count, steps, dim: MeanPool(),
        "attention": AttentionPool,
        "conv": lambda count, steps, dim: Convolved(count, dim, MeanPool()),
        "conv_attention": lambda count, steps, dim: Convolved(
            count, dim, AttentionPool(count, steps, dim)
        ),
    }
)
"""Name -> builder from M, T, D."""
