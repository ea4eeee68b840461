"""Views of a clip as the networks are shown it: other persons, places, tempos and sensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge.encoders.spec import FLOW_SCALE
from edge.values import F32
from edge.vocabulary import Modality
from engines.benchmarks.actions import clips
from engines.benchmarks.actions.net import FRAMES, SIDE

CHANNELS = 3
I64 = NDArray[np.int64]
USED = 100  # pixels of the stored crop that are shown, the rest is for moving about
MIDDLE = (56.0, 60.0)  # of what is shown; feet are near the lower edge
FAST = 4.0  # pixels a frame that count as 1


@dataclass(frozen=True, slots=True)
class View:
    """How one clip is shown."""

    frames: I64  # (FRAMES,) rising
    matrix: F32  # (2, 3) from the stored crop to the network's picture
    mirror: bool = False
    gain: float = 1.0  # of the relief
    offset: float = 0.0  # of the body's middle, in the coding's steps
    noise: float = 0.0
    hole: tuple[int, int, int, int] = (0, 0, 0, 0)  # left, top, right, bottom: nothing there


def plain_view(count: int, start: float = 0.0, end: float = 1.0, mirror: bool = False) -> View:
    """A clip of ``count`` pictures, or a part of it, as it is."""
    places = np.linspace(start * (count - 1), end * (count - 1), FRAMES)
    return View(np.rint(places).astype(np.int64), matrix_of(1, 1, 0, 0, 0), mirror)


def random_view(count: int, rng: Generator) -> View:
    """Mirrored or not, another tempo, size, shape, place, tilt, distance, and noise."""
    start, end = rng.uniform(0, 0.12), rng.uniform(0.88, 1.0)
    if rng.random() < 0.2:
        start, end = max(0.0, start - 0.12), 1.0
    bent = np.linspace(0, 1, FRAMES) ** np.exp(rng.normal(0, 0.15))  # not the same speed throughout
    places = (start + (end - start) * bent) * (count - 1) + rng.uniform(-0.5, 0.5, FRAMES)
    zoom, shape = np.exp(rng.normal(0, 0.08)), np.exp(rng.normal(0, 0.06))
    matrix = matrix_of(zoom * shape, zoom / shape, rng.normal(0, 5.0), *rng.uniform(-0.07, 0.07, 2))
    hole = (0, 0, 0, 0)
    if rng.random() < 0.3:
        x, y, w, h = rng.integers((0, 0, 8, 8), (SIDE, SIDE, 30, 30))
        hole = (int(x), int(y), int(x + w), int(y + h))
    return View(
        np.sort(np.clip(np.rint(places), 0, count - 1)).astype(np.int64),
        matrix,
        bool(rng.random() < 0.5),
        float(rng.uniform(0.8, 1.25)),
        float(rng.normal(0, 12)),
        float(rng.uniform(0, 4)),
        hole,
    )


def matrix_of(wide: float, tall: float, degrees: float, right: float, down: float) -> F32:
    """Affine map of MIDDLE onto the middle of the picture, then moved by shares of its side."""
    zoom, turn = SIDE / USED, np.deg2rad(degrees)
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = rotate @ np.diag([wide * zoom, tall * zoom])
    move = np.array([right, down]) * SIDE + SIDE / 2 - linear @ np.array(MIDDLE)
    return np.concatenate([linear, move[:, None]], axis=1).astype(np.float32)


def shown(clip: clips.DepthClip, modality: Modality, view: View, rng: Generator | None) -> F32:
    """(FRAMES, CHANNELS, SIDE, SIDE) for one network.  rng: of the noise"""
    pictures = (_depth if modality is Modality.DEPTH else _flow)(clip, view, rng)
    left, top, right, bottom = view.hole
    pictures[:, :, top:bottom, left:right] = 0
    if view.mirror:
        pictures = pictures[..., ::-1].copy()
        if modality is Modality.FLOW:
            pictures[:, 0] *= -1
    return pictures


def _depth(clip: clips.DepthClip, view: View, rng: Generator | None) -> F32:
    """Relief, where the body is, and what changed since the picture shown before."""
    import cv2

    size = (SIDE, SIDE)
    coded = np.stack(
        [cv2.warpAffine(clip.body[t], view.matrix, size, flags=cv2.INTER_NEAREST)
         for t in view.frames]
    ).astype(np.float32)  # fmt: skip
    seen = (coded > 0).astype(np.float32)
    relief = (coded - 128) * view.gain + view.offset
    if rng is not None and view.noise:
        relief += rng.normal(0, view.noise, relief.shape).astype(np.float32)
    relief = np.clip(relief / 64, -2, 2) * seen
    whole = seen + relief
    change = np.zeros_like(relief)
    change[1:] = whole[1:] - whole[:-1]
    return np.stack([relief, seen, change], axis=1).astype(np.float32)


def _flow(clip: clips.DepthClip, view: View, rng: Generator | None) -> F32:
    """Motion to the right, motion down, motion towards the camera."""
    import cv2

    size, linear = (SIDE, SIDE), view.matrix[:, :2] * (USED / SIDE)
    pictures = np.zeros((FRAMES, CHANNELS, SIDE, SIDE), np.float32)
    for row, t in enumerate(view.frames):
        body = (clip.body[t] > 0) | (clip.body[max(t - 1, 0)] > 0)
        moved = clip.flow[t] * body[..., None] / np.float32(FLOW_SCALE * FAST)
        moved = cv2.warpAffine(moved, view.matrix, size, flags=cv2.INTER_LINEAR) @ linear.T
        pictures[row, :2] = moved.transpose(2, 0, 1)
        pictures[row, 2] = _approach(clip, int(t), view)
    if rng is not None:
        pictures *= np.float32(rng.uniform(0.8, 1.25))
    return np.clip(pictures, -3, 3)


def _approach(clip: clips.DepthClip, t: int, view: View) -> F32:
    import cv2

    now, before = clip.body[t].astype(np.float32), clip.body[max(t - 1, 0)].astype(np.float32)
    change = np.where((now > 0) & (before > 0), now - before, 0) * (view.gain / 32)
    moved = cv2.warpAffine(change, view.matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return np.asarray(moved, np.float32)
