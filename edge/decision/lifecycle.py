"""The life of one alarm: which transitions are legal, and which ones time brings.

    candidate -> confirmed -> acknowledged -> resolved
                     |             |
                 escalated    false_alarm, expired (from any open state)

Every published change raises the revision by one. A candidate is never published. Evidence that is
gone resolves an alarm only once somebody has acknowledged it: what nobody saw stays open, repeats,
escalates and at last expires.

An open alarm does not hide what happens next. Once its evidence was gone for a moment (``renew_s``)
it has lapsed, and evidence that comes back is another alarm with an id of its own. A revision would
not do: hubs key on the id, take a revision in the same state for a repetition, and an acknowledged
alarm has no way back to confirmed. Each such alarm in a row needs a pause twice as long, up to
``resolve_s``, so that a flickering score soon has nothing more to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from edge.decision.rules import rule_for
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

    present: bool | None  # of its own class; None: no decision could be made
    floor: bool | None = None  # of a fall: somebody seems to be on the floor
    lying_ns: int = 0  # of a fall: how long someone has been on the floor for sure


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
    renewals: how many alarms of its class came before it without a longer quiet between them.
    An alarm of an earlier run that somebody has answered will not be said again: as nobody watched
    in between, whatever is seen now is another alarm. One that nobody answered still calls.
    """

    def __init__(
        self, alarm: Alarm, settings: DecisionSettings, since_ns: int, renewals: int = 0
    ) -> None:
        self.alarm, self.renewals = alarm, renewals
        self._settings = settings
        pause_s = rule_for(self.raised_as, settings).renew_s * 2.0**renewals
        self._renew_ns = min(pause_s, settings.resolve_s) * 1e9
        answered_before = alarm.state is _S.ACKNOWLEDGED
        self._has_lapsed = self._has_risen = answered_before
        self.quiet_ns = 0  # how long its evidence has been gone, as far as somebody looked
        self._own_quiet_ns = self._floor_quiet_ns = 0
        self._seen_ns = self._since_ns = since_ns
        opened_ns = since_ns if alarm.confirmed_ns is None else alarm.confirmed_ns
        self._opened_ns, self._said_ns = min(opened_ns, since_ns), min(alarm.updated_ns, since_ns)

    @property
    def is_over(self) -> bool:
        """True once its evidence was gone for ``resolve_s``; nothing later belongs to it."""
        return self.quiet_ns >= self._settings.resolve_s * 1e9

    @property
    def has_lapsed(self) -> bool:
        """True once its own class was gone for its pause; what that says next is another alarm.

        Half a sign of somebody on the floor does not keep a fall from lapsing, lying for sure does:
        it belongs to the fall until that ``is_over``.
        """
        return self._has_lapsed

    @property
    def has_risen(self) -> bool:
        """True of a long lie once nobody lay there for its pause; who lies next is another alarm.

        A fall that is no long lie yet becomes one, which is news enough.
        """
        return self._has_risen and self.alarm.alarm_class is AlarmClass.LONG_LIE

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
        self._measure_quiet(t_ns, evidence)
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

    def _measure_quiet(self, t_ns: int, evidence: Evidence) -> None:
        """Count only the time that was watched: a dark room is not a quiet one."""
        watched_ns, self._seen_ns = min(max(0, t_ns - self._seen_ns), WINDOW_NS), t_ns
        if self.is_over:
            return
        anything = True if evidence.floor else evidence.present
        self.quiet_ns = _quiet(self.quiet_ns, anything, watched_ns)
        self._own_quiet_ns = _quiet(self._own_quiet_ns, evidence.present, watched_ns)
        self._has_lapsed |= self._own_quiet_ns >= self._renew_ns
        self._has_lapsed &= evidence.lying_ns == 0
        if self.alarm.alarm_class is AlarmClass.LONG_LIE:
            self._floor_quiet_ns = _quiet(self._floor_quiet_ns, evidence.floor, watched_ns)
            self._has_risen |= self._floor_quiet_ns >= self._renew_ns


def _quiet(so_far_ns: int, present: bool | None, watched_ns: int) -> int:
    """How long something has been gone; what nobody could see changes nothing."""
    if present is None:
        return so_far_ns
    return 0 if present else so_far_ns + watched_ns


def _revised(alarm: Alarm, t_ns: int) -> Alarm:
    return replace(alarm, revision=alarm.revision + 1, updated_ns=t_ns)
