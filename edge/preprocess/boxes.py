"""A part of a picture, and how it becomes the square that an encoder takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle inside a picture; all in [0, 1] of the picture's width and height."""

    x: float  # left edge
    y: float  # upper edge
    w: float
    h: float

    def pixels(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of a picture of this shape; at least one pixel."""
        left = min(round(self.x * width), width - 1)
        top = min(round(self.y * height), height - 1)
        right = min(max(round((self.x + self.w) * width), left + 1), width)
        bottom = min(max(round((self.y + self.h) * height), top + 1), height)
        return slice(top, bottom), slice(left, right)


FULL_FRAME = Box(0.0, 0.0, 1.0, 1.0)


def letterbox(
    image: NDArray[Any], size: int, box: Box, interpolation: Literal["area", "nearest"]
) -> NDArray[Any]:
    """Cut out ``box`` and fit it into a square without distortion, centred between bars of zeros.

    image: (H, W) or (H, W, C) uint8, int8 or uint16 (int32 too when nearest)
    returns: (size, size[, C]) of the same type
    interpolation: area averages (and is linear when enlarging); nearest invents no value
    """
    import cv2

    rows, columns = box.pixels(*image.shape[:2])
    part = np.ascontiguousarray(image[rows, columns])
    height, width = part.shape[:2]
    scale = size / max(height, width)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    if interpolation == "nearest":
        method = cv2.INTER_NEAREST
    else:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    # OpenCV does not resize int8
    working = part.astype(np.int16) if part.dtype == np.int8 else part
    scaled = cv2.resize(working, target, interpolation=method)
    result = np.zeros((size, size, *image.shape[2:]), image.dtype)
    left, top = (size - target[0]) // 2, (size - target[1]) // 2
    result[top : top + target[1], left : left + target[0]] = scaled
    return result
