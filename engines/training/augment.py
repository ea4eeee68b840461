"""Random views of training windows in raw types, alike for all frames of one window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge.vocabulary import Modality

Frames = NDArray[Any]  # (T, H, W) or (T, H, W, C)

MAX_SHIFT = 0.08  # of the side
ZOOM = (0.88, 1.14)


def augment(modality: Modality, frames: Frames, rng: Generator) -> Frames:
    """Mirror, zoom, shift, and the troubles of that sensor."""
    frames = move(frames, rng)
    if rng.random() < 0.5:
        frames = mirror(modality, frames)
    troubled: Frames = TROUBLES[modality](frames, rng)
    return troubled


def mirror(modality: Modality, frames: Frames) -> Frames:
    """Left becomes right; motion to the left becomes motion to the right."""
    mirrored: Frames = frames[:, :, ::-1].copy()
    if modality is Modality.FLOW:
        mirrored[..., 0] = -mirrored[..., 0]
    return mirrored


def move(frames: Frames, rng: Generator) -> Frames:
    """Zoom and shift by nearest neighbours; what comes in from outside is 0."""
    zoom = rng.uniform(*ZOOM)
    for axis in (1, 2):
        side = frames.shape[axis]
        shift = rng.uniform(-MAX_SHIFT, MAX_SHIFT) * side
        at = np.rint((np.arange(side) - side / 2) / zoom + side / 2 + shift).astype(np.int64)
        frames = np.take(frames, np.clip(at, 0, side - 1), axis=axis)
        outside = (at < 0) | (at >= side)
        if axis == 1:
            frames[:, outside] = 0
        else:
            frames[:, :, outside] = 0
    return np.asarray(frames)


def _light(frames: Frames, rng: Generator) -> Frames:
    gain, offset, gamma = rng.uniform(0.6, 1.4), rng.uniform(-25, 25), rng.uniform(0.7, 1.4)
    curve = 255 * (np.arange(256) / 255) ** gamma * gain + offset
    table = np.clip(curve, 0, 255).astype(np.uint8)
    lit: Frames = table[frames]
    if rng.random() < 0.2:
        grey = lit.mean(axis=3, keepdims=True).astype(np.uint8)
        lit = np.repeat(grey, 3, axis=3)
    return lit


def _speed(frames: Frames, rng: Generator) -> Frames:
    scaled = frames * np.float32(rng.uniform(0.7, 1.4))
    scaled += rng.normal(0, rng.uniform(0, 1.5), frames.shape).astype(np.float32)
    return np.asarray(np.clip(np.rint(scaled), -127, 127), np.int8)


def _holes(frames: Frames, rng: Generator) -> Frames:
    spread = rng.normal(1, rng.uniform(0, 0.015), frames.shape).astype(np.float32)
    noisy = frames * (np.float32(rng.uniform(0.92, 1.08)) * spread)
    frames = np.clip(noisy, 0, 65_535).astype(np.uint16)
    for _ in range(int(rng.integers(0, 4))):
        height, width = frames.shape[1:3]
        y, x = int(rng.integers(height)), int(rng.integers(width))
        tall, wide = rng.integers(4, 28, 2)
        frames[:, y : y + tall, x : x + wide] = 0
    return frames


TROUBLES: dict[Modality, Callable[[Frames, Generator], Frames]] = {
    Modality.RGB: _light,
    Modality.FLOW: _speed,
    Modality.DEPTH: _holes,
}
