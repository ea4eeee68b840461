from __future__ import annotations

import pytest

from edge.values import (
    AUDIO_STEPS,
    DECISION_HZ,
    GRID_HZ,
    VIDEO_STEPS,
    WINDOW_NS,
    AlarmState,
    Step,
)


@pytest.mark.parametrize(("index", "expected"), [(0, True), (1, False), (2, True), (29, False)])
def test_every_second_grid_point_is_encoded(index: int, expected: bool) -> None:
    assert Step(index, 0, None, None).is_feature is expected


def test_the_steps_of_the_window_are_what_its_length_and_the_rates_give() -> None:
    seconds = WINDOW_NS / 1e9
    assert seconds * GRID_HZ / 2 == VIDEO_STEPS
    assert seconds * DECISION_HZ == AUDIO_STEPS


def test_an_alarm_that_still_calls_for_somebody_is_not_closed() -> None:
    assert {state.value for state in AlarmState if state.is_closed} == {
        "resolved",
        "false_alarm",
        "expired",
    }
