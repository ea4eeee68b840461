"""Depth clips of one person on a black background, cut to the body.

One crop for a whole clip: where hands go is told by where they are in it. Its side follows from the
distance, so that a person who raises an arm or crouches does not change in size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.encoders.spec import FLOW_SCALE
from engines.training.datasets import open_row
from engines.training.manifest import Row

SIDE = 112  # pixels of the stored crop
RELIEF_MM = 700.0  # in front of and behind the body's middle
FEET = 0.94  # where the lowest point of a clip is, from the crop's top
SIDE_AT: dict[str, float] = {"utd_mhad": 590_000.0, "msr_action3d": 120_000.0}
"""Side of the crop in pixels, times the distance in the unit of the set: about 1.4 body heights."""

SHARE_OF_BODY = 0.004  # rows and columns with less of the body are specks
U8 = NDArray[np.uint8]
I8 = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class DepthClip:
    """One clip; T pictures at the film's rate."""

    row: Row
    seconds: float
    body: U8  # (T, SIDE, SIDE) 0 = nothing, 1 far ... 255 near, 128 the body's middle
    flow: I8  # (T, SIDE, SIDE, 2) motion (x, y) since the picture before, in pixels x FLOW_SCALE


def read_clip(row: Row) -> DepthClip:
    """Read and cut one clip.

    Raises: MissingFileError, MediaError; ValueError when nobody is in it; KeyError for another set.
    """
    samples = list(open_row(row).samples())
    body = cut_body(np.stack([sample.data for sample in samples]), SIDE_AT[row.dataset])
    seconds = (samples[-1].t_ns - samples[0].t_ns) / 1e9
    return DepthClip(row, seconds, body, flow_of(body))


def cut_body(depth: NDArray[np.uint16], side_at: float) -> U8:
    """depth: (T, H, W), 0 = nothing   side_at: see SIDE_AT   returns: DepthClip.body

    Raises: ValueError when there is no body.
    """
    import cv2

    seen = depth > 0
    if not seen.any():
        raise ValueError("nobody is in the clip")
    middle = float(np.median(depth[seen]))
    columns, rows = extent(seen.sum(axis=(0, 1))), extent(seen.sum(axis=(0, 2)))
    side = side_at / middle
    left = (columns[0] + columns[1]) / 2 - side / 2
    top = rows[1] - FEET * side
    relative = 128 - (depth.astype(np.float32) - middle) * (127 / RELIEF_MM)
    coded = np.where(seen, np.clip(np.rint(relative), 1, 255), 0).astype(np.uint8)
    zoom = SIDE / side
    matrix = np.array([[zoom, 0, -left * zoom], [0, zoom, -top * zoom]], np.float32)
    cut = [cv2.warpAffine(c, matrix, (SIDE, SIDE), flags=cv2.INTER_NEAREST) for c in coded]
    return np.stack(cut).astype(np.uint8)


def extent(counts: NDArray[np.integer[Any]]) -> tuple[int, int]:
    """First and last place that has more than specks."""
    places = np.flatnonzero(counts > SHARE_OF_BODY * counts.sum())
    return int(places[0]), int(places[-1])


def flow_of(body: U8) -> I8:
    """OpenCV's DIS, preset FAST, as in edge/preprocess/flow.py.  See DepthClip."""
    import cv2

    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flows = np.zeros((*body.shape, 2), np.float32)
    for t in range(1, len(body)):
        flows[t] = dis.calc(body[t - 1], body[t], np.zeros((*body.shape[1:], 2), np.float32))
    return np.asarray(np.clip(np.rint(flows * FLOW_SCALE), -127, 127), np.int8)
