"""Finds people in one depth picture: a small network that learned from rendered rooms.

Motion shows only who moves and a learned background only who came later; the network also knows who
has been sitting, or lying on the floor, since before the camera was switched on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.values import F32

ROWS, COLUMNS = 64, 80  # the picture that the network sees, whatever the camera's
GRID_ROWS, GRID_COLUMNS = 16, 20  # its cells, each with a likelihood and a box
CHANNELS = 3
FINDER_FILE = "finder.onnx"  # in the model directory
OUTPUTS = 5  # likelihood; distances to the left, top, right and bottom edge

_BLOCK = 4  # pixels averaged along each side
_MIN_READINGS = 4  # of the 16 pixels of a block
_RANGE_MM = 8_000.0
_RELIEF = 4.0  # a quarter nearer than the surroundings is a relief of 1
_SURROUNDINGS = 15  # pixels of the small picture
_MIN_SCORE = 0.1  # anything below is not worth reporting
_SAME = 0.4  # overlap beyond which two boxes are one person's


@dataclass(frozen=True, slots=True)
class Person:
    """One person, perhaps; edges in [0, 1] of the picture."""

    score: float
    left: float
    top: float
    right: float
    bottom: float


class PersonFinder:
    """The network, run by OpenCV on the CPU. Deterministic, without memory: rooms share one."""

    def __init__(self, onnx: bytes) -> None:
        """Raises: ValueError when it is not such a network."""
        import cv2

        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(onnx, np.uint8))
            found = self._run(np.zeros((CHANNELS, ROWS, COLUMNS), np.float32))
        except cv2.error as error:
            raise ValueError("not a network that OpenCV reads") from error
        if found.shape != (OUTPUTS, GRID_ROWS, GRID_COLUMNS) or not np.isfinite(found).all():
            raise ValueError("not a network that finds people")

    def find(self, depth_mm: NDArray[np.uint16]) -> list[Person]:
        """Everybody in the picture, the likeliest first.

        depth_mm: (h, w), 0 = no return, the whole picture at any resolution
        """
        return self.find_small(small_depth(depth_mm))

    def find_small(self, small: NDArray[np.uint16]) -> list[Person]:
        """The same, of a picture that ``small_depth`` made."""
        return people_of(self._run(channels_of(small)))

    def _run(self, channels: F32) -> F32:
        self._net.setInput(channels[None])
        return np.asarray(self._net.forward()[0], np.float32)


def small_depth(depth_mm: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """(h, w) mm -> (ROWS, COLUMNS) mm: the mean of each block's readings, 0 with too few."""
    import cv2

    size = (COLUMNS * _BLOCK, ROWS * _BLOCK)
    depth = cv2.resize(depth_mm, size, interpolation=cv2.INTER_NEAREST)
    blocks = depth.reshape(ROWS, _BLOCK, COLUMNS, _BLOCK)
    readings = (blocks > 0).sum(axis=(1, 3))
    total = blocks.sum(axis=(1, 3), dtype=np.uint32)
    return np.where(readings >= _MIN_READINGS, total // np.maximum(readings, 1), 0).astype(
        np.uint16
    )


def channels_of(small: NDArray[np.uint16]) -> F32:
    """What the network sees of a small picture: (CHANNELS, ROWS, COLUMNS).

    Distance; whether there is a reading; how much nearer than its surroundings.
    """
    import cv2

    depth = small.astype(np.float32)
    valid = (small > 0).astype(np.float32)
    window = (_SURROUNDINGS, _SURROUNDINGS)
    share = cv2.boxFilter(valid, -1, window, borderType=cv2.BORDER_REFLECT)
    around = cv2.boxFilter(depth, -1, window, borderType=cv2.BORDER_REFLECT)
    around = around / np.maximum(share, np.float32(1e-3))
    relief = (around - depth) / np.maximum(around, np.float32(1.0)) * np.float32(_RELIEF)
    distance = np.minimum(depth / np.float32(_RANGE_MM), np.float32(1.0))
    return np.stack([distance, valid, np.clip(relief, -1, 1) * valid]).astype(np.float32)


def people_of(output: F32) -> list[Person]:
    """Peaks of the likelihood, with the boxes found there; (OUTPUTS, GRID_ROWS, GRID_COLUMNS)."""
    import cv2

    score = output[0]
    peak = (score >= cv2.dilate(score, np.ones((3, 3), np.uint8))) & (score > _MIN_SCORE)
    people: list[Person] = []
    for row, column in sorted(np.argwhere(peak).tolist(), key=lambda cell: -score[tuple(cell)]):
        x, y = (column + 0.5) / GRID_COLUMNS, (row + 0.5) / GRID_ROWS
        left, top, right, bottom = (float(value) for value in output[1:, row, column])
        person = Person(
            float(score[row, column]),
            max(0.0, x - left),
            max(0.0, y - top),
            min(1.0, x + right),
            min(1.0, y + bottom),
        )
        if all(overlap(person, other) < _SAME for other in people):
            people.append(person)
    return people


def overlap(one: Person, other: Person) -> float:
    """Area of both over area of either."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    both = max(0.0, width) * max(0.0, height)
    either = _area(one) + _area(other) - both
    return both / either if either > 0 else 0.0


def _area(person: Person) -> float:
    return (person.right - person.left) * (person.bottom - person.top)
