from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import MODALITIES, Modality
from engines.benchmarks.features import Encoded
from engines.benchmarks.items import Items
from engines.training.datasets import VIDEO, ClipInputs, Part
from engines.training.manifest import Row


def make_items(count: int, groups: tuple[str, ...] | None = None, seed: int = 0) -> Items:
    rng = np.random.default_rng(seed)
    valid = np.ones((count, len(MODALITIES), VIDEO_STEPS), np.bool_)
    valid[:, MODALITIES.index(Modality.AUDIO), 4:] = False
    features = rng.normal(size=(*valid.shape, FEATURE_DIM)).astype(np.float16)
    return Items(
        modalities=MODALITIES,
        classes=("window",),
        features=np.where(valid[..., None], features, 0).astype(np.float16),
        valid=valid,
        quality=rng.random((count, len(MODALITIES), 3)).astype(np.float32),
        labels=np.zeros(count, np.int64),
        groups=groups or tuple(f"g{i}" for i in range(count)),
        names=tuple(f"clip{i}" for i in range(count)),
        tags=tuple("walk" for _ in range(count)),
    )


def make_clip(name: str, seed: int, first_frame: int = 0, person: str | None = None) -> Encoded:
    """4 s with all modalities; frames before ``first_frame`` are missing."""
    rng = np.random.default_rng(seed)
    frames_ns = np.arange(30, dtype=np.int64) * 2_000_000_000 // 15
    ticks_ns = np.arange(1, 9, dtype=np.int64) * 500_000_000
    parts, features = {}, {}
    for m in MODALITIES:
        places = np.arange(first_frame, 30) if m in VIDEO else np.arange(8)
        cues = rng.random((len(places), 2)).astype(np.float32)
        parts[m] = Part(np.zeros(0), places, cues)
        features[m] = rng.normal(size=(len(places), FEATURE_DIM)).astype(np.float16)
    inputs = ClipInputs(frames_ns, ticks_ns, ticks_ns >= 1_000_000_000, parts)
    row = Row(Path(name), name, "rooms", "rgb+depth+audio", "walk", person or name)
    return Encoded(row, person or name, inputs, features)


@pytest.fixture
def items() -> Callable[..., Items]:
    """Windows of all modalities, nothing asked yet."""
    return make_items


@pytest.fixture
def clip() -> Callable[..., Encoded]:
    """An encoded clip of 4 s."""
    return make_clip
