"""Random views of training windows in raw types, alike for all frames of one window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge.encoders.spec import HEIGHT_UNKNOWN
from edge.vocabulary import Modality

Frames = NDArray[Any]  # (T, H, W) or (T, H, W, C)

MAX_SHIFT = 0.08  # of the side
ZOOM = {
    Modality.RGB: (0.75, 1.35),  # crops that follow motion are wider than those of the finder
    Modality.FLOW: (0.75, 1.35),
    Modality.DEPTH: (0.88, 1.14),
}
FORGET_FLOOR = 0.15  # probability
FLOOR_ERROR_MM = 40.0  # standard deviation


def augment(modality: Modality, frames: Frames, rng: Generator) -> Frames:
    """Mirror, zoom, shift, and the troubles of that sensor."""
    frames = move(modality, frames, rng)
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


def move(modality: Modality, frames: Frames, rng: Generator) -> Frames:
    """Zoom and shift by nearest neighbours; outside is nothing: 0, and a height unknown."""
    nothing = (0, HEIGHT_UNKNOWN) if modality is Modality.DEPTH else 0
    zoom = rng.uniform(*ZOOM[modality])
    for axis in (1, 2):
        side = frames.shape[axis]
        shift = rng.uniform(-MAX_SHIFT, MAX_SHIFT) * side
        at = np.rint((np.arange(side) - side / 2) / zoom + side / 2 + shift).astype(np.int64)
        frames = np.take(frames, np.clip(at, 0, side - 1), axis=axis)
        outside = (at < 0) | (at >= side)
        if axis == 1:
            frames[:, outside] = nothing
        else:
            frames[:, :, outside] = nothing
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
    """Another distance, noise, patches without return; the floor a little off, or not found."""
    distance = frames[..., 0]
    spread = rng.normal(1, rng.uniform(0, 0.015), distance.shape).astype(np.float32)
    noisy = distance * (np.float32(rng.uniform(0.92, 1.08)) * spread)
    distance = np.clip(noisy, 0, np.iinfo(np.int16).max).astype(np.int16)
    height = _floor_off(frames[..., 1], rng)
    for _ in range(int(rng.integers(0, 4))):
        rows, columns = distance.shape[1:]
        y, x = int(rng.integers(rows)), int(rng.integers(columns))
        tall, wide = rng.integers(4, 28, 2)
        distance[:, y : y + tall, x : x + wide] = 0
        height[:, y : y + tall, x : x + wide] = HEIGHT_UNKNOWN
    return np.stack([distance, height], axis=-1)


def _floor_off(height: NDArray[np.int16], rng: Generator) -> NDArray[np.int16]:
    """All heights of a window wrong by the same amount, or none known."""
    error = round(rng.normal(0, FLOOR_ERROR_MM))
    if rng.random() < FORGET_FLOOR:
        return np.full_like(height, HEIGHT_UNKNOWN)
    limits = np.iinfo(np.int16)
    moved = np.clip(height.astype(np.int32) + error, limits.min + 1, limits.max)
    return np.where(height == HEIGHT_UNKNOWN, height, moved).astype(np.int16)


TROUBLES: dict[Modality, Callable[[Frames, Generator], Frames]] = {
    Modality.RGB: _light,
    Modality.FLOW: _speed,
    Modality.DEPTH: _holes,
}
