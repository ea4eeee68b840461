"""How a picture moves, in a few numbers: all of it, and where the person is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.encoders.spec import FLOW_SCALE
from edge.values import F32
from engines.benchmarks.postures.track import MOVING, Box

DIRECTIONS = 8
PER_FIELD = 8 + DIRECTIONS
FIELDS = 4  # whole picture, the box, its upper and its lower half
MOTION = FIELDS * PER_FIELD
FEWEST = 4


def motion_numbers(flow: NDArray[np.int8] | None, box: Box) -> F32:
    """(MOTION,) of the flow (h, w, 2) of one frame; zeros when there is none.

    Lengths are in sizes of the box a second (15 frames) inside it, in picture heights outside.
    """
    if flow is None:
        return np.zeros(MOTION, np.float32)
    height = flow.shape[0]
    pixels = np.asarray(flow / np.float32(FLOW_SCALE), np.float32)
    top, left = (box.y - box.side / 2) * height, (box.x - box.side / 2) * height
    side = box.side * height
    rows = [slice(*_within(top + a * side, top + b * side, height))
            for a, b in ((0.0, 1.0), (0.0, 0.5), (0.5, 1.0))]  # fmt: skip
    columns = slice(*_within(left, left + side, flow.shape[1]))
    inside = [field_numbers(pixels[r, columns], side) for r in rows]
    return np.concatenate([field_numbers(pixels, height), *inside]).astype(np.float32)


def _within(low: float, high: float, end: int) -> tuple[int, int]:
    first = int(min(max(low, 0), end - 1))
    return first, int(min(max(high, first + 1), end))


def field_numbers(field: F32, length: float) -> F32:
    """(PER_FIELD,) of one part.  field: (h, w, 2) pixels a frame   length: its unit, in pixels"""
    scaled = field.reshape(-1, 2) * (15.0 / length)
    speed = np.hypot(scaled[:, 0], scaled[:, 1])
    moving = np.hypot(*field.reshape(-1, 2).T) > MOVING
    numbers = np.zeros(PER_FIELD, np.float32)
    numbers[:2] = np.sqrt(moving.mean()), speed.mean()
    if moving.sum() < FEWEST:
        return numbers
    own, weight = scaled[moving], speed[moving] / speed[moving].sum()
    numbers[2:4] = weight @ own  # where it goes
    numbers[4:6] = np.sqrt(weight @ (own - numbers[2:4]) ** 2)  # how much at odds
    numbers[6] = np.quantile(speed[moving], 0.9)
    numbers[7] = np.maximum(own[:, 1], 0).mean()  # downward
    angle = np.arctan2(own[:, 1], own[:, 0]) / (2 * np.pi) * DIRECTIONS
    sector = np.floor(angle + 0.5).astype(np.int64) % DIRECTIONS
    numbers[8:] = np.bincount(sector, weight, DIRECTIONS)
    return numbers
