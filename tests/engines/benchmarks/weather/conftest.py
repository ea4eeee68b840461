from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from edge.values import AUDIO_RATE_HZ, GRID_HZ, Sample, Stream
from engines.benchmarks.weather.store import Held

SECONDS = 2
PCM = AUDIO_RATE_HZ // GRID_HZ


def made_source(seed: int = 0) -> Held:
    """Somebody like a checkered board walks through a room; noise that is not loud is heard."""
    rng = np.random.default_rng(seed)
    wall = rng.integers(60, 200, (120, 160, 3), np.uint8)
    samples = []
    for i in range(SECONDS * GRID_HZ):
        t_ns = i * 1_000_000_000 // GRID_HZ
        rgb, depth = wall.copy(), np.full((120, 160), 3000, np.uint16)
        rgb[40:100, 10 + 3 * i : 40 + 3 * i] = (
            255 * (np.indices((60, 30)).sum(axis=0) // 6 % 2)[..., None]
        )
        depth[40:100, 10 + 3 * i : 40 + 3 * i] = 2000
        sound = rng.normal(0, 300, PCM).astype(np.int16)
        samples += [
            Sample(Stream.RGB, t_ns, rgb),
            Sample(Stream.DEPTH, t_ns, depth),
            Sample(Stream.AUDIO, t_ns, sound),
        ]
    return Held(frozenset(Stream), tuple(samples))


@dataclass(frozen=True)
class Level:
    """What is known of a tone."""

    hz: float


@pytest.fixture(scope="module")
def source() -> Held:
    """Two seconds of all streams."""
    return made_source()


@pytest.fixture
def make_source() -> Callable[..., Held]:
    """The same with other draws."""
    return made_source
