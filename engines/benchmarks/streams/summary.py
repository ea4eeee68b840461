"""From single scenes to the numbers that are asked for: sensitivity, false alarms, delays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from edge.vocabulary import AlarmClass
from engines.benchmarks.streams.match import Outcome, SceneResult, Verdict
from engines.benchmarks.streams.rates import Estimate, hourly, share

REPORTED = (
    AlarmClass.FALL,
    AlarmClass.ON_FLOOR,
    AlarmClass.VIOLENCE,
    AlarmClass.DISTRESS_CALL,
    AlarmClass.GLASS_BREAK,
)


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """One class of alarm over all scenes."""

    alarm_class: AlarmClass
    events: int
    detected: int  # by an alarm of the class, in time
    noticed: int  # by a fall or on_floor alarm in time, whichever of the two it should have been
    late: int
    masked: int  # recognised, but an earlier alarm was still open: see match.Outcome
    sensitivity: Estimate | None  # None: there was no event
    delay_median_s: float | None  # of the events that got their alarm, late ones included
    delay_worst_s: float | None
    false_alarms: int
    false_per_hour: Estimate
    repeated: int
    excused: int
    mistaken_for: Mapping[str, int]  # true action at the false alarms, for calls what was heard


@dataclass(frozen=True, slots=True)
class Summary:
    """All scenes."""

    scenes: int
    hours: float  # in which decisions could be made
    classes: tuple[ClassSummary, ...]
    false_alarms: int
    false_per_hour: Estimate
    long_lies: int  # fall alarms that became one; never counted a second time

    def of(self, kind: AlarmClass) -> ClassSummary:
        """Raises: KeyError."""
        for row in self.classes:
            if row.alarm_class is kind:
                return row
        raise KeyError(kind)


def summarise(scenes: Sequence[SceneResult]) -> Summary:
    """Raises: ValueError when nothing was watched."""
    hours = sum(scene.watched_s for scene in scenes) / 3600
    wrong = sum(j.verdict is Verdict.FALSE for scene in scenes for j in scene.alarms)
    return Summary(
        scenes=len(scenes),
        hours=hours,
        classes=tuple(summary_of(kind, scenes, hours) for kind in REPORTED),
        false_alarms=wrong,
        false_per_hour=hourly(wrong, hours),
        long_lies=sum(j.alarm.long_lie_s is not None for scene in scenes for j in scene.alarms),
    )


def summary_of(kind: AlarmClass, scenes: Sequence[SceneResult], hours: float) -> ClassSummary:
    """One class."""
    outcomes = [o for scene in scenes for o in scene.outcomes if o.event.alarm_class is kind]
    judged = [j for scene in scenes for j in scene.alarms if j.alarm.alarm_class is kind]
    verdicts = Counter(j.verdict for j in judged)
    delays = [o.delay_s for o in outcomes if o.delay_s is not None]
    detected = _count(outcomes, lambda o: o.is_detected)
    sounds = kind in (AlarmClass.DISTRESS_CALL, AlarmClass.GLASS_BREAK)
    wrong = [j.context for j in judged if j.verdict is Verdict.FALSE]
    names = [", ".join(c.sounds) or "silence" if sounds else c.action for c in wrong]
    return ClassSummary(
        alarm_class=kind,
        events=len(outcomes),
        detected=detected,
        noticed=_count(outcomes, lambda o: o.is_noticed),
        late=verdicts[Verdict.LATE],
        masked=_count(outcomes, lambda o: o.is_masked),
        sensitivity=share(detected, len(outcomes)),
        delay_median_s=round(median(delays), 3) if delays else None,
        delay_worst_s=round(max(delays), 3) if delays else None,
        false_alarms=verdicts[Verdict.FALSE],
        false_per_hour=hourly(verdicts[Verdict.FALSE], hours),
        repeated=verdicts[Verdict.REPEATED],
        excused=verdicts[Verdict.EXCUSED],
        mistaken_for=dict(Counter(names).most_common()),
    )


def _count(outcomes: Sequence[Outcome], holds: Callable[[Outcome], bool]) -> int:
    return sum(holds(outcome) for outcome in outcomes)
