from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decision.decider import RoomDecider
from edge.decision.ids import AlarmIds
from edge.decision.lifecycle import LEGAL, moved
from edge.settings import AlarmRule, DecisionSettings
from edge.values import Alarm, AlarmState, Fused
from edge.vocabulary import AlarmClass

MakeFused = Callable[..., Fused]
RULES = {
    "fall": AlarmRule(enter=0.8, exit=0.3, decisions=1),
    "on_floor": AlarmRule(enter=0.3, exit=0.15, decisions=6),
    "violence": AlarmRule(enter=0.7, exit=0.35, decisions=2),
    "distress_call": AlarmRule(enter=0.85, exit=0.4, decisions=2),
    "glass_break": AlarmRule(enter=0.8, exit=0.4, decisions=1),
}
SETTINGS = DecisionSettings(**RULES)


class Room:
    """A decider fed twice a second; remembers everything that was said."""

    def __init__(self, fused: MakeFused, settings: DecisionSettings = SETTINGS) -> None:
        self.decider = RoomDecider("lounge", settings, AlarmIds("box-1", "boot-1"))
        self.said: list[Alarm] = []
        self._fused, self._tick = fused, count(2)

    def sees(self, seconds: float = 0.5, **scores: float) -> list[Alarm]:
        changed: list[Alarm] = []
        for _ in range(round(seconds * 2)):
            changed += self.decider.decide(self._fused(next(self._tick) / 2, **scores)).changed
        self.said += changed
        return changed


@pytest.fixture
def room(fused: MakeFused) -> Room:
    return Room(fused)


def words(alarms: list[Alarm]) -> list[tuple[str, str]]:
    return [(a.alarm_class.value, a.state.value) for a in alarms]


def test_a_quiet_room_says_nothing(room: Room) -> None:
    assert room.sees(60) == []


def test_a_fall_is_confirmed_at_once_with_its_score_and_gate(room: Room) -> None:
    (alarm,) = room.sees(fall=0.8)
    assert words([alarm]) == [("fall", "confirmed")]
    assert alarm.score == pytest.approx(0.8)
    assert alarm.onset_ns == alarm.confirmed_ns == alarm.updated_ns == 1_000_000_000
    assert (alarm.seq, alarm.revision) == (1, 1)
    assert sum(alarm.gate.values()) == pytest.approx(1)


def test_a_fall_and_the_long_lie_after_it_are_one_alarm(room: Room) -> None:
    (fall,) = room.sees(fall=0.8)
    room.sees(fall=0.45, on_floor=0.25)
    (lie,) = room.sees(15, on_floor=0.9)
    assert words([lie]) == [("long_lie", "confirmed")]
    assert lie.id == fall.id
    assert lie.revision == 2
    assert lie.updated_ns - fall.updated_ns == 11_000_000_000


def test_lying_on_the_floor_without_a_fall_raises_its_own_alarm(room: Room) -> None:
    (alarm,) = room.sees(30, on_floor=0.9)
    assert words([alarm]) == [("on_floor", "confirmed")]
    assert alarm.confirmed_ns is not None
    assert alarm.confirmed_ns - alarm.onset_ns == 2_500_000_000


def test_an_answered_alarm_is_resolved_after_its_evidence_was_gone_long_enough(room: Room) -> None:
    (alarm,) = room.sees(fall=0.8)
    room.decider.acknowledge(alarm.id)
    assert room.sees(19.5) == []
    assert words(room.sees(0.5)) == [("fall", "resolved")]


def test_an_alarm_that_nobody_answered_stays_open_when_its_evidence_is_gone(room: Room) -> None:
    (alarm,) = room.sees(fall=0.8)
    assert words(room.sees(59)) == []
    assert [again.id for again in room.sees(2)] == [alarm.id]  # repeated, not resolved


def test_a_second_fall_is_a_second_alarm_also_while_the_first_is_unanswered(room: Room) -> None:
    (first,) = room.sees(fall=0.8)
    room.sees(30)
    (second,) = room.sees(fall=0.8)
    assert second.id != first.id
    assert [alarm.id for alarm in room.decider.open_alarms] == [first.id, second.id]


