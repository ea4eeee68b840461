"""Contact sheets: what a person looks at to judge recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]

_FAR_MM = 6000
_RED_RGB = (255, 40, 40)


def depth_colours(depth_mm: NDArray[np.integer]) -> U8:
    """(H, W) mm -> (H, W, 3) RGB, blue near to red at 6 m; black where nothing returned."""
    import cv2

    scaled = (np.clip(depth_mm / _FAR_MM, 0, 1) * 255).astype(np.uint8)
    picture = np.asarray(cv2.applyColorMap(scaled, cv2.COLORMAP_TURBO)[..., ::-1]).copy()
    picture[depth_mm == 0] = 0
    return np.asarray(picture, np.uint8)


def contact_sheet(frames: Sequence[tuple[U8, U16]], title: str, columns: int = 6) -> U8:
    """``columns`` frames spread over a recording: colour above depth, in one (h, w, 3) RGB row.

    frames: (rgb (H, W, 3), depth in mm of any size); ValueError when there are none.
    """
    import cv2

    if not frames:
        raise ValueError("a contact sheet needs at least one frame")
    chosen = np.linspace(0, len(frames) - 1, columns).round().astype(int)
    cells = []
    for index in chosen:
        rgb, depth_mm = frames[index]
        size = (rgb.shape[1], rgb.shape[0])
        depth = cv2.resize(depth_colours(depth_mm), size, interpolation=cv2.INTER_NEAREST)
        cells.append(np.vstack([rgb, depth]))
    row = np.ascontiguousarray(np.hstack(cells).astype(np.uint8))
    cv2.putText(row, title, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _RED_RGB, 1, cv2.LINE_AA)
    return row


def stacked(rows: Sequence[U8], scale: float = 1.0) -> U8:
    """Several contact sheets below each other, shrunk by ``scale``; ValueError when none."""
    import cv2

    if not rows:
        raise ValueError("nothing to stack")
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    whole: NDArray[Any] = np.vstack(padded)
    if scale != 1.0:
        whole = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(whole, np.uint8)
