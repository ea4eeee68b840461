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

    def __init__(self, inputs: int = 3) -> None:
        super().__init__()
        self.stem = ConvNorm(inputs, STEM_CHANNELS, 3, 2)
        self.blocks = build_blocks(BLOCKS)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, inputs, H, W), H and W multiples of 16   returns: (B, 112, H / 16, W / 16)"""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return x


def load_truncated(state: Mapping[str, Tensor], inputs: int = 3) -> TruncatedLite0:
    """A truncated backbone from the published ImageNet weights.

    The stem sees pictures of another kind: every input channel gets the mean over the colours,
    scaled so that a grey picture spread over all channels excites it as before.
    """
    net = TruncatedLite0(inputs)
    wanted = net.state_dict()
    renamed = {name: value for name, value in readable_names(state).items() if name in wanted}
    grey = renamed["stem.conv.weight"].mean(dim=1, keepdim=True)
    renamed["stem.conv.weight"] = grey.repeat(1, inputs, 1, 1) * (3.0 / inputs)
    net.load_state_dict(renamed)
    return net
