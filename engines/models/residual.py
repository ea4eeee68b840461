"""A small residual network of plain 3x3 convolutions (He et al. 2016), trained from scratch.

Plain convolutions rather than separable ones: for the same time on a CPU or a tensor core they do
several times the arithmetic, they train stably in bfloat16, and INT8 costs them nothing.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

STEM = 24
GROUPS = ((48, 2, 1), (96, 2, 1), (160, 2, 2), (192, 1, 1))
"""Channels, stride and number of blocks of each group; the stem halves the side as well."""

STRIDE = 16


class Conv(nn.Module):
    """Convolution and batch norm, followed by ReLU unless told otherwise."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, relu: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, inputs, H, W)   returns: (B, outputs, H / stride, W / stride)"""
        x = self.norm(self.conv(x))
        return functional.relu(x) if self.relu else x


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = Conv(inputs, outputs, 3, stride)
        self.second = Conv(outputs, outputs, 3, 1, relu=False)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else Conv(inputs, outputs, 1, stride, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, inputs, H, W)   returns: (B, outputs, H / stride, W / stride)"""
        return functional.relu(self.second(self.first(x)) + self.shortcut(x))


class ResidualNet(nn.Module):
    """Stem and four groups of blocks; stride 16."""

    channels = GROUPS[-1][0]

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.stem = Conv(inputs, STEM, 5, 2)
        blocks: list[nn.Module] = []
        before = STEM
        for width, stride, repeats in GROUPS:
            blocks.append(Block(before, width, stride))
            blocks += [Block(width, width, 1) for _ in range(repeats - 1)]
            before = width
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, inputs, H, W), H and W multiples of 16   returns: (B, 192, H / 16, W / 16)"""
        y: Tensor = self.blocks(self.stem(x))
        return y
