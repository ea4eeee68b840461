"""The network that finds people in depth: plain convolutions at a quarter of its
resolution, with context from an eighth.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge.preprocess.finder import CHANNELS, COLUMNS, OUTPUTS, ROWS

STEM, FINE, COARSE = 16, 24, 48
RARE = -4.0
"""Bias of the likelihood: few cells hold a person."""

NEAR = -2.0
"""Bias of the distances: edges are about a tenth of the picture away."""


def _convolution(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class FinderNet(nn.Module):
    """A quarter of the picture's resolution, with context from an eighth of it."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(
            _convolution(CHANNELS, STEM, stride=2),
            _convolution(STEM, FINE, stride=2),
            _convolution(FINE, FINE),
        )
        self.coarse = nn.Sequential(
            _convolution(FINE, COARSE, stride=2),
            _convolution(COARSE, COARSE),
            _convolution(COARSE, COARSE, dilation=2),
            nn.Conv2d(COARSE, FINE, 1),
            nn.Upsample(scale_factor=2, mode="nearest"),
        )
        self.joined = _convolution(FINE, FINE)
        self.head = nn.Conv2d(FINE, OUTPUTS, 1)
        bias = torch.full((OUTPUTS,), NEAR)
        bias[0] = RARE
        self.head.bias = nn.Parameter(bias)

    def logits(self, channels: Tensor) -> Tensor:
        """channels: (B, CHANNELS, ROWS, COLUMNS)

        returns: (B, OUTPUTS, GRID_ROWS, GRID_COLUMNS)
        """
        fine = self.fine(channels)
        return torch.as_tensor(self.head(self.joined(fine + self.coarse(fine))))

    def forward(self, channels: Tensor) -> Tensor:
        """As ``logits``, but in [0, 1]: likelihood, and distances in shares of the picture."""
        return torch.sigmoid(self.logits(channels))


def onnx_from_finder(net: FinderNet) -> bytes:
    """The graph that ``edge.preprocess.finder`` runs, for one picture at a time."""
    import io
    import warnings

    import onnx

    buffer = io.BytesIO()
    net.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that folds batch norms is called legacy
        torch.onnx.export(
            net,
            (torch.zeros(1, CHANNELS, ROWS, COLUMNS),),
            buffer,  # type: ignore[arg-type]  # this exporter takes a stream, its stub says path
            input_names=["channels"],
            output_names=["people"],
            opset_version=13,  # the newest that every OpenCV from 4.10 reads without doubt
            dynamo=False,
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    model.producer_name, model.producer_version = "gatehouse", ""
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
