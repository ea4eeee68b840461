from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.vocabulary import AlarmClass
from engines.benchmarks.streams.events import SceneTruth, events_of, excuses_of
from engines.benchmarks.streams.trace import StreamAlarm
from engines.training.truth import Interval, Truth

Spans = dict[str, tuple[float, float]]
Tell = Callable[..., SceneTruth]


@pytest.fixture
def tell() -> Tell:
    """Make a scene of 60 s from what happens in it; whoever is not mentioned stands."""

    def make(
        *actions: tuple[str, float, float],
        sounds: tuple[tuple[str, float, float], ...] = (),
        person: str = "1",
        split: str = "train",
    ) -> SceneTruth:
        spans, at = [], 0.0
        for name, start_s, end_s in actions:
            spans += [Interval("stand", at, start_s)] * (start_s > at)
            spans.append(Interval(name, start_s, end_s))
            at = end_s
        spans.append(Interval("stand", at, 60.0))
        truth = Truth(tuple(spans), tuple(Interval(*s) for s in sounds))
        return SceneTruth(
            name="hand-made", story="", split=split, person=person, dark=False,
            duration_s=60.0, truth=truth,
            events=tuple(events_of(truth, lambda start_s, end_s: 0.1)),
            excused=tuple(excuses_of(truth)), told=(Interval("tidying", 0.0, 15.0),),
            heard=truth.sounds,
        )  # fmt: skip

    return make


@pytest.fixture
def alarm() -> Callable[..., StreamAlarm]:
    def make(kind: AlarmClass, t_s: float, long_lie_s: float | None = None) -> StreamAlarm:
        return StreamAlarm(kind, t_s, t_s - 0.5, 0.8, long_lie_s)

    return make
