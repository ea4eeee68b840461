"""Bad weather for training: what happens to sensors in real homes, applied before preprocessing.

Spoiled clips teach the gate what untrustworthy signals look like; cues, crop and flow follow from
the spoiled signal by the runtime's own code.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.values import DECISION_HZ, GRID_HZ, Step, Tick
from engines.training.datasets import Spoiler

KINDS = (
    "dark",
    "blurred",
    "frozen",
    "late_picture",
    "depth_holes",
    "depth_frozen",
    "noisy_sound",
    "late_sound",
)
NO_DEPTH = "no_depth"
"""No trouble but a room with a plain camera: the crop must follow motion."""

LATE_S = 0.5


def make_spoiler(kind: str, seed: int, strength: float | None = None) -> Spoiler:
    """One sensor fails the same way for a whole clip.

    kind: one of KINDS, or NO_DEPTH   strength: 0 mild ... 1 bad; None: drawn at random
    returns: to be given the clip's grid points and ticks in order
    """
    rng = np.random.default_rng([seed, (*KINDS, NO_DEPTH).index(kind)])
    drawn = float(rng.uniform(0.3, 1.0))
    return _Spoiler(kind, drawn if strength is None else strength, rng)


class _Spoiler:
    def __init__(self, kind: str, strength: float, rng: np.random.Generator) -> None:
        self._kind, self._strength, self._rng = kind, strength, rng
        self._frozen_from_s = float(rng.uniform(0.0, 1.2))
        self._held: NDArray[Any] | None = None
        self._earlier: deque[Any] = deque()

    def __call__(self, item: Step | Tick) -> Step | Tick:
        return self._sound(item) if isinstance(item, Tick) else self._picture(item)

    def _sound(self, tick: Tick) -> Tick:
        if self._kind == "noisy_sound":
            return _noisy(tick, self._strength, self._rng)
        if self._kind == "late_sound":
            return replace(tick, audio=self._late(tick.audio, round(LATE_S * DECISION_HZ)))
        return tick

    def _picture(self, step: Step) -> Step:
        kind, rgb, depth_mm = self._kind, step.rgb, step.depth_mm
        if kind == NO_DEPTH:
            return replace(step, depth_mm=None)
        if kind == "late_picture":
            return replace(step, rgb=self._late(rgb, round(LATE_S * GRID_HZ)))
        if rgb is not None and kind in ("dark", "blurred", "frozen"):
            if kind == "dark":
                return replace(step, rgb=_dark(rgb, self._strength, self._rng))
            if kind == "blurred":
                return replace(step, rgb=_blurred(rgb, self._strength))
            return replace(step, rgb=self._still(rgb, step.index))
        if depth_mm is not None and kind == "depth_holes":
            return replace(step, depth_mm=_holes(depth_mm, self._strength, self._rng))
        if depth_mm is not None and kind == "depth_frozen":
            return replace(step, depth_mm=self._still(depth_mm, step.index))
        return step

    def _still(self, picture: NDArray[Any], index: int) -> NDArray[Any]:
        """The same picture again and again, as a hung camera delivers it."""
        if self._held is None or index < self._frozen_from_s * GRID_HZ:
            self._held = picture
        held: NDArray[Any] = self._held.copy()
        return held

    def _late(self, now: Any, steps: int) -> Any:
        """What was there ``steps`` before; None at first."""
        self._earlier.append(now)
        return self._earlier.popleft() if len(self._earlier) > steps else None


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
