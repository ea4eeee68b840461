"""Four encoders, each one graph: raw tensor -> normalisation -> backbone -> pooling -> feature."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from edge.encoders.spec import FLOW_SCALE, HEIGHT_UNKNOWN, RGB_SIZE, SMALL_SIZE
from edge.values import FEATURE_DIM
from edge.vocabulary import Modality
from engines.models import movenet
from engines.models.logmel import LogMel
from engines.models.pretrained import movenet_convolutions, yamnet_state
from engines.models.residual import STRIDE, ResidualNet
from engines.models.yamnet import load_yamnet

FLOW_UNIT_PIXELS = 1.0
"""Flow of this size becomes 1; a walking person shows up to two in a 160x120 picture."""

DEPTH_RANGE_M = 8.0
THIRD = SMALL_SIZE // 3

RELIEF_M = 1.5
"""Depth against the middle of the crop is clipped to this, either way."""

HEIGHT_UNIT_M = 1.0
"""Height above the floor is clipped to 0 .. twice this."""


class Picture(nn.Module):
    """RGB around 0."""

    def forward(self, rgb: Tensor) -> Tensor:
        """rgb: (B, H, W, 3) uint8   returns: (B, 3, H, W) in [-1, 1]"""
        return rgb.permute(0, 3, 1, 2).to(torch.float32) * (2.0 / 255.0) - 1.0


class Motion(nn.Module):
    """Flow and its speed."""

    def forward(self, flow: Tensor) -> Tensor:
        """flow: (B, H, W, 2) int8   returns: (B, 3, H, W) x, y, speed in FLOW_UNIT_PIXELS"""
        xy = flow.permute(0, 3, 1, 2).to(torch.float32) * (1.0 / (FLOW_SCALE * FLOW_UNIT_PIXELS))
        speed = torch.sqrt((xy * xy).sum(dim=1, keepdim=True))
        return torch.cat([xy, speed], dim=1)


class Relief(nn.Module):
    """Depth in three views and height above the floor, each 0 where it is not known.

    Channels: valid or not; distance; distance against the mean of the middle of the crop, which is
    where the person is; height, -1 on the floor and 1 from 2 m; height known or not. Means instead
    of medians: a sort has no place in an INT8 graph.
    """

    channels = 5

    def forward(self, depth: Tensor) -> Tensor:
        """depth: (B, H, W, 2) int32 mm: distance, 0 = no return; height, or HEIGHT_UNKNOWN

        returns: (B, 5, H, W) in [-1, 1]
        """
        planes = depth.permute(0, 3, 1, 2).to(torch.float32)
        metres = planes[:, :1] * 1e-3
        valid = (metres * 1e3).clamp(0.0, 1.0)
        middle = metres[:, :, THIRD:-THIRD, THIRD:-THIRD]
        returns = valid[:, :, THIRD:-THIRD, THIRD:-THIRD]
        count = returns.mean(dim=(2, 3), keepdim=True).clamp(min=1e-3)
        centre = middle.mean(dim=(2, 3), keepdim=True) / count
        distance = (metres.clamp(0.0, DEPTH_RANGE_M) * (2.0 / DEPTH_RANGE_M) - 1.0) * valid
        relief = ((metres - centre) * (1.0 / RELIEF_M)).clamp(-1.0, 1.0) * valid
        known = (planes[:, 1:] - HEIGHT_UNKNOWN).clamp(0.0, 1.0)
        height = (planes[:, 1:] * (1e-3 / HEIGHT_UNIT_M) - 1.0).clamp(-1.0, 1.0) * known
        views = [valid * 2.0 - 1.0, distance, relief, height, known * 2.0 - 1.0]
        return torch.cat(views, dim=1)


class Mean(nn.Module):
    """Global average."""

    cells = 1

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W)   returns: (B, C)"""
        return x.mean(dim=(2, 3))