def test_evidence_between_exit_and_enter_keeps_an_alarm_open(room: Room) -> None:
    room.sees(fall=0.8)
    assert room.sees(50, fall=0.3) == []


def test_no_decision_neither_raises_nor_resolves(room: Room) -> None:
    (alarm,) = room.sees(2, violence=0.9)
    room.decider.acknowledge(alarm.id)
    assert room.sees(25, blind=True) == []
    assert words(room.sees(30)) == [("violence", "resolved")]


def test_a_dark_room_does_not_stop_sound_alarms(room: Room) -> None:
    assert words(room.sees(2, blind=True, call_for_help=0.9)) == [("distress_call", "confirmed")]


def test_an_unanswered_alarm_repeats_and_escalates(room: Room) -> None:
    said = room.sees(260, violence=0.9)
    assert [a.state.value for a in said] == ["confirmed"] * 3 + ["escalated"] * 2
    assert [(a.updated_ns - said[0].updated_ns) / 1e9 for a in said] == [0, 60, 120, 180, 240]


def test_an_acknowledged_alarm_is_silent_until_it_is_resolved(room: Room) -> None:
    (alarm, *_) = room.sees(2, violence=0.9)
    acknowledged = room.decider.acknowledge(alarm.id)
    assert acknowledged is not None
    assert acknowledged.state is AlarmState.ACKNOWLEDGED
    assert room.decider.acknowledge(alarm.id) == acknowledged
    assert room.sees(300, violence=0.9) == []
    assert words(room.sees(30)) == [("violence", "resolved")]


def test_an_alarm_nobody_handles_expires(fused: MakeFused) -> None:
    room = Room(fused, DecisionSettings(**RULES, expire_s=60, repeat_s=3_600))
    said = room.sees(61.5, violence=0.9)
    assert words(said) == [("violence", "confirmed"), ("violence", "expired")]


def test_timers_run_in_a_room_without_decisions(room: Room) -> None:
    (alarm,) = room.sees(fall=0.8)
    assert room.decider.tick(alarm.updated_ns + 59_000_000_000) == ()
    (again,) = room.decider.tick(alarm.updated_ns + 60_000_000_000)
    assert (again.id, again.state, again.revision) == (alarm.id, AlarmState.CONFIRMED, 2)


def test_a_second_alarm_waits_for_the_refractory_time(fused: MakeFused) -> None:
    """Which counts from the last evidence of the first."""
    room = Room(fused, DecisionSettings(**RULES, resolve_s=1))
    (first,) = room.sees(fall=0.8)
    room.decider.acknowledge(first.id)
    (resolved,) = room.sees(1)
    (second,) = room.sees(12, fall=0.8)
    assert second.updated_ns - first.updated_ns == 10_000_000_000
    assert second.id != resolved.id
    assert second.onset_ns == resolved.updated_ns + 500_000_000


def test_cleared_evidence_raises_no_other_alarm_until_it_was_gone(room: Room) -> None:
    (fall,) = room.sees(fall=0.8)
    room.sees(8, on_floor=0.9)
    closed = room.decider.clear(fall.id, false_alarm=True)
    assert closed is not None
    assert closed.state is AlarmState.FALSE_ALARM
    assert room.sees(60, on_floor=0.9) == []
    room.sees(1)
    assert words(room.sees(5, on_floor=0.9)) == [("on_floor", "confirmed")]


def test_a_command_for_an_unknown_alarm_says_so(room: Room) -> None:
    assert room.decider.acknowledge("nobody") is None
    assert room.decider.clear("nobody", false_alarm=False) is None


def test_a_restarted_decider_carries_on_with_the_same_alarm(room: Room, fused: MakeFused) -> None:
    (fall,) = room.sees(fall=0.8)
    later = RoomDecider("lounge", SETTINGS, AlarmIds("box-1", "boot-2"))
    later.restore([fall], fall.updated_ns)
    assert later.decide(fused(2, on_floor=0.9)).changed == ()
    said = [a for i in range(4, 30) for a in later.decide(fused(i / 2, on_floor=0.9)).changed]
    assert [(a.id, a.alarm_class) for a in said] == [(fall.id, AlarmClass.LONG_LIE)]


