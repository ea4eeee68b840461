"""One room's way from scores to alarms; the only clock is the capture time of the decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edge.decision.hold import Hold
from edge.decision.ids import AlarmIds
from edge.decision.lifecycle import Evidence, OpenAlarm, candidate
from edge.decision.rules import RAISED, rule_for, score_of
from edge.decision.smoothing import Smoothing
from edge.settings import AlarmRule, DecisionSettings
from edge.values import Alarm, AlarmState, Decision, Fused
from edge.vocabulary import AlarmClass


class _Track:
    """One class's evidence in one room."""

    def __init__(self, rule: AlarmRule, smoothing_s: float) -> None:
        self.rule = rule
        self.hold = Hold(rule)
        self.score: float | None = None
        self.held = False
        self.not_before_ns: int | None = None
        self._smoothing = Smoothing(smoothing_s)

    def update(self, t_ns: int, score: float | None) -> None:
        self.score = self._smoothing.update(t_ns, score)
        self.held = self.hold.update(t_ns, self.score)

    def rest(self, t_ns: int) -> None:
        """An alarm has closed whose evidence ended then: raise no other for a while."""
        self.not_before_ns = t_ns + round(self.rule.refractory_s * 1e9)

    def is_due(self, t_ns: int) -> bool:
        """True if the evidence of this very decision calls for an alarm."""
        rested = self.not_before_ns is None or t_ns >= self.not_before_ns
        return self.held and rested and self.score is not None


class RoomDecider:
    """Satisfies stages.Decider. One thread at a time; ``ids`` is shared between rooms.

    kinds: classes to raise; FALL goes with ON_FLOOR, which tells whether somebody still lies there
    """

    def __init__(
        self,
        room: str,
        settings: DecisionSettings,
        ids: AlarmIds,
        kinds: Sequence[AlarmClass] = RAISED,
    ) -> None:
        self._room, self._settings, self._ids = room, settings, ids
        self._tracks: Mapping[AlarmClass, _Track] = {
            kind: _Track(rule_for(kind, settings), settings.smoothing_s) for kind in kinds
        }
        self._open: list[OpenAlarm] = []
        self._now_ns: int | None = None

    @property
    def open_alarms(self) -> tuple[Alarm, ...]:
        """Alarms that are confirmed and not closed, oldest first."""
        return tuple(case.alarm for case in self._open)

    def decide(self, fused: Fused) -> Decision:
        """Take one decision's scores; return them with the alarms that changed, each once."""
        self._now_ns = fused.t_ns
        for kind, track in self._tracks.items():
            track.update(fused.t_ns, score_of(kind, fused))
        changed = self._advance(fused.t_ns, decided=True)
        due = (kind for kind in self._tracks if self._is_due(kind, fused.t_ns))
        return Decision(fused, (*changed, *(self._raise(kind, fused) for kind in due)))

    def tick(self, t_ns: int) -> tuple[Alarm, ...]:
        """Let time pass without a decision, so that alarms repeat and escalate in a dark room."""
        self._now_ns = t_ns
        return tuple(self._advance(t_ns, decided=False))

    def acknowledge(self, alarm_id: str) -> Alarm | None:
        """Note that someone is on the way; None: no open alarm has this id. Idempotent."""
        case = self._find(alarm_id)
        if case is None:
            return None
        if case.alarm.state is AlarmState.ACKNOWLEDGED:
            return case.alarm
        return case.move(AlarmState.ACKNOWLEDGED, self._time(case.alarm))

    def clear(self, alarm_id: str, false_alarm: bool) -> Alarm | None:
        """Close an alarm on a carer's word; None: no open alarm has this id.

        The evidence behind it raises no other alarm until it has been gone once.
        """
        case = self._find(alarm_id)
        if case is None:
            return None
        state = AlarmState.FALSE_ALARM if false_alarm else AlarmState.RESOLVED
        closed = case.move(state, self._time(case.alarm))
        if case is self._newest(case.raised_as):
            self._tracks[case.raised_as].hold.dismiss()
            if case.raised_as is AlarmClass.FALL:
                self._tracks[AlarmClass.ON_FLOOR].hold.dismiss()
        self._close(case)
        return closed

    def restore(self, alarms: Iterable[Alarm], now_ns: int) -> None:
        """Adopt this room's alarms of an earlier run; all times are on the current time line."""
        mine = [alarm for alarm in alarms if alarm.room == self._room and not alarm.state.is_closed]
        known = {case.alarm.id for case in self._open}
        self._open += [
            OpenAlarm(alarm, self._settings, now_ns) for alarm in mine if alarm.id not in known
        ]

    def _advance(self, t_ns: int, decided: bool) -> list[Alarm]:
        changed = []
        for case in tuple(self._open):
            evidence = self._evidence(case, t_ns) if decided else Evidence(present=None)
            alarm = case.advance(t_ns, evidence)
            if alarm is not None:
                changed.append(alarm)
                if alarm.state.is_closed:
                    self._close(case)
        return changed

    def _evidence(self, case: OpenAlarm, t_ns: int) -> Evidence:
        """For a fall, being on the floor afterwards is evidence as well.

        Evidence speaks for the newest alarm of its class alone: one event, one alarm.
        """
        kind = case.raised_as
        present = _is_present(self._tracks[kind])
        if case is not self._newest(kind):
            return Evidence(None if present is None else False)
        lie = self._newest(AlarmClass.ON_FLOOR)
        if kind is not AlarmClass.FALL or (lie and self._open.index(lie) > self._open.index(case)):
            return Evidence(present)  # who lies there now has an alarm of their own
        floor = self._tracks[AlarmClass.ON_FLOOR]
        lying = floor.held and floor.score is not None and floor.hold.onset_ns is not None
        lying_ns = t_ns - (floor.hold.onset_ns or 0) if lying else 0
        return Evidence(present, _is_present(floor), lying_ns)

    def _is_due(self, kind: AlarmClass, t_ns: int) -> bool:
        fall, same = self._newest(AlarmClass.FALL), self._newest(kind)
        if kind is AlarmClass.ON_FLOOR and fall and not (fall.is_over or fall.has_risen):
            return False  # a fall and the lying after it are one alarm
        return (same is None or same.has_lapsed) and self._tracks[kind].is_due(t_ns)

    def _raise(self, kind: AlarmClass, fused: Fused) -> Alarm:
        track = self._tracks[kind]
        onset_ns = fused.t_ns if track.hold.onset_ns is None else track.hold.onset_ns
        found = candidate(kind, fused, onset_ns, track.score or 0.0, self._ids.next())
        before = self._newest(kind)
        renewals = 0 if before is None or before.is_over else before.renewals + 1
        case = OpenAlarm(found, self._settings, fused.t_ns, renewals)
        self._open.append(case)
        return case.move(AlarmState.CONFIRMED, fused.t_ns)

    def _close(self, case: OpenAlarm) -> None:
        """The rest counts from the last evidence: what was quiet for long hides nothing new."""
        if case is self._newest(case.raised_as):
            self._tracks[case.raised_as].rest(case.alarm.updated_ns - case.quiet_ns)
        self._open.remove(case)

    def _newest(self, kind: AlarmClass) -> OpenAlarm | None:
        return next((case for case in reversed(self._open) if case.raised_as is kind), None)

    def _find(self, alarm_id: str) -> OpenAlarm | None:
        return next((case for case in self._open if case.alarm.id == alarm_id), None)

    def _time(self, alarm: Alarm) -> int:
        return alarm.updated_ns if self._now_ns is None else self._now_ns


def _is_present(track: _Track) -> bool | None:
    return None if track.score is None else track.score >= track.rule.exit
