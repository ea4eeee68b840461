"""Which alarm belongs to which event: every alarm gets a verdict, every event its alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from edge.vocabulary import AlarmClass
from engines.benchmarks.streams.events import EARLY_S, PATIENCE_S, Context, Event, SceneTruth
from engines.benchmarks.streams.trace import StreamAlarm

_BEFORE_S = 5.0  # an open fall alarm this old still brings somebody to who lies on the floor


class Verdict(str, Enum):
    """What an alarm was worth."""

    DETECTION = "detection"
    LATE = "late"  # right, but after PATIENCE_S
    REPEATED = "repeated"  # a second alarm for the same event
    EXCUSED = "excused"  # true in substance, see events.excuses_of
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class Judged:
    """One alarm."""

    alarm: StreamAlarm
    verdict: Verdict
    context: Context


@dataclass(frozen=True, slots=True)
class Outcome:
    """One event."""

    event: Event
    found_s: float | None  # when the first alarm of its class was confirmed
    noticed_s: float | None  # when a fall or on_floor alarm, its own or the other, was confirmed
    has_evidence: bool = False  # its scores called for an alarm in time, whether or not one came

    @property
    def delay_s(self) -> float | None:
        """From the onset to the confirmation; None: no alarm."""
        return None if self.found_s is None else self.found_s - self.event.onset_s

    @property
    def is_detected(self) -> bool:
        """In time."""
        return self.delay_s is not None and self.delay_s <= PATIENCE_S

    @property
    def is_masked(self) -> bool:
        """Recognised, but no new alarm: an earlier one, perhaps a false one, was still open."""
        return self.found_s is None and self.has_evidence

    @property
    def is_noticed(self) -> bool:
        """Somebody was called in time, if under another name."""
        return self.noticed_s is not None and self.noticed_s - self.event.onset_s <= PATIENCE_S


@dataclass(frozen=True, slots=True)
class SceneResult:
    """One recording."""

    name: str
    story: str
    dark: bool
    watched_s: float
    outcomes: tuple[Outcome, ...]
    alarms: tuple[Judged, ...]


def match(
    scene: SceneTruth,
    alarms: Sequence[StreamAlarm],
    watched_s: float,
    held_s: Mapping[AlarmClass, Sequence[float]] | None = None,
) -> SceneResult:
    """Judge the alarms of one recording, which are in order of time.

    held_s: see trace.evidence; only to tell what was masked
    """
    first: dict[Event, StreamAlarm] = {}
    judged = []
    for alarm in alarms:
        own = [e for e in scene.events if e.alarm_class is alarm.alarm_class and e.holds(alarm.t_s)]
        fresh = [event for event in own if event not in first]
        if fresh:
            first[fresh[0]] = alarm
            late = alarm.t_s - fresh[0].onset_s > PATIENCE_S
            verdict = Verdict.LATE if late else Verdict.DETECTION
        elif own:
            verdict = Verdict.REPEATED
        else:
            verdict = Verdict.EXCUSED if _is_excused(scene, alarm) else Verdict.FALSE
        judged.append(Judged(alarm, verdict, scene.context(alarm.t_s)))
    outcomes = [
        replace(
            _outcome(event, first.get(event), alarms),
            has_evidence=any(
                event.onset_s - EARLY_S <= t_s <= event.onset_s + PATIENCE_S
                for t_s in (held_s or {}).get(event.alarm_class, ())
            ),
        )
        for event in scene.events
    ]
    return SceneResult(
        scene.name, scene.story, scene.dark, watched_s, tuple(outcomes), tuple(judged)
    )


def _is_excused(scene: SceneTruth, alarm: StreamAlarm) -> bool:
    return any(
        kind is alarm.alarm_class and start_s <= alarm.t_s <= end_s
        for kind, start_s, end_s in scene.excused
    )


def _outcome(event: Event, found: StreamAlarm | None, alarms: Sequence[StreamAlarm]) -> Outcome:
    """A fall noticed as somebody on the floor is not detected, but help comes; and conversely."""
    others = {
        AlarmClass.FALL: {AlarmClass.FALL, AlarmClass.ON_FLOOR},
        AlarmClass.ON_FLOOR: {AlarmClass.ON_FLOOR, AlarmClass.FALL},
    }.get(event.alarm_class, {event.alarm_class})
    before_s = _BEFORE_S if event.alarm_class is AlarmClass.ON_FLOOR else 0.5
    times = [
        a.t_s for a in alarms
        if a.alarm_class in others and event.onset_s - before_s <= a.t_s <= event.end_s
    ]  # fmt: skip
    return Outcome(event, None if found is None else found.t_s, min(times, default=None))
