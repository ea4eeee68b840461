"""What stands out from an empty room in depth: coarse cells nearer than they have mostly been.

Averages over cells, because a stereo camera's noise passes any threshold at single pixels; learns a
farther surface fast (somebody stepped aside) and a nearer one slowly (somebody sat down).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.values import F32

COLUMNS, ROWS = 40, 30  # cells of the map
_PIXELS = 4  # side of a cell, in pixels of the depth picture scaled to 160x120
_NEARER_MM, _NEARER_SHARE = 150, 0.06  # of the distance; less is the noise of a stereo camera
_FARTHER_RATE, _NEARER_RATE = 0.3, 0.02  # per update, 7.5 a second: 0.4 s and 7 s
_MIN_VALID = 0.3  # share of a cell with a reading


class DepthBackground:
    """One room's usual distances."""

    def __init__(self) -> None:
        self._usual: F32 | None = None  # (ROWS, COLUMNS) mm, 0 where never seen

    def foreground(self, depth_mm: NDArray[np.uint16]) -> F32:
        """depth_mm: (h, w), 0 = no return   returns: (ROWS, COLUMNS) 1 where somebody stands out"""
        import cv2

        now = _cells(depth_mm)
        usual = now if self._usual is None else self._usual
        known = (now > 0) & (usual > 0)
        nearer = known & (usual - now > np.maximum(_NEARER_MM, _NEARER_SHARE * usual))
        rate = np.where(now > usual, np.float32(_FARTHER_RATE), np.float32(_NEARER_RATE))
        moved = usual + rate * (now - usual)
        self._usual = np.where(usual <= 0, now, np.where(now <= 0, usual, moved))
        # a median takes away lone cells: holes that open and close at the edges of furniture
        return np.asarray(cv2.medianBlur(nearer.astype(np.uint8), 3), np.float32)


def _cells(depth_mm: NDArray[np.uint16]) -> F32:
    """Mean distance of each cell's readings in mm, 0 where there are too few."""
    import cv2

    size = (COLUMNS * _PIXELS, ROWS * _PIXELS)
    depth = cv2.resize(depth_mm, size, interpolation=cv2.INTER_NEAREST).astype(np.float32)
    cells = (ROWS, _PIXELS, COLUMNS, _PIXELS)
    valid = (depth > 0).reshape(cells).mean(axis=(1, 3))
    total = depth.reshape(cells).mean(axis=(1, 3))
    mean = np.where(valid >= _MIN_VALID, total / np.maximum(valid, 1e-6), 0)
    return np.asarray(mean, np.float32)
