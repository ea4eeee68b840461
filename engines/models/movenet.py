"""MoveNet's backbone (MobileNetV2, Sandler et al. 2018; Apache-2.0): it has seen many people move.

The network was trained to find the joints of people in photographs, which is why its features carry
over to people of whom only a few hundred rendered bodies were seen. Its first part stays as it is;
the last blocks learn. Batch norms are folded into the convolutions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

BEHIND = (0, 1, 0, 1)  # TensorFlow's SAME on even sides, stride 2, kernel 3


class Stage(NamedTuple):
    """One row of the architecture table: ``repeats`` blocks, the first with ``stride``."""

    expansion: int
    outputs: int
    repeats: int
    stride: int


STEM = 32
FROZEN = (
    Stage(1, 16, 1, 1),
    Stage(6, 24, 2, 2),
    Stage(6, 32, 3, 2),
    Stage(6, 64, 4, 2),
)
LEARNING = (Stage(6, 96, 3, 1), Stage(6, 160, 3, 2), Stage(6, 320, 1, 1))
MIDDLE_CHANNELS, MIDDLE_STRIDE = 96, 16
CHANNELS, STRIDE = 320, 32


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, inputs: int, stage: Stage, first: bool) -> None:
        super().__init__()
        stride = stage.stride if first else 1
        wide = inputs * stage.expansion
        around = 1 if stride == 1 else 0
        self.widen = nn.Conv2d(inputs, wide, 1) if stage.expansion > 1 else None
        self.filter = nn.Conv2d(wide, wide, 3, stride, around, groups=wide)
        self.narrow = nn.Conv2d(wide, stage.outputs, 1)
        self.shortcut = stride == 1 and inputs == stage.outputs

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, inputs, H, W)   returns: (B, outputs, H / stride, W / stride)"""
        wide = x if self.widen is None else functional.relu6(self.widen(x))
        if self.filter.stride == (2, 2):
            wide = functional.pad(wide, BEHIND)
        y: Tensor = self.narrow(functional.relu6(self.filter(wide)))
        return x + y if self.shortcut else y


def blocks_of(inputs: int, stages: tuple[Stage, ...]) -> nn.Sequential:
    """The blocks of some rows of the table."""
    blocks: list[nn.Module] = []
    for stage in stages:
        for number in range(stage.repeats):
            blocks.append(Block(inputs, stage, number == 0))
            inputs = stage.outputs
    return nn.Sequential(*blocks)


class MoveNetBackbone(nn.Module):
    """A picture to two maps: the middle one knows where limbs are, the last one what they do."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, STEM, 3, 2)
        self.frozen = blocks_of(STEM, FROZEN)
        self.middle = blocks_of(FROZEN[-1].outputs, LEARNING[:1])
        self.last = blocks_of(LEARNING[0].outputs, LEARNING[1:])
        self.stem.requires_grad_(False)
        self.frozen.requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: (B, 3, H, W) in [-1, 1], sides multiples of 32

        returns: (B, 96, H / 16, W / 16), (B, 320, H / 32, W / 32)
        """
        with torch.no_grad():
            x = functional.relu6(self.stem(functional.pad(x, BEHIND)))
            x = self.frozen(x)
        middle = self.middle(x)
        return middle, self.last(middle)


def load_movenet(convolutions: Mapping[str, tuple[Tensor, Tensor]]) -> MoveNetBackbone:
    """The published weights.

    convolutions: kernel and bias by the name of the convolution's output, in the graph's order;
    what the backbone does not have (the pyramid and the heads) is left out by its shape
    """
    net = MoveNetBackbone()
    own = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    given = iter(convolutions.values())
    for module in own:
        kernel, bias = next(given)
        while kernel.shape != module.weight.shape:
            kernel, bias = next(given)  # a lateral convolution of the pyramid
        module.weight.data.copy_(kernel)
        if module.bias is not None:
            module.bias.data.copy_(bias)
    return net
