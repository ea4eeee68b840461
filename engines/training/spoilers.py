"""Bad weather for training: what happens to sensors in real homes, applied before preprocessing.

Spoiled clips teach the gate what untrustworthy signals look like; cues, crop and flow follow from
the spoiled signal by the runtime's own code.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.values import Step, Tick
from engines.training.datasets import Spoiler

KINDS = ("dark", "blurred", "depth_holes", "noisy_sound")


def make_spoiler(kind: str, seed: int) -> Spoiler:
    """One sensor fails the same way for a whole clip. kind: one of KINDS."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    strength = float(rng.uniform(0.3, 1.0))

    def spoil(item: Step | Tick) -> Step | Tick:
        if isinstance(item, Tick):
            return _noisy(item, strength, rng) if kind == "noisy_sound" else item
        if kind == "depth_holes" and item.depth_mm is not None:
            return replace(item, depth_mm=_holes(item.depth_mm, strength, rng))
        if kind == "dark" and item.rgb is not None:
            return replace(item, rgb=_dark(item.rgb, strength, rng))
        if kind == "blurred" and item.rgb is not None:
            return replace(item, rgb=_blurred(item.rgb, strength))
        return item

    return spoil


def _dark(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Little light, much sensor noise."""
    noisy = rgb * (1 - 0.96 * strength) + rng.normal(0, 4 + 8 * strength, rgb.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _blurred(rgb: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
    """A dirty lens."""
    import cv2

    sigma = 1 + 5 * strength
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)


def _holes(
    depth_mm: NDArray[np.uint16], strength: float, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Sunlight: whole patches without return, the rest coarse."""
    height, width = depth_mm.shape
    coarse = rng.random((height // 8 + 1, width // 8 + 1)) < 0.85 * strength
    holes = coarse.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
    noisy = depth_mm * (1 + rng.normal(0, 0.03 * strength, depth_mm.shape))
    return np.where(holes | (depth_mm == 0), 0, np.clip(noisy, 1, 65_535)).astype(np.uint16)


def _noisy(tick: Tick, strength: float, rng: np.random.Generator) -> Tick:
    """A fan or a television beside the microphone."""
    if tick.audio is None:
        return tick
    loud = 10 ** (-2 + 1.2 * strength)
    noise = np.cumsum(rng.normal(0, 1, tick.audio.shape))
    noise = np.diff(noise, prepend=0.0) + 0.3 * (noise - np.mean(noise)) / (np.std(noise) + 1e-9)
    return replace(tick, audio=np.clip(tick.audio + loud * noise, -1, 1).astype(np.float32))
