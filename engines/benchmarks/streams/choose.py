"""Chooses alarm thresholds on scenes of the training side, from kept scores alone.

A missed event weighs more than any single false alarm, but not more than all of them: nobody
answers alarms that are never true. ``Aim`` says how much. Encoders know the persons of these
scenes, so scores of strangers will be lower: among rules that are as good, the lowest threshold is
taken, and a false alarm now and then does not count against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from edge.decision.rules import RAISED, rule_for
from edge.errors import UsageError
from edge.settings import AlarmRule, DecisionSettings
from edge.vocabulary import AlarmClass
from engines.benchmarks.streams.events import SceneTruth
from engines.benchmarks.streams.match import SceneResult, match
from engines.benchmarks.streams.summary import ClassSummary, Summary, summarise
from engines.benchmarks.streams.sweep import OperatingPoint, point_of
from engines.benchmarks.streams.trace import Trace, raised

Scenes = Sequence[tuple[Trace, SceneTruth]]

ENTERS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97)
EXIT_SHARE = 0.5
"""Exit as a share of enter."""

_TOGETHER = (AlarmClass.FALL, AlarmClass.ON_FLOOR)

DECISIONS: Mapping[AlarmClass, tuple[int, ...]] = {
    AlarmClass.FALL: (1, 2),
    AlarmClass.ON_FLOOR: (2, 4, 6, 8),
    AlarmClass.VIOLENCE: (1, 2),
    AlarmClass.DISTRESS_CALL: (1, 2),
    AlarmClass.GLASS_BREAK: (1, 2),
}
"""Falls and violence are confirmed after at most two: half a second more costs nothing, but the
contract is that. In the order of choosing: an open fall alarm covers who lies on the floor."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What makes one rule better than another."""

    floor: float = 0.8  # a rule must find this share of what the most sensitive one finds
    price_per_hour: float = 50.0  # to miss nothing more is worth this many false alarms an hour
    budget_per_hour: float = 2.0  # so many of a class are free, in scenes made to provoke them


@dataclass(frozen=True, slots=True)
class Choice:
    """One class: what was taken, and of what."""

    alarm_class: AlarmClass
    taken: OperatingPoint | None  # None: no event to choose by, the rule stays
    tried: tuple[OperatingPoint, ...]

    def front(self) -> list[OperatingPoint]:
        """Rules that no other beats in both, most sensitive first."""
        ranked = sorted(self.tried, key=lambda p: (-found(p), p.false_alarms, p.enter))
        front: list[OperatingPoint] = []
        for point in ranked:
            if not front or point.false_alarms < front[-1].false_alarms:
                front.append(point)
        return front


@dataclass(frozen=True, slots=True)
class Chosen:
    """All classes."""

    settings: DecisionSettings
    choices: tuple[Choice, ...]
    before: Summary  # with the settings that were there
    after: Summary  # with the chosen ones, on the scenes they were chosen on
    strangers: Summary | None  # each half of the persons judged by the other's choice
    persons: int


def choose(
    scenes: Scenes,
    settings: DecisionSettings,
    aim: Aim,
    progress: Callable[[str, int, int], None],
) -> Chosen:
    """Choose for each class in turn.

    Raises: UsageError when a scene is of the test side, or there is none.
    """
    wrong = [truth.name for _, truth in scenes if truth.split != "train"]
    if wrong or not scenes:
        named = f"{wrong[0]} is not" if wrong else "there is none"
        raise UsageError(f"thresholds are chosen on training scenes alone; {named} (--scenes)")
    trials = Trials(scenes)
    better, choices = _chosen_on(trials, range(len(scenes)), settings, aim, progress, "choosing")
    judged = []
    halves = persons_in_halves(scenes)
    for number, (own, other) in enumerate((halves, halves[::-1])):
        if own and other:
            task = f"choosing on half {number + 1}"
            half, _ = _chosen_on(trials, own, settings, aim, progress, task)
            judged.append((other, half))
    everything = range(len(scenes))
    return Chosen(
        settings=better,
        choices=choices,
        before=trials.summary([(everything, settings)]),
        after=trials.summary([(everything, better)]),
        strangers=trials.summary(judged) if judged else None,
        persons=len({truth.person for _, truth in scenes}),
    )


