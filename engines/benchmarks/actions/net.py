"""A network that sees a whole clip in order: pictures exchange channels with their neighbours.

Temporal shift (Lin, Gan, Han 2019, "TSM: Temporal shift module for efficient video
understanding") in the small residual network, a temporal convolution, and a pyramid of parts of
the clip. It couples the pictures inside the backbone, so it is measured here and never ships.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.models.residual import GROUPS, STEM, Block, Conv

FRAMES = 16  # pictures of a clip that the network sees
SIDE = 80  # pixels
EMBEDDING = 256
SHARE = 8  # one in so many channels comes from the picture before, one from the picture after
WIDTH = 256
CELLS = 2  # the last map is averaged over this many rows and columns
PARTS = (1, 2, 4)  # the clip, its halves, its quarters
TAPS = 5


def shifted(x: Tensor) -> Tensor:
    """Some channels from the picture before and after; nothing beyond the clip's ends.

    x: (B * FRAMES, C, H, W)   returns: the same shape
    """
    count = x.shape[1] // SHARE
    clip = x.unflatten(0, (-1, FRAMES))
    before = functional.pad(clip[:, :-1, :count], (0, 0, 0, 0, 0, 0, 1, 0))
    after = functional.pad(clip[:, 1:, count : 2 * count], (0, 0, 0, 0, 0, 0, 0, 1))
    moved = torch.cat([before, after, clip[:, :, 2 * count :]], dim=2)
    return moved.flatten(0, 1).contiguous(memory_format=torch.channels_last)


class ShiftBlock(Block):
    """A residual block that sees its neighbours in time; the shortcut does not."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (B * FRAMES, inputs, H, W)   returns: (B * FRAMES, outputs, H / stride, W / stride)"""
        return functional.relu(self.second(self.first(shifted(x))) + self.shortcut(x))


class ClipNet(nn.Module):
    """Pictures of a clip -> one embedding, and scores of training classes."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.stem = Conv(inputs, STEM, 5, 2)
        blocks: list[nn.Module] = []
        before = STEM
        for width, stride, repeats in GROUPS:
            blocks.append(ShiftBlock(before, width, stride))
            blocks += [ShiftBlock(width, width, 1) for _ in range(repeats - 1)]
            before = width
        self.blocks = nn.Sequential(*blocks)
        self.reduce = nn.Linear(before * CELLS * CELLS, WIDTH)
        self.along = nn.Conv1d(WIDTH, WIDTH, TAPS, padding=TAPS // 2)
        self.embed = nn.Linear(WIDTH * sum(PARTS), EMBEDDING)
        self.dropout = nn.Dropout(0.5)
        self.classify = nn.Linear(EMBEDDING, classes)

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """clips: (B, FRAMES, inputs, SIDE, SIDE)   returns: (B, EMBEDDING), (B, classes) logits"""
        x = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        cells = functional.adaptive_avg_pool2d(self.blocks(self.stem(x)), CELLS)
        steps = torch.relu(self.reduce(self.dropout(cells.flatten(1))))
        series = steps.unflatten(0, (-1, FRAMES)).transpose(1, 2)
        series = series + torch.relu(self.along(series))
        parts = torch.cat([functional.adaptive_avg_pool1d(series, p) for p in PARTS], dim=2)
        embedding = torch.relu(self.embed(parts.flatten(1)))
        return embedding, self.classify(self.dropout(embedding))
