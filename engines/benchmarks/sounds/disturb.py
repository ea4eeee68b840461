"""Cheap variation for training on few recordings: place, pace, level, mixtures, holes."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge.values import F32, PATCH_SAMPLES

PACE = (0.85, 1.18)
GAIN_DB = (-12.0, 6.0)
JITTER = PATCH_SAMPLES // 8
BANDS, FRAMES = 8, 16
"""Widest hole in a patch's log-mel bands and frames (SpecAugment, Park et al. 2019)."""


def cut(wave: F32, starts: NDArray[np.int64], rng: Generator) -> F32:
    """One audible patch, moved a little, played faster or slower, louder or softer.

    returns: (PATCH_SAMPLES,)
    """
    pace = rng.uniform(*PACE) if rng.random() < 0.5 else 1.0
    length = round(PATCH_SAMPLES * pace)
    start = int(rng.choice(starts)) + int(rng.integers(-JITTER, JITTER))
    start = max(0, min(start, len(wave) - length))
    part = wave[start : start + length]
    if len(part) < length:  # a short sound may stand anywhere
        before = int(rng.integers(0, length - len(part) + 1))
        part = np.pad(part, (before, length - len(part) - before))
    if pace != 1.0:
        part = np.interp(np.arange(PATCH_SAMPLES) * pace, np.arange(length), part)
    return np.asarray(part * 10 ** (rng.uniform(*GAIN_DB) / 20), np.float32)


def mixed(first: F32, second: F32, share: float) -> F32:
    """Both at ``share`` and 1 - share of their own levels, at the level of the first.

    Mixtures with labels mixed alike: Zhang et al. 2018 (mixup), Tokozume et al. 2018 (levels).
    """
    a, b = (max(float(np.sqrt(np.mean(w * w))), 1e-6) for w in (first, second))
    return np.asarray((share * first / a + (1 - share) * second / b) * a, np.float32)


def hole(frames: int, bands: int, rng: Generator) -> tuple[slice, slice]:
    """What of a (frames, bands) picture is to be blanked."""
    if rng.random() < 0.5:
        width = int(rng.integers(1, BANDS + 1))
        first = int(rng.integers(0, bands - width + 1))
        return slice(None), slice(first, first + width)
    width = int(rng.integers(1, FRAMES + 1))
    first = int(rng.integers(0, frames - width + 1))
    return slice(first, first + width), slice(None)
