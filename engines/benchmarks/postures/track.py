"""Follows one person through a film: where somebody moves, there a pose network looks.

Causal, as a device would have to do it: nothing is known of later pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.encoders.spec import FLOW_SCALE
from edge.values import F32
from engines.benchmarks.postures.movenet import MIRRORED, SIDE, MoveNet, Pose

U8 = NDArray[np.uint8]
SURE = 0.2  # of a point that counts
ENOUGH = 6  # points
FOLLOW = 0.6  # how much of the way the box goes at a time
MARGIN = 1.5  # side of the box, in sizes of what is seen of the body
SMALLEST, LARGEST = 0.35, 1.15  # of the picture's height
MOVING = 0.6  # pixels of the flow's picture from one grid point to the next
FEWEST = 40  # moving pixels of the flow's picture that are somebody
PATIENCE = 2  # pictures with somebody else moving before the box goes there
DIM, BRIGHT = 70.0, 100.0  # mean of a picture that is lifted, and what it becomes
TURNS = (0, 1, 3)  # quarter turns in which the network looks: who lies is upright in one of them


@dataclass(frozen=True, slots=True)
class Box:
    """A square; lengths in picture heights, from the picture's left and top edge."""

    x: float
    y: float
    side: float

    def toward(self, x: float, y: float, side: float) -> Box:
        """Part of the way to another."""
        return Box(
            self.x + FOLLOW * (x - self.x),
            self.y + FOLLOW * (y - self.y),
            min(LARGEST, max(SMALLEST, self.side + FOLLOW * (side - self.side))),
        )

    def holds(self, x: float, y: float) -> bool:
        """Whether a place is inside."""
        return max(abs(x - self.x), abs(y - self.y)) <= self.side / 2


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of the person in one picture."""

    points: F32  # (17, 3) x and y in picture heights, sureness
    sure: F32  # (len(TURNS),) of there being a person, in each turn
    box: Box
    features: F32  # (BACKBONE,) of the upright view
    mirrored: F32  # (BACKBONE,) of its mirror image


class Tracker:
    """One film's person."""

    def __init__(self, net: MoveNet) -> None:
        self._net = net
        self._box: Box | None = None
        self._elsewhere = 0

    def __call__(self, rgb: U8, flow: NDArray[np.int8] | None) -> Sight:
        """rgb: (H, W, 3)   flow: (h, w, 2) of the same view, see edge/preprocess/flow.py"""
        lit = lifted(rgb)
        where = None if flow is None else moving_part(flow)
        box = self._place(rgb.shape[1] / rgb.shape[0], where)
        views = [self._net(view(lit, box, turn)) for turn in TURNS]
        best = max(range(len(TURNS)), key=lambda i: quality(views[i]) + (i == 0) * 0.02)
        points = onto_picture(views[best].points, box, TURNS[best])
        mirror = self._net(np.ascontiguousarray(view(lit, box, 0)[:, ::-1]))
        self._box = followed(box, points, where)
        sure = np.array([v.sure for v in views], np.float32)
        return Sight(points, sure, box, views[0].features, mirror.features)

    def _place(self, width: float, where: F32 | None) -> Box:
        """The box to look into.

        It goes where somebody moves while nobody is known, or if that goes on outside of it.
        """
        outside = (
            where is not None
            and self._box is not None
            and not self._box.holds(float(where[0]), float(where[1]))
        )
        self._elsewhere = self._elsewhere + 1 if outside else 0
        if where is not None and (self._box is None or self._elsewhere >= PATIENCE):
            self._elsewhere = 0
            side = MARGIN * float(max(where[2], where[3]))
            self._box = Box(float(where[0]), float(where[1]), min(LARGEST, max(0.6, side)))
        return self._box if self._box is not None else Box(width / 2, 0.5, max(width, 1.0))


def quality(pose: Pose) -> float:
    """How much a view looks like a person."""
    return float(pose.points[:, 2].mean()) + 0.5 * pose.sure


def lifted(rgb: U8) -> U8:
    """A dim picture with a gamma that brings its mean to BRIGHT; others as they are."""
    mean = float(rgb.mean())
    if mean >= DIM or mean < 1:
        return rgb
    gamma = max(0.35, float(np.log(BRIGHT / 255) / np.log(mean / 255)))
    table = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return np.asarray(table[rgb], np.uint8)


def moving_part(flow: NDArray[np.int8]) -> F32 | None:
    """Middle (x, y) and size (w, h) of the largest part that moves, in picture heights."""
    import cv2

    speed = np.hypot(flow[..., 0].astype(np.float32), flow[..., 1].astype(np.float32)) / FLOW_SCALE
    _, _, stats, _ = cv2.connectedComponentsWithStats((speed > MOVING).astype(np.uint8))
    if len(stats) < 2:
        return None
    x, y, w, h, area = stats[1:][stats[1:, cv2.CC_STAT_AREA].argmax()]
    if area < FEWEST:
        return None
    part = np.array([x + w / 2, y + h / 2, w, h], np.float32)
    return np.asarray(part / np.float32(flow.shape[0]), np.float32)


def view(rgb: U8, box: Box, turn: int) -> U8:
    """What the network sees: (SIDE, SIDE, 3), turned by quarters counter-clockwise."""
    import cv2

    scale = SIDE / (box.side * rgb.shape[0])
    left, top = (box.x - box.side / 2) * rgb.shape[0], (box.y - box.side / 2) * rgb.shape[0]
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float32)
    cut = cv2.warpAffine(rgb, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return np.ascontiguousarray(np.rot90(cut, turn), dtype=np.uint8)


def onto_picture(points: F32, box: Box, turn: int) -> F32:
    """Points of a view, in picture heights; inverse of ``view``."""
    x, y = points[:, 0], points[:, 1]
    if turn == 1:
        x, y = 1 - y, x
    elif turn == 3:
        x, y = y, 1 - x
    left, top = box.x - box.side / 2, box.y - box.side / 2
    return np.stack([left + x * box.side, top + y * box.side, points[:, 2]], 1).astype(np.float32)


def followed(box: Box, points: F32, where: F32 | None) -> Box:
    """The box for the next picture."""
    seen = points[points[:, 2] > SURE]
    if len(seen) >= ENOUGH:
        low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
        x, y = (low + high) / 2
        return box.toward(float(x), float(y), MARGIN * float((high - low).max()))
    if where is not None and box.holds(float(where[0]), float(where[1])):
        return box.toward(float(where[0]), float(where[1]), box.side)
    return box


def mirrored_points(points: F32, width: float) -> F32:
    """The points of a mirrored picture: left is right.  width: of the picture, in its heights"""
    flipped = points[..., MIRRORED, :].copy()
    flipped[..., 0] = width - flipped[..., 0]
    return np.asarray(flipped, np.float32)
