from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.vocabulary import AlarmClass
from engines.benchmarks.streams.events import SceneTruth
from engines.benchmarks.streams.match import Verdict, match
from engines.benchmarks.streams.summary import summarise
from engines.benchmarks.streams.trace import StreamAlarm

pytest.importorskip("scipy", reason="needs scipy (the extra train)")

Tell = Callable[..., SceneTruth]
Make = Callable[..., StreamAlarm]
FALL, ON_FLOOR = AlarmClass.FALL, AlarmClass.ON_FLOOR
VIOLENCE, CALL = AlarmClass.VIOLENCE, AlarmClass.DISTRESS_CALL
FALLEN = (("fall", 20.0, 21.2), ("on_floor", 21.2, 50.0))


def test_an_alarm_soon_after_the_fall_detects_it(tell: Tell, alarm: Make) -> None:
    result = match(tell(*FALLEN), [alarm(FALL, 21.5)], 60.0)
    assert [j.verdict for j in result.alarms] == [Verdict.DETECTION]
    (outcome,) = result.outcomes
    assert outcome.is_detected
    assert outcome.delay_s == pytest.approx(1.5)


def test_a_second_alarm_for_one_fall_is_neither_right_nor_false(tell: Tell, alarm: Make) -> None:
    result = match(tell(*FALLEN), [alarm(FALL, 21.5), alarm(FALL, 45.0)], 60.0)
    assert [j.verdict for j in result.alarms] == [Verdict.DETECTION, Verdict.REPEATED]
    row = summarise([result]).of(FALL)
    assert (row.detected, row.false_alarms, row.repeated) == (1, 0, 1)


def test_an_alarm_long_after_the_fall_is_late_and_detects_nothing(tell: Tell, alarm: Make) -> None:
    row = summarise([match(tell(*FALLEN), [alarm(FALL, 33.0)], 60.0)]).of(FALL)
    assert (row.events, row.detected, row.late, row.false_alarms) == (1, 0, 1, 0)
    assert row.delay_worst_s == pytest.approx(13.0)


def test_a_fall_noticed_as_lying_is_noticed_but_not_detected(tell: Tell, alarm: Make) -> None:
    result = match(tell(*FALLEN), [alarm(ON_FLOOR, 25.0)], 60.0)
    assert [j.verdict for j in result.alarms] == [Verdict.EXCUSED]
    row = summarise([result]).of(FALL)
    assert (row.detected, row.noticed) == (0, 1)


def test_an_alarm_of_another_class_during_a_fall_is_false(tell: Tell, alarm: Make) -> None:
    result = match(tell(*FALLEN), [alarm(VIOLENCE, 21.0), alarm(FALL, 22.0)], 60.0)
    assert [j.verdict for j in result.alarms] == [Verdict.FALSE, Verdict.DETECTION]
    assert summarise([result]).of(VIOLENCE).mistaken_for == {"fall": 1}


def test_a_long_lie_is_an_update_and_counted_once(tell: Tell, alarm: Make) -> None:
    summary = summarise([match(tell(*FALLEN), [alarm(FALL, 21.5, long_lie_s=32.0)], 60.0)])
    assert (summary.long_lies, summary.false_alarms, summary.of(FALL).repeated) == (1, 0, 0)


def test_a_false_alarm_says_what_it_was_mistaken_for(tell: Tell, alarm: Make) -> None:
    scene = tell(("crouch_pick_up", 5.0, 12.0), sounds=(("speech", 9.0, 10.0),))
    result = match(scene, [alarm(FALL, 10.0)], 60.0)
    context = result.alarms[0].context
    assert (context.action, context.episode) == ("crouch_pick_up", "tidying")
    assert context.sounds == ("speech",)
    assert summarise([result]).of(FALL).mistaken_for == {"crouch_pick_up": 1}


def test_lying_down_on_purpose_asks_for_on_floor_and_makes_a_fall_alarm_false(
    tell: Tell, alarm: Make
) -> None:
    scene = tell(("lie_down", 20.0, 26.0), ("on_floor", 26.0, 40.0), ("get_up", 40.0, 44.0))
    assert [event.alarm_class for event in scene.events] == [ON_FLOOR]
    wrong = match(scene, [alarm(FALL, 25.0)], 60.0)
    assert [j.verdict for j in wrong.alarms] == [Verdict.FALSE]
    assert wrong.outcomes[0].is_noticed
    assert not wrong.outcomes[0].is_detected
    right = match(scene, [alarm(ON_FLOOR, 29.5)], 60.0)
    assert [j.verdict for j in right.alarms] == [Verdict.DETECTION]


def test_a_short_sit_on_the_floor_may_but_need_not_raise_an_alarm(tell: Tell, alarm: Make) -> None:
    scene = tell(("sit_down", 20.0, 23.0), ("on_floor", 23.0, 26.0), ("get_up", 26.0, 30.0))
    assert scene.events == ()
    result = match(scene, [alarm(ON_FLOOR, 26.0)], 60.0)
    assert [j.verdict for j in result.alarms] == [Verdict.EXCUSED]


def test_whoever_is_knocked_down_has_fallen(tell: Tell, alarm: Make) -> None:
    scene = tell(("violence", 20.0, 28.0), ("on_floor", 28.0, 60.0))
    result = match(scene, [alarm(VIOLENCE, 22.0), alarm(FALL, 27.0)], 60.0)
    assert [j.verdict for j in result.alarms] == [Verdict.DETECTION, Verdict.EXCUSED]
    assert {outcome.event.alarm_class for outcome in result.outcomes} == {VIOLENCE, ON_FLOOR}


def test_calls_close_together_are_one_event_and_far_apart_two(tell: Tell, alarm: Make) -> None:
    near = tell(sounds=(("call_for_help", 10.0, 11.0), ("scream", 14.0, 15.0)))
    far = tell(sounds=(("scream", 10.0, 11.0), ("call_for_help", 40.0, 41.0)))
    assert [len(scene.events) for scene in (near, far)] == [1, 2]
    result = match(far, [alarm(CALL, 11.5), alarm(CALL, 41.0)], 60.0)
    assert [outcome.is_detected for outcome in result.outcomes] == [True, True]


def test_an_alarm_before_anything_happened_is_false(tell: Tell, alarm: Make) -> None:
    result = match(tell(*FALLEN), [alarm(FALL, 19.0)], 60.0)
    assert [j.verdict for j in result.alarms] == [Verdict.FALSE]
    assert result.outcomes[0].found_s is None


def test_rates_are_counted_over_the_time_that_was_watched(tell: Tell, alarm: Make) -> None:
    scenes = [match(tell(), [alarm(FALL, 30.0)], 60.0), match(tell(), [], 60.0)]
    summary = summarise(scenes)
    assert summary.hours == pytest.approx(1 / 30)
    assert summary.false_per_hour.value == pytest.approx(30.0)
    assert summary.of(FALL).sensitivity is None
