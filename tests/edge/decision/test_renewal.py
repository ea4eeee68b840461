"""An open alarm does not hide what happens next, and a flickering score is no stream of alarms."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decision.decider import RoomDecider
from edge.decision.ids import AlarmIds
from edge.settings import AlarmRule, DecisionSettings
from edge.values import Alarm, AlarmState, Fused
from edge.vocabulary import AlarmClass

MakeFused = Callable[..., Fused]
RULES = DecisionSettings(
    fall=AlarmRule(enter=0.8, exit=0.4, decisions=2, renew_s=3),
    on_floor=AlarmRule(enter=0.5, exit=0.25, decisions=6, renew_s=3),
    violence=AlarmRule(enter=0.8, exit=0.4, decisions=2, renew_s=3),
    resolve_s=20,
    long_lie_s=10,
)
MOST_IN_A_ROW = 4  # pauses of 3, 6 and 12 s, then a whole resolve_s


class Room:
    """A decider fed twice a second."""

    def __init__(self, fused: MakeFused, rules: DecisionSettings = RULES) -> None:
        self.decider = RoomDecider("lounge", rules, AlarmIds("box-1", "boot-1"))
        self._fused, self._now = fused, 0.5

    def sees(self, seconds: float, **scores: float) -> list[Alarm]:
        changed: list[Alarm] = []
        for _ in range(round(seconds * 2)):
            self._now += 0.5
            changed += self.decider.decide(self._fused(self._now, **scores)).changed
        return changed


@pytest.fixture
def room(fused: MakeFused) -> Room:
    return Room(fused)


def raised(alarms: list[Alarm]) -> list[Alarm]:
    """Those just begun."""
    return [a for a in alarms if a.state is AlarmState.CONFIRMED and a.revision == 1]


@pytest.mark.parametrize("answered", [False, True])
def test_evidence_that_was_gone_and_comes_back_is_another_alarm(room: Room, answered: bool) -> None:
    (first,) = room.sees(1.5, fall=0.9)
    if answered:
        room.decider.acknowledge(first.id)
    room.sees(3.5)
    (second,) = room.sees(1, fall=0.9)
    assert second.id != first.id
    assert (second.state, second.revision, second.seq) == (AlarmState.CONFIRMED, 1, 2)
    assert second.onset_ns == second.updated_ns - 500_000_000
    assert [a.id for a in room.decider.open_alarms] == [first.id, second.id]


def test_evidence_that_was_hardly_gone_is_the_same_alarm(room: Room) -> None:
    room.sees(1.5, fall=0.9)
    room.sees(2)
    assert room.sees(3, fall=0.9) == []


def test_evidence_between_exit_and_enter_is_not_gone(room: Room) -> None:
    room.sees(1.5, fall=0.9)
    room.sees(10, fall=0.5)
    assert room.sees(3, fall=0.9) == []


def test_a_room_that_nobody_could_watch_was_not_quiet(room: Room) -> None:
    room.sees(1.5, fall=0.9)
    room.sees(12, blind=True)
    assert room.sees(3, fall=0.9) == []


def test_what_comes_back_must_hold_as_long_as_the_first_time(room: Room) -> None:
    room.sees(1.5, fall=0.9)
    room.sees(4)
    assert room.sees(0.5, fall=0.9) == []
    assert room.sees(2) == []
    assert len(room.sees(1, fall=0.9)) == 1


@pytest.mark.parametrize("pause_s", [0.0, 2.0, 5.0, 12.0])
def test_a_fall_and_the_lying_after_it_stay_one_alarm_whatever_is_between(
    room: Room, pause_s: float
) -> None:
    (fall,) = room.sees(1.5, fall=0.9)
    room.sees(pause_s)
    (lie,) = room.sees(20, on_floor=0.9)
    assert (lie.id, lie.alarm_class) == (fall.id, AlarmClass.LONG_LIE)
    room.sees(1, on_floor=0.1, fall=0.9)  # tries to get up
    assert raised(room.sees(5, on_floor=0.9)) == []


def test_who_got_up_and_falls_again_has_fallen_twice_and_lies_long_once(room: Room) -> None:
    (first,) = room.sees(1.5, fall=0.9)
    room.sees(5, on_floor=0.9)
    room.sees(4)
    (second,) = room.sees(1.5, fall=0.9)
    said = room.sees(15, on_floor=0.9)
    assert first.id != second.id
    assert [(a.id, a.alarm_class) for a in said] == [(second.id, AlarmClass.LONG_LIE)]


def test_an_answered_alarm_is_resolved_though_a_newer_one_goes_on(room: Room) -> None:
    (first,) = room.sees(1.5, violence=0.9)
    room.decider.acknowledge(first.id)
    room.sees(3.5)
    said = room.sees(30, violence=0.9)
    assert [(a.id == first.id, a.state) for a in said] == [
        (False, AlarmState.CONFIRMED),
        (True, AlarmState.RESOLVED),
    ]


def test_clearing_an_old_alarm_leaves_the_evidence_of_the_newest_alone(room: Room) -> None:
    (first,) = room.sees(1.5, fall=0.9)
    room.sees(3.5)
    (second,) = room.sees(1, fall=0.9)
    room.sees(5, on_floor=0.9)
    room.decider.clear(first.id, false_alarm=True)
    (lie,) = room.sees(10, on_floor=0.9)
    assert (lie.id, lie.alarm_class) == (second.id, AlarmClass.LONG_LIE)


def test_an_alarm_resolved_for_want_of_evidence_hides_nothing(room: Room) -> None:
    (first,) = room.sees(1.5, fall=0.9)
    room.decider.acknowledge(first.id)
    assert [a.state for a in room.sees(21)] == [AlarmState.RESOLVED]
    assert len(raised(room.sees(1, fall=0.9))) == 1


def test_evidence_that_is_still_there_when_a_carer_clears_it_waits(room: Room) -> None:
    (first,) = room.sees(1.5, fall=0.9)
    room.decider.clear(first.id, false_alarm=True)
    room.sees(4)
    assert room.sees(2, fall=0.9) == []
    assert len(raised(room.sees(5, fall=0.9))) == 1  # 10 s after the carer's word


BURSTS = st.lists(
    st.tuples(st.sampled_from((1.0, 1.5, 4.0)), st.integers(1, 39).map(lambda n: n / 2)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=30, deadline=None)
@given(bursts=BURSTS)
def test_a_score_that_flickers_has_few_alarms_to_give(
    fused: MakeFused, bursts: list[tuple[float, float]]
) -> None:
    """However it flickers: what is never gone for ``resolve_s`` is said a few times."""
    room = Room(fused)
    alarms: list[Alarm] = []
    for there_s, gone_s in bursts:
        alarms += raised(room.sees(there_s, violence=0.9))
        alarms += raised(room.sees(gone_s))
    assert 1 <= len(alarms) <= MOST_IN_A_ROW
    gaps = [(b.onset_ns - a.updated_ns) / 1e9 for a, b in pairwise(alarms)]
    assert all(gap >= pause for gap, pause in zip(gaps, (3, 6, 12), strict=False))


@settings(max_examples=30, deadline=None)
@given(
    scores=st.lists(st.sampled_from((0.0, 0.3, 0.5, 0.9)), max_size=60),
    quiet_s=st.sampled_from((20.0, 25.0)),
)
def test_whatever_was_before_an_event_after_quiet_is_heard(
    fused: MakeFused, scores: list[float], quiet_s: float
) -> None:
    room = Room(fused)
    for score in scores:
        room.sees(0.5, fall=score, on_floor=score / 2)
    room.sees(quiet_s)
    (alarm,) = raised(room.sees(1, fall=0.9))
    assert alarm.alarm_class is AlarmClass.FALL


@settings(max_examples=30, deadline=None)
@given(
    false_s=st.sampled_from((1.0, 2.0, 4.0)),
    gone_s=st.integers(6, 60).map(lambda n: n / 2),
    answered=st.booleans(),
)
def test_one_false_alarm_never_hides_the_fall_after_it(
    fused: MakeFused, false_s: float, gone_s: float, answered: bool
) -> None:
    room = Room(fused)
    (wrong,) = room.sees(false_s, fall=0.9)
    if answered:
        room.decider.acknowledge(wrong.id)
    room.sees(gone_s)
    (fall,) = raised(room.sees(1, fall=0.9))
    said = room.sees(20, on_floor=0.9)
    assert [a.id for a in said if a.alarm_class is AlarmClass.LONG_LIE] == [fall.id]


def test_who_lies_there_after_an_answered_long_lie_is_another_alarm(room: Room) -> None:
    room.sees(1.5, fall=0.9)
    (lie,) = room.sees(15, on_floor=0.9)
    room.decider.acknowledge(lie.id)
    assert room.sees(6) == []
    said = room.sees(30, on_floor=0.9)
    (second,) = raised(said)
    assert second.alarm_class is AlarmClass.ON_FLOOR
    assert [(a.id, a.state) for a in said if a is not second] == [(lie.id, AlarmState.RESOLVED)]


def test_half_a_sign_of_the_floor_does_not_hide_a_fall(room: Room) -> None:
    (first,) = room.sees(1.5, fall=0.9)
    room.decider.acknowledge(first.id)
    room.sees(60, on_floor=0.35)
    (second,) = room.sees(1.5, fall=0.9)
    assert second.id != first.id


@pytest.mark.parametrize("scores", [{"fall": 0.95}, {"on_floor": 0.9}])
def test_an_alarm_answered_before_a_restart_hides_nothing_after_it(
    fused: MakeFused, scores: dict[str, float]
) -> None:
    before = Room(fused)
    before.sees(1.5, fall=0.9)
    (lie,) = before.sees(15, on_floor=0.9)
    answered = before.decider.acknowledge(lie.id)
    assert answered is not None
    after = Room(fused)
    after.decider.restore([answered], 0)
    assert len(raised(after.sees(5, **scores))) == 1


def test_an_alarm_nobody_answered_before_a_restart_is_not_told_twice(fused: MakeFused) -> None:
    before = Room(fused)
    (fall,) = before.sees(1.5, fall=0.9)
    after = Room(fused)
    after.decider.restore([fall], 0)
    assert raised(after.sees(5, fall=0.9)) == []
