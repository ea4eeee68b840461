"""Operating curves: what another threshold would have given, from kept scores alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.decision.rules import rule_for
from edge.settings import AlarmRule, DecisionSettings
from edge.vocabulary import AlarmClass
from engines.benchmarks.streams.events import SceneTruth
from engines.benchmarks.streams.match import SceneResult, match
from engines.benchmarks.streams.rates import Estimate
from engines.benchmarks.streams.summary import summary_of
from engines.benchmarks.streams.trace import Trace, decided, evidence

ENTERS = (*(k / 20 for k in range(1, 20)), 0.98)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """One setting of one class of alarm, everything else as it was."""

    alarm_class: AlarmClass
    enter: float
    exit: float
    decisions: int
    detected: int
    noticed: int
    masked: int
    events: int
    sensitivity: Estimate | None
    false_alarms: int
    false_per_hour: Estimate
    delay_median_s: float | None


def operating_curve(
    traces: Sequence[Trace],
    scenes: Sequence[SceneTruth],
    kind: AlarmClass,
    settings: DecisionSettings,
    enters: Sequence[float] = ENTERS,
    decisions: int | None = None,
) -> list[OperatingPoint]:
    """Try enter thresholds; exit keeps its ratio to enter.

    decisions: how many in a row must be above enter; None: as in ``settings``
    """
    return [
        operating_point(traces, scenes, kind, with_rule(settings, kind, enter, decisions))
        for enter in enters
    ]


def operating_point(
    traces: Sequence[Trace],
    scenes: Sequence[SceneTruth],
    kind: AlarmClass,
    settings: DecisionSettings,
) -> OperatingPoint:
    """Run the decision stage over all recordings with these settings."""
    pairs = zip(traces, scenes, strict=True)
    results = [
        match(scene, decided(trace, settings), trace.watched_s, evidence(trace, settings))
        for trace, scene in pairs
    ]
    return point_of(kind, settings, results)


def point_of(
    kind: AlarmClass, settings: DecisionSettings, results: Sequence[SceneResult]
) -> OperatingPoint:
    """Sum up what these settings gave."""
    row = summary_of(kind, results, sum(result.watched_s for result in results) / 3600)
    rule = rule_for(kind, settings)
    return OperatingPoint(
        kind, rule.enter, rule.exit, rule.decisions, row.detected, row.noticed, row.masked,
        row.events,
        row.sensitivity, row.false_alarms, row.false_per_hour, row.delay_median_s,
    )  # fmt: skip


def with_rule(
    settings: DecisionSettings, kind: AlarmClass, enter: float, decisions: int | None = None
) -> DecisionSettings:
    """The settings with another threshold for one class."""
    old = rule_for(kind, settings)
    ratio = old.exit / old.enter if old.enter else 1.0
    update = {"enter": enter, "exit": enter * ratio, "decisions": decisions or old.decisions}
    rule = AlarmRule.model_validate({**old.model_dump(), **update})
    return settings.model_copy(update={kind.value: rule})