def _chosen_on(
    trials: Trials,
    scenes: Sequence[int],
    settings: DecisionSettings,
    aim: Aim,
    progress: Callable[[str, int, int], None],
    task: str,
) -> tuple[DecisionSettings, tuple[Choice, ...]]:
    choices = []
    for number, kind in enumerate(DECISIONS):
        progress(task, number, len(DECISIONS))
        rules = [settings.model_copy(update={kind.value: rule}) for rule in grid(kind, settings)]
        tried = tuple(trials.point(scenes, kind, rule) for rule in rules)
        taken = best(tried, aim) if tried[0].events else None
        if taken is not None:
            settings = rules[tried.index(taken)]
        choices.append(Choice(kind, taken, tried))
    progress(task, len(DECISIONS), len(DECISIONS))
    return settings, tuple(choices)


class Trials:
    """What rules give on kept scores, each computed once; scenes are numbers."""

    def __init__(self, scenes: Scenes) -> None:
        self._scenes = scenes
        self._fused = [list(trace.fused()) for trace, _ in scenes]
        self._known: dict[tuple[object, ...], SceneResult] = {}

    def point(
        self, scenes: Sequence[int], kind: AlarmClass, settings: DecisionSettings
    ) -> OperatingPoint:
        """One class under one rule; masked events are not counted."""
        kinds = _TOGETHER if kind in _TOGETHER else (kind,)
        return point_of(kind, settings, [self._result(i, kinds, settings) for i in scenes])

    def summary(self, parts: Sequence[tuple[Sequence[int], DecisionSettings]]) -> Summary:
        """All classes; each part of the scenes with its own settings."""
        return summarise(
            [self._result(i, RAISED, settings) for scenes, settings in parts for i in scenes]
        )

    def _result(
        self, scene: int, kinds: Sequence[AlarmClass], settings: DecisionSettings
    ) -> SceneResult:
        key = (scene, *kinds, *(rule_for(kind, settings) for kind in kinds))
        if key not in self._known:
            trace, truth = self._scenes[scene]
            alarms = raised(self._fused[scene], settings, kinds)
            self._known[key] = match(truth, alarms, trace.watched_s)
        return self._known[key]


def grid(kind: AlarmClass, settings: DecisionSettings) -> Iterator[AlarmRule]:
    """All rules to try for one class; pauses stay as they are."""
    old = rule_for(kind, settings)
    for decisions, enter in product(DECISIONS[kind], ENTERS):
        update = {"enter": enter, "exit": round(enter * EXIT_SHARE, 3), "decisions": decisions}
        yield AlarmRule.model_validate({**old.model_dump(), **update})


def best(tried: Sequence[OperatingPoint], aim: Aim) -> OperatingPoint:
    """Take one; ``tried`` is of one class that had events.  Raises: ValueError when empty."""
    most = max(found(point) for point in tried)
    enough = [point for point in tried if found(point) >= aim.floor * most]

    def cost(point: OperatingPoint) -> tuple[float, ...]:
        wrong = max(point.false_per_hour.value, aim.budget_per_hour)
        missed = aim.price_per_hour * (1 - found(point) / point.events)
        return (round(wrong + missed, 6), -found(point), point.enter, point.false_alarms)

    return min(enough, key=cost)


def found(point: OperatingPoint | ClassSummary) -> int:
    """Events somebody was called to: who lies on the floor may have a fall alarm already."""
    return point.noticed if point.alarm_class is AlarmClass.ON_FLOOR else point.detected


def persons_in_halves(scenes: Scenes) -> tuple[list[int], list[int]]:
    """Numbers of scenes in two parts without a common person; events are spread over both."""
    persons = {truth.person for _, truth in scenes}

    def weight(person: str) -> tuple[int, str]:
        return -sum(len(truth.events) for _, truth in scenes if truth.person == person), person

    first = set(sorted(persons, key=weight)[::2])
    sides = [truth.person in first for _, truth in scenes]
    return [i for i, own in enumerate(sides) if own], [i for i, own in enumerate(sides) if not own]
