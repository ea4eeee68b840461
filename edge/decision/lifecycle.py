"""The life of one alarm: which transitions are legal, and which ones time brings.

    candidate -> confirmed -> acknowledged -> resolved
                     |             |
                 escalated    false_alarm, expired (from any open state)

Every published change raises the revision by one. A candidate is never published. Evidence that is
gone resolves an alarm only once somebody has acknowledged it: what nobody saw stays open, repeats,
escalates and at last expires.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from edge.settings import DecisionSettings
from edge.values import WINDOW_NS, Alarm, AlarmState, Fused
from edge.vocabulary import AlarmClass

_S = AlarmState
_CLOSED = frozenset({_S.RESOLVED, _S.FALSE_ALARM, _S.EXPIRED})

LEGAL: Mapping[AlarmState, frozenset[AlarmState]] = MappingProxyType(
    {
        _S.CANDIDATE: frozenset({_S.CONFIRMED}),
        _S.CONFIRMED: _CLOSED | {_S.ACKNOWLEDGED, _S.ESCALATED},
        _S.ESCALATED: _CLOSED | {_S.ACKNOWLEDGED},
        _S.ACKNOWLEDGED: _CLOSED,
        _S.RESOLVED: frozenset(),
        _S.FALSE_ALARM: frozenset(),
        _S.EXPIRED: frozenset(),
    }
)
"""Every state's possible next states; a repetition keeps the state."""

_UNANSWERED = (_S.CONFIRMED, _S.ESCALATED)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one moment says about an open alarm."""

    present: bool | None  # None: no decision could be made
    lying_ns: int = 0  # how long someone has been on the floor


def candidate(
    alarm_class: AlarmClass, fused: Fused, onset_ns: int, score: float, name: tuple[int, str]
) -> Alarm:
    """Start an alarm from the decision that completes its evidence; name: (seq, id)."""
    seq, alarm_id = name
    return Alarm(
        id=alarm_id,
        room=fused.room,
        alarm_class=alarm_class,
        state=_S.CANDIDATE,
        score=score,
        onset_ns=onset_ns,
        confirmed_ns=None,
        updated_ns=fused.t_ns,
        seq=seq,
        revision=0,
        gate=fused.gate,
        missing=fused.missing,
    )


def moved(alarm: Alarm, state: AlarmState, t_ns: int) -> Alarm:
    """Return the alarm in its next state, one revision later.

    Raises: ValueError if the life cycle has no such transition (a programming error).
    """
    if state not in LEGAL[alarm.state]:
        raise ValueError(f"alarm {alarm.id} cannot go from {alarm.state.value} to {state.value}")
    confirmed_ns = t_ns if state is _S.CONFIRMED else alarm.confirmed_ns
    return replace(_revised(alarm, t_ns), state=state, confirmed_ns=confirmed_ns)


class OpenAlarm:
    """A published alarm that is not closed yet, with its timers.

    since_ns: when this process took it on. Dates of an earlier run went through the wall clock,
    which may have been set meanwhile: they may hasten a repetition or an escalation, but never
    delay one, and never expire an alarm.
    """

    def __init__(self, alarm: Alarm, settings: DecisionSettings, since_ns: int) -> None:
        self.alarm = alarm
        self._settings = settings
        self._quiet_ns = 0
        self._seen_ns = self._since_ns = since_ns
        opened_ns = since_ns if alarm.confirmed_ns is None else alarm.confirmed_ns
        self._opened_ns, self._said_ns = min(opened_ns, since_ns), min(alarm.updated_ns, since_ns)

    @property
    def is_over(self) -> bool:
        """True once its evidence was gone for ``resolve_s``; what comes later is another alarm."""
        return self._quiet_ns >= self._settings.resolve_s * 1e9

    @property
    def raised_as(self) -> AlarmClass:
        """The class whose evidence opened it: a long lie began as a fall."""
        if self.alarm.alarm_class is AlarmClass.LONG_LIE:
            return AlarmClass.FALL
        return self.alarm.alarm_class

    def move(self, state: AlarmState, t_ns: int) -> Alarm:
        """Make a transition; see ``moved``."""
        return self._say(moved(self.alarm, state, t_ns))

    def advance(self, t_ns: int, evidence: Evidence) -> Alarm | None:
        """Let time pass; return the alarm if that changed it, at most one revision at a time."""
        self._measure_quiet(t_ns, evidence.present)
        limits, alarm = self._settings, self.alarm
        if self.is_over and alarm.state is _S.ACKNOWLEDGED:
            return self.move(_S.RESOLVED, t_ns)
        if t_ns - self._since_ns >= limits.expire_s * 1e9:
            return self.move(_S.EXPIRED, t_ns)
        lies_long = evidence.lying_ns >= limits.long_lie_s * 1e9
        if alarm.alarm_class is AlarmClass.FALL and lies_long and not self.is_over:
            return self._say(replace(_revised(alarm, t_ns), alarm_class=AlarmClass.LONG_LIE))
        if alarm.state is _S.CONFIRMED and t_ns - self._opened_ns >= limits.escalate_s * 1e9:
            return self.move(_S.ESCALATED, t_ns)
        if alarm.state in _UNANSWERED and t_ns - self._said_ns >= limits.repeat_s * 1e9:
            return self._say(_revised(alarm, t_ns))
        return None

    def _say(self, alarm: Alarm) -> Alarm:
        self.alarm, self._said_ns = alarm, alarm.updated_ns
        return alarm

    def _measure_quiet(self, t_ns: int, present: bool | None) -> None:
        """Count only the time that was watched: a dark room is not a quiet one."""
        elapsed_ns, self._seen_ns = t_ns - self._seen_ns, t_ns
        if self.is_over:
            return
        if present:
            self._quiet_ns = 0
        elif present is False:
            self._quiet_ns += min(max(0, elapsed_ns), WINDOW_NS)


def _revised(alarm: Alarm, t_ns: int) -> Alarm:
    return replace(alarm, revision=alarm.revision + 1, updated_ns=t_ns)
