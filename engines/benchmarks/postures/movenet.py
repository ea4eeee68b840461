"""MoveNet Lightning (Google 2021, Apache-2.0): one person's keypoints, and its features.

A frozen backbone of the benchmark family; the models that ship do not use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import MissingFileError
from edge.values import F32

FILE = "movenet_lightning_dequant_fp32.onnx"
SIDE = 192
GRID = 48
POINTS = 17  # COCO: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left first
BACKBONE = 1280
NEARNESS = 1.8  # of a heat map's peak to where regression expects it, as in the published decoding
MIRRORED = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)


@dataclass(frozen=True, slots=True)
class Pose:
    """One person in one square picture."""

    points: F32  # (17, 3) x and y in [0, 1] of the picture, and how sure in [0, 1]
    sure: float  # of there being a person, in [0, 1]
    features: F32  # (BACKBONE,) mean over the picture


class MoveNet:
    """The network on the CPU, one thread."""

    def __init__(self, directory: Path) -> None:
        """Raises: MissingFileError."""
        import openvino

        path = directory / FILE
        if not path.exists():
            raise MissingFileError(f"{path} is not there; set GATEHOUSE_WEIGHTS to its directory")
        core = openvino.Core()
        self._net: Any = core.compile_model(str(path), "CPU", {"INFERENCE_NUM_THREADS": 1})

    def __call__(self, square: NDArray[np.uint8]) -> Pose:
        """square: (SIDE, SIDE, 3) RGB"""
        given = square.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - 1
        said = self._net(given)
        backbone, _, centre, heat, regressed, offsets = (np.asarray(said[i])[0] for i in range(6))
        points, sure = decode(centre[0], heat, regressed, offsets)
        return Pose(points, sure, backbone.mean(axis=(1, 2)).astype(np.float32))


def decode(centre: F32, heat: F32, regressed: F32, offsets: F32) -> tuple[F32, float]:
    """The likeliest centre, and every point's peak near where regression expects it from there.

    centre: (GRID, GRID)   heat: (17, GRID, GRID)   regressed, offsets: (34, GRID, GRID), y before x
    returns: points and sureness as in Pose
    """
    rows, columns = np.mgrid[:GRID, :GRID].astype(np.float32)
    middle = (GRID - 1) / 2
    likely = sigmoid(centre) / (np.hypot(rows - middle, columns - middle) / GRID + 0.5)
    row, column = np.unravel_index(int(likely.argmax()), likely.shape)
    expected = regressed[:, row, column].reshape(POINTS, 2) + np.array([row, column], np.float32)
    gaps = np.hypot(rows - expected[:, :1, None], columns - expected[:, 1:, None])
    near = sigmoid(heat) / (gaps + NEARNESS)
    best = near.reshape(POINTS, -1).argmax(axis=1)
    y, x = best // GRID, best % GRID
    each = np.arange(POINTS)
    points = np.stack(
        [
            (x + offsets[2 * each + 1, y, x]) / GRID,
            (y + offsets[2 * each, y, x]) / GRID,
            sigmoid(heat[each, y, x]),
        ],
        axis=1,
    )
    return points.astype(np.float32), float(sigmoid(centre[row, column]))


def sigmoid(x: Any) -> Any:
    """Element by element."""
    return 1 / (1 + np.exp(-x))