@pytest.mark.parametrize("dated_s", [-2_000_000_000, 2_000_000_000])
def test_a_wall_clock_set_meanwhile_neither_expires_nor_silences_a_restored_alarm(
    room: Room, dated_s: int
) -> None:
    (fall,) = room.sees(fall=0.8)
    dated_ns = dated_s * 1_000_000_000
    kept = replace(fall, onset_ns=dated_ns, confirmed_ns=dated_ns, updated_ns=dated_ns)
    later = RoomDecider("lounge", SETTINGS, AlarmIds("box-1", "boot-2"))
    later.restore([kept], now_ns=0)
    said = [a for t in range(3_600) for a in later.tick(t * 1_000_000_000)]
    assert {a.state for a in said} == {AlarmState.CONFIRMED, AlarmState.ESCALATED} - (
        {AlarmState.CONFIRMED} if dated_s < 0 else set()
    )
    assert len(said) in (59, 60)
    assert [a.state for a in later.tick(3_600_000_000_000)] == [AlarmState.EXPIRED]


def test_restore_leaves_other_rooms_and_closed_alarms_alone(room: Room) -> None:
    (fall,) = room.sees(fall=0.8)
    other = RoomDecider("kitchen", SETTINGS, AlarmIds("box-1", "boot-2"))
    other.restore([fall], 0)
    assert other.open_alarms == ()
    room.decider.restore([fall, moved(fall, AlarmState.EXPIRED, 0)], 0)
    assert room.decider.open_alarms == (fall,)


SCORES = st.fixed_dictionaries(
    {},
    optional={
        "blind": st.booleans(),
        "deaf": st.booleans(),
        **dict.fromkeys(("fall", "on_floor", "violence"), st.sampled_from((0.2, 0.55, 0.95))),
        **dict.fromkeys(("scream", "glass_break"), st.sampled_from((0.35, 0.95))),
    },
)
COMMANDS = st.sampled_from(("", "", "", "ack", "clear", "false", "tick"))
QUICK = DecisionSettings(
    **RULES,
    long_lie_s=2,
    resolve_s=2,
    repeat_s=3,
    escalate_s=5,
    expire_s=60,
    smoothing_s=0.3,
)


def _live(decider: RoomDecider, step: tuple[Fused, str]) -> list[Alarm]:
    fused, command = step
    changed = list(decider.decide(fused).changed)
    newest = decider.open_alarms[-1:]
    if command == "tick":
        changed += decider.tick(fused.t_ns + 100_000_000)
    elif command and newest:
        alarm = (
            decider.acknowledge(newest[0].id)
            if command == "ack"
            else decider.clear(newest[0].id, false_alarm=command == "false")
        )
        changed += [alarm] if alarm and alarm != newest[0] else []
    return changed


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(SCORES, COMMANDS, st.sampled_from((0.5, 0.5, 7.0))), max_size=60))
def test_whatever_happens_the_life_cycle_holds(
    fused: MakeFused, steps: list[tuple[dict[str, float], str, float]]
) -> None:
    decider = RoomDecider("lounge", QUICK, AlarmIds("box-1", "boot-1"))
    lives: dict[str, list[Alarm]] = {}
    seconds = 0.0
    for scores, command, pause in steps:
        seconds += pause
        for alarm in _live(decider, (fused(seconds, **scores), command)):
            lives.setdefault(alarm.id, []).append(alarm)
        for older, newer in combinations(decider.open_alarms, 2):
            # the same kind twice only when the first went unanswered and its evidence was gone
            apart_s = (newer.onset_ns - older.onset_ns) / 1e9
            assert older.alarm_class is not newer.alarm_class or apart_s >= QUICK.resolve_s
    for life in lives.values():
        assert life[0].state is AlarmState.CONFIRMED
        assert [a.revision for a in life] == list(range(1, len(life) + 1))
        assert {(a.onset_ns, a.confirmed_ns, a.seq, a.room) for a in life} == {
            (life[0].onset_ns, life[0].confirmed_ns, life[0].seq, "lounge")
        }
        for before, after in pairwise(life):
            assert after.state in LEGAL[before.state] | {before.state}
            assert not before.state.is_closed
    assert {a.id for a in decider.open_alarms} == {
        name for name, life in lives.items() if not life[-1].state.is_closed
    }
