from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.decision.lifecycle import LEGAL, Evidence, OpenAlarm, candidate, moved
from edge.settings import DecisionSettings
from edge.values import Alarm, AlarmState, Fused
from edge.vocabulary import AlarmClass

S = 1_000_000_000
LIMITS = DecisionSettings()
GONE, THERE, UNKNOWN = Evidence(present=False), Evidence(present=True), Evidence(present=None)


@pytest.fixture
def fall(fused: Callable[..., Fused]) -> Alarm:
    """Confirmed at 0 s."""
    found = candidate(AlarmClass.FALL, fused(0, fall=0.9), 0, 0.9, (1, "a1"))
    return moved(found, AlarmState.CONFIRMED, 0)


@pytest.fixture
def open_fall(fall: Alarm) -> OpenAlarm:
    return OpenAlarm(fall, LIMITS, since_ns=0)


def seconds(open_alarm: OpenAlarm, first: int, last: int, evidence: Evidence) -> list[Alarm]:
    changed = [open_alarm.advance(t * S, evidence) for t in range(first, last + 1)]
    return [alarm for alarm in changed if alarm is not None]


def test_only_closed_states_have_no_next() -> None:
    assert set(LEGAL) == set(AlarmState)
    assert all(state.is_closed != bool(LEGAL[state]) for state in AlarmState)


def test_the_life_cycle_refuses_illegal_transitions(fall: Alarm) -> None:
    closed = moved(fall, AlarmState.RESOLVED, 5)
    with pytest.raises(ValueError, match="cannot go from resolved to confirmed"):
        moved(closed, AlarmState.CONFIRMED, 6)


def test_a_transition_keeps_when_it_was_confirmed_and_raises_the_revision(fall: Alarm) -> None:
    after = moved(fall, AlarmState.ACKNOWLEDGED, 7 * S)
    assert (after.confirmed_ns, after.updated_ns, after.revision) == (0, 7 * S, 2)


def test_an_unanswered_alarm_repeats_at_the_very_end_of_its_period(open_fall: OpenAlarm) -> None:
    assert seconds(open_fall, 1, 59, THERE) == []
    assert [a.state for a in seconds(open_fall, 60, 60, THERE)] == [AlarmState.CONFIRMED]


def test_time_that_nobody_watched_is_not_quiet(open_fall: OpenAlarm) -> None:
    open_fall.move(AlarmState.ACKNOWLEDGED, S)
    assert seconds(open_fall, 2, 300, UNKNOWN) == []
    assert not open_fall.is_over


def test_one_look_after_a_long_pause_counts_for_one_window_only(open_fall: OpenAlarm) -> None:
    open_fall.move(AlarmState.ACKNOWLEDGED, 0)
    assert open_fall.advance(1_000 * S, GONE) is None
    (resolved,) = seconds(open_fall, 1_001, 1_018, GONE)
    assert (resolved.state, resolved.updated_ns) == (AlarmState.RESOLVED, 1_018 * S)


def test_evidence_that_returns_begins_the_quiet_anew(open_fall: OpenAlarm) -> None:
    open_fall.move(AlarmState.ACKNOWLEDGED, 0)
    seconds(open_fall, 1, 19, GONE)
    open_fall.advance(20 * S, THERE)
    assert seconds(open_fall, 21, 39, GONE) == []
    assert [a.state for a in seconds(open_fall, 40, 40, GONE)] == [AlarmState.RESOLVED]


def test_a_long_lie_is_said_once_and_still_counts_as_a_fall(open_fall: OpenAlarm) -> None:
    lying = Evidence(present=True, lying_ns=10 * S)
    (lie,) = seconds(open_fall, 10, 12, lying)
    assert (lie.alarm_class, lie.revision) == (AlarmClass.LONG_LIE, 2)
    assert open_fall.raised_as is AlarmClass.FALL
