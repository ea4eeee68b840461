"""Optical flow between two neighbouring grid points, on a small grey picture.

OpenCV's DIS, preset FAST (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", 2016).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.encoders.spec import FLOW_SCALE

GREY_HEIGHT, GREY_WIDTH = 120, 160
_LIMIT = 127


def to_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink to the picture that flow is computed on, keeping the geometry.

    rgb: (H, W, 3)   returns: (120, 160), with black bars where H:W is not 3:4; see ``content``
    """
    import cv2

    height, width = rgb.shape[:2]
    rows, columns = content(height, width)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    enlarging = size[0] > width or size[1] > height
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR if enlarging else cv2.INTER_AREA)
    grey = np.zeros((GREY_HEIGHT, GREY_WIDTH), np.uint8)
    grey[rows, columns] = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return grey


def content(height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of the grey picture that a picture of this shape fills."""
    scale = min(GREY_HEIGHT / height, GREY_WIDTH / width)
    used_height, used_width = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (GREY_HEIGHT - used_height) // 2, (GREY_WIDTH - used_width) // 2
    return slice(top, top + used_height), slice(left, left + used_width)


class FlowEstimator:
    """Dense displacement; the same two pictures give the same bits."""

    def __init__(self) -> None:
        import cv2

        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def __call__(self, previous: NDArray[np.uint8], grey: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Displacement (x, y) from ``previous`` to ``grey``, both (120, 160).

        returns: (120, 160, 2) in eighths of a pixel (FLOW_SCALE), clipped to +-127
        """
        initial = np.zeros(
            (*grey.shape, 2), np.float32
        )  # DIS would otherwise reuse its last answer
        flow = np.asarray(self._dis.calc(previous, grey, initial), np.float32)
        return np.clip(np.rint(flow * FLOW_SCALE), -_LIMIT, _LIMIT).astype(np.int8)
