"""EfficientNet-Lite0 (Tan & Le 2019; Apache-2.0), plain enough for INT8: ReLU6, no attention.

TensorFlow pads a stride-2 convolution only behind, not around. That asymmetry stays explicit here
and ``export.fold_pads`` moves it into the ONNX convolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURES = 1280
STEM_CHANNELS = 32


class Stage(NamedTuple):
    """One row of the architecture table: ``repeats`` blocks, the first with ``stride``."""

    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int
    repeats: int


STAGES = (
    Stage(3, 1, 1, 32, 16, 1),
    Stage(3, 2, 6, 16, 24, 2),
    Stage(5, 2, 6, 24, 40, 2),
    Stage(3, 2, 6, 40, 80, 3),
    Stage(5, 1, 6, 80, 112, 3),
    Stage(5, 2, 6, 112, 192, 4),
    Stage(3, 1, 6, 192, 320, 1),
)

TOP_NAMES = {
    "_conv_stem": "stem.conv",
    "_bn0": "stem.norm",
    "_conv_head": "head.conv",
    "_bn1": "head.norm",
}
BLOCK_NAMES = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME does on inputs with even sides."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1
    ) -> None:
        around = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, around, groups=groups, bias=False)
        total = kernel - stride if stride > 1 else 0
        before = total // 2
        self.extra = (before, total - before, before, total - before)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, inputs, H, W)   returns: (B, outputs, H / stride, W / stride)"""
        return super().forward(functional.pad(x, self.extra) if any(self.extra) else x)


class ConvNorm(nn.Module):
    """Convolution, batch norm and, when asked for, ReLU6."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.conv = SameConv(inputs, outputs, kernel, stride, groups)
        # short schedules need running statistics that follow: momentum 0.1, not the original 0.01
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.1)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, inputs, H, W)   returns: (B, outputs, H / stride, W / stride)"""
        x = self.norm(self.conv(x))
        return functional.relu6(x) if self.relu else x


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, stage: Stage, first: bool) -> None:
        super().__init__()
        inputs = stage.inputs if first else stage.outputs
        stride = stage.stride if first else 1
        wide = inputs * stage.expansion
        self.expand = ConvNorm(inputs, wide, 1) if stage.expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(wide, wide, stage.kernel, stride, groups=wide)
        self.project = ConvNorm(wide, stage.outputs, 1, relu=False)
        self.residual = stride == 1 and inputs == stage.outputs

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, inputs, H, W)   returns: (B, outputs, H / stride, W / stride)"""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


def build_blocks(count: int | None = None) -> nn.ModuleList:
    """The first ``count`` inverted residuals, or all sixteen."""
    rows = [(stage, i == 0) for stage in STAGES for i in range(stage.repeats)]
    return nn.ModuleList(Block(stage, first) for stage, first in rows[:count])


class Lite0(nn.Module):
    """The whole backbone without its classifier."""

    channels = FEATURES

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, STEM_CHANNELS, 3, 2)
        self.blocks = build_blocks()
        self.head = ConvNorm(STAGES[-1].outputs, FEATURES, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 3, H, W), H and W multiples of 32   returns: (B, 1280, H / 32, W / 32)"""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        y: Tensor = self.head(x)
        return y


def readable_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published weights to the names of this module; the classifier is left out."""
    renamed = {}
    for name, value in state.items():
        parts = name.split(".")
        if parts[0] == "_blocks":
            renamed[".".join(["blocks", parts[1], BLOCK_NAMES[parts[2]], *parts[3:]])] = value
        elif parts[0] in TOP_NAMES:
            renamed[".".join([TOP_NAMES[parts[0]], *parts[1:]])] = value
    return renamed


def load_lite0(state: Mapping[str, Tensor]) -> Lite0:
    """A backbone with the published ImageNet weights."""
    net = Lite0()
    net.load_state_dict(readable_names(state))
    return net


def imagenet_normalise(rgb: Tensor) -> Tensor:
    """rgb: (B, H, W, 3) uint8   returns: (B, 3, H, W) as EfficientNet-Lite was trained on."""
    return (rgb.permute(0, 3, 1, 2).to(torch.float32) - 127.0) / 128.0
