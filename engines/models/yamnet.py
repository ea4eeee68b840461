"""YAMNet (MobileNetV1 on log-mel; Apache-2.0) from weights with folded batch norms."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 1024
LAYERS = (  # stride, outputs of each depthwise-separable pair
    *((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)),
    *((1, 512),) * 5,
    *((2, 1024), (1, 1024)),
)
BEHIND = (0, 1, 0, 1)  # TensorFlow's SAME on even sides, stride 2, kernel 3


class Yamnet(nn.Module):
    """Log-mel patch to the 1024 features under the 521 AudioSet classes."""

    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 32, 3, 2)
        layers: list[nn.Module] = []
        inputs = 32
        for stride, outputs in LAYERS:
            around = 1 if stride == 1 else 0
            layers.append(nn.Conv2d(inputs, inputs, 3, stride, around, groups=inputs))
            layers.append(nn.Conv2d(inputs, outputs, 1))
            inputs = outputs
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 1, 96, 64) log-mel   returns: (B, 1024, 3, 2)"""
        x = functional.relu6(self.first(functional.pad(x, BEHIND)))
        for layer in self.layers:
            if layer.stride == (2, 2):
                x = functional.pad(x, BEHIND)
            x = functional.relu6(layer(x))
        return x


def load_yamnet(state: Mapping[str, Tensor]) -> Yamnet:
    """The published weights under this module's names; the classifier is left out."""
    net = Yamnet()
    names = {"c0": "first", "b": "layers"}
    parts = [(name.split("."), value) for name, value in state.items()]
    net.load_state_dict({".".join([names[p[0]], *p[1:]]): v for p, v in parts if p[0] in names})
    return net
