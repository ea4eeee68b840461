from __future__ import annotations

import numpy as np

from edge.vocabulary import Modality
from engines.benchmarks.weather.scene import in_turn
from engines.benchmarks.weather.store import Held
from engines.training.datasets import read_inputs
from engines.training.truth import Interval


def test_each_trouble_begins_and_ends(source: Held) -> None:
    episodes = [Interval("dark", 0.5, 1.0), Interval("depth_holes", 1.2, 1.6)]
    clean, hurt = read_inputs(source), read_inputs(source, in_turn(episodes, 0))
    seconds = clean.frames_ns / 1e9
    for modality, first, last in ((Modality.RGB, 0.5, 1.0), (Modality.DEPTH, 1.2, 1.6)):
        mine, theirs = hurt.parts[modality], clean.parts[modality]
        level = dict(zip(mine.places.tolist(), mine.cues[:, 0], strict=True))
        before = dict(zip(theirs.places.tolist(), theirs.cues[:, 0], strict=True))
        fallen = [seconds[i] for i in before if before[i] - level.get(i, 0.0) > 0.1]
        assert fallen
        assert first <= min(fallen)
        assert max(fallen) < last
        expected = ((seconds >= first) & (seconds < last)).sum()
        assert len(fallen) == expected
    assert np.array_equal(clean.ticks_ns, hurt.ticks_ns)