class Quarters(nn.Module):
    """Average of each overlapping quarter of a map: keeps above from below, left from right."""

    cells = 4

    def __init__(self, side: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(side // 2 + 1, stride=(side - 1) // 2)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, side, side)   returns: (B, 4 C)"""
        return torch.flatten(self.pool(x), 1)


class TwoScales(nn.Module):
    """Quarters of MoveNet's middle and last map."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.middle = Quarters(side // movenet.MIDDLE_STRIDE)
        self.last = Quarters(side // movenet.STRIDE)

    size = Quarters.cells * (movenet.MIDDLE_CHANNELS + movenet.CHANNELS)

    def forward(self, maps: tuple[Tensor, Tensor]) -> Tensor:
        """maps: see MoveNetBackbone   returns: (B, size)"""
        return torch.cat([self.middle(maps[0]), self.last(maps[1])], dim=1)


class Energy(nn.Module):
    """How much of each input channel there is in each sixteenth of the crop."""

    cells = 16

    def __init__(self, side: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(side // 4)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, side, side)   returns: (B, 16 C)"""
        return torch.flatten(self.pool(x.abs()), 1)


class Encoder(nn.Module):
    """What is exported for one modality; see edge/encoders/spec.py for input types and shapes."""

    def __init__(
        self,
        modality: Modality,
        normalise: nn.Module,
        backbone: nn.Module,
        channels: int,
        pool: nn.Module,
        energy: nn.Module | None = None,
        energy_size: int = 0,
    ) -> None:
        super().__init__()
        self.modality = modality
        self.normalise, self.backbone, self.pool, self.energy = normalise, backbone, pool, energy
        self.project = nn.Linear(channels + energy_size, FEATURE_DIM)

    def forward(self, raw: Tensor) -> Tensor:
        """raw: (B, *input_shape)   returns: (B, FEATURE_DIM), never negative"""
        return self.read(self.pooled(raw))

    def pooled(self, raw: Tensor) -> Tensor:
        """raw: (B, *input_shape)   returns: (B, channels + energy) what the projection reads"""
        x = self.normalise(raw)
        parts = [self.pool(self.backbone(x))]
        if self.energy is not None:
            parts.append(self.energy(x))
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    def read(self, pooled: Tensor) -> Tensor:
        """pooled: (B, channels + energy)   returns: (B, FEATURE_DIM)"""
        return torch.relu(self.project(pooled))


def rgb_encoder() -> Encoder:
    """MoveNet's backbone, its last blocks trainable."""
    backbone = movenet.load_movenet(movenet_convolutions())
    return Encoder(Modality.RGB, Picture(), backbone, TwoScales.size, TwoScales(RGB_SIZE))


def flow_encoder() -> Encoder:
    """A residual network with the energy of the motion beside it."""
    backbone, energy = ResidualNet(3), Energy(SMALL_SIZE)
    quarters = Quarters(SMALL_SIZE // STRIDE)
    channels = backbone.channels * quarters.cells
    size = 3 * energy.cells
    return Encoder(Modality.FLOW, Motion(), backbone, channels, quarters, energy, size)


def depth_encoder() -> Encoder:
    """A residual network on views of depth and height."""
    backbone = ResidualNet(Relief.channels)
    quarters = Quarters(SMALL_SIZE // STRIDE)
    return Encoder(Modality.DEPTH, Relief(), backbone, backbone.channels * quarters.cells, quarters)


def audio_encoder() -> Encoder:
    """YAMNet with its front end."""
    backbone = load_yamnet(yamnet_state())
    return Encoder(Modality.AUDIO, LogMel(), backbone, backbone.channels, Mean())


BUILDERS: dict[Modality, Callable[[], Encoder]] = {
    Modality.RGB: rgb_encoder,
    Modality.FLOW: flow_encoder,
    Modality.DEPTH: depth_encoder,
    Modality.AUDIO: audio_encoder,
}


def build_encoder(modality: Modality) -> Encoder:
    """Fresh weights, but for MoveNet and YAMNet.  Raises: MissingFileError, ModelError."""
    return BUILDERS[modality]()
