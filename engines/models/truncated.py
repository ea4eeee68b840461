"""EfficientNet-Lite0 cut after block 10: what carries over from photographs to depth and flow."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from engines.models.lite import STEM_CHANNELS, ConvNorm, build_blocks, readable_names

BLOCKS = 11
CHANNELS = 112


class TruncatedLite0(nn.Module):
    """Stem and eleven blocks; stride 16."""

    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, STEM_CHANNELS, 3, 2)
        self.blocks = build_blocks(BLOCKS)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 3, H, W), H and W multiples of 16   returns: (B, 112, H / 16, W / 16)"""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return x


def load_truncated(state: Mapping[str, Tensor]) -> TruncatedLite0:
    """A truncated backbone from the published ImageNet weights.

    The kernels of the three colours serve three channels of another kind as they are: averaged, a
    stem that is kept frozen would see only the channels' sum, and no motion to the left.
    """
    net = TruncatedLite0()
    wanted = net.state_dict()
    net.load_state_dict({k: v for k, v in readable_names(state).items() if k in wanted})
    return net
