"""What each suite was to reach, as data, and whether a result reaches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from engines.benchmarks.results import AimResult, MethodResult, QuestionResult, SuiteResult

Other = Literal["single", "mean"]


class Aim(Protocol):
    """One line of the list of aims."""

    @property
    def text(self) -> str:
        """What was to be reached."""

    def judged(self, suite: SuiteResult) -> AimResult | None:
        """None when the suite's result does not hold what it takes."""


@dataclass(frozen=True, slots=True)
class Level:
    """A measure of the best gate (with one modality: of the best single)."""

    text: str
    questions: tuple[str, ...]  # the best of them counts
    target: float
    measure: str = ""  # "": the headline, which has an interval
    at_most: bool = False

    def judged(self, suite: SuiteResult) -> AimResult | None:
        """See Aim."""
        found = [(q, row) for q in asked(suite, self.questions) if (row := leader(q)) is not None]
        values = [(number(row, self.measure), q, row) for q, row in found]
        known = [(value, q, row) for value, q, row in values if value is not None]
        if not known:
            return None
        value, q, row = (min if self.at_most else max)(known, key=lambda one: one[0])
        bounds = (None, None) if self.measure else (row.low, row.high)
        who = f"{row.title}, {q.title}" if len(self.questions) > 1 else row.title
        return verdict(self.text, q.name, who, value, bounds, self.target, self.at_most)


@dataclass(frozen=True, slots=True)
class Lead:
    """The best gate minus another method, paired."""

    text: str
    question: str
    other: Other
    target: float
    surely: bool = False  # the whole interval must be above 0

    def judged(self, suite: SuiteResult) -> AimResult | None:
        """See Aim."""
        for q in asked(suite, (self.question,)):
            row = q.method(q.best_gate) if q.best_gate else None
            lead = None if row is None else row.over_single
            if row is not None and self.other == "mean":
                lead = row.over_mean
            if row is not None and lead is not None:
                bounds = (lead.low, lead.high)
                made = verdict(self.text, q.name, f"{row.title} - {lead.other}", lead.value,
                               bounds, self.target)  # fmt: skip
                doubtful = self.surely and not (lead.low is not None and lead.low > 0)
                return made.model_copy(update={"reached": made.reached and not doubtful})
        return None


@dataclass(frozen=True, slots=True)
class WorstPart:
    """The most that the best gate of ``part_of`` loses in any part of it, against ``whole``."""

    text: str
    whole: str
    part_of: str
    target: float

    def judged(self, suite: SuiteResult) -> AimResult | None:
        """See Aim."""
        found = {q.name: q for q in asked(suite, (self.whole, self.part_of))}
        if len(found) < 2 or not found[self.part_of].best_gate:
            return None
        gate = str(found[self.part_of].best_gate)
        before = found[self.whole].method(gate)
        parts = {tag: by[gate] for tag, by in found[self.part_of].parts.items() if gate in by}
        if not parts:
            return None
        worst = min(parts, key=lambda tag: parts[tag])
        lost = before.mean - parts[worst]
        who = f"{before.title}, {worst}"
        return verdict(self.text, self.part_of, who, lost, (None, None), self.target, at_most=True)


def asked(suite: SuiteResult, names: Sequence[str]) -> list[QuestionResult]:
    """Questions of these names that are there."""
    return [q for q in suite.questions if q.name in names]


def leader(question: QuestionResult) -> MethodResult | None:
    """The best gate, or what there is of single modalities."""
    name = question.best_gate or question.best_single
    return question.method(name) if name else None


def number(row: MethodResult, measure: str) -> float | None:
    """A measure, mean over seeds; "" is the headline."""
    if not measure:
        return row.mean
    known = [v for numbers in row.seeds if (v := getattr(numbers, measure)) is not None]
    return sum(known) / len(known) if known else None


def verdict(
    text: str,
    question: str,
    who: str,
    value: float,
    bounds: tuple[float | None, float | None],
    target: float,
    at_most: bool = False,
) -> AimResult:
    """Reached when the value itself reaches the target; surely, when its whole interval does."""
    low, high = bounds
    bound = high if at_most else low
    reached = value <= target if at_most else value >= target
    surely = bound is not None and (bound <= target if at_most else bound >= target)
    return AimResult(
        text=text, question=question, who=who, value=value, low=low, high=high, target=target,
        at_most=at_most, reached=reached, surely=reached and surely,
    )  # fmt: skip


AIMS: Mapping[str, tuple[Aim, ...]] = {
    "violence": (
        Level("accuracy on film of at least .85", ("as_recorded",), 0.85),
        Lead("a gate is better than the best single modality", "as_recorded", "single", 0.0, True),
    ),
    "falls": (
        Level("recall of falls beside windows before a fall at least .95",
              ("false_falls_pre_fall",), 0.95, "recall"),
        Level("false falls before a fall at most .05",
              ("false_falls_pre_fall",), 0.05, "false_rate", at_most=True),
        Level("recall of falls beside lying down on purpose at least .95",
              ("false_falls_lie_down",), 0.95, "recall"),
        Level("false falls on lying down on purpose at most .05",
              ("false_falls_lie_down",), 0.05, "false_rate", at_most=True),
    ),
    "depth_actions": (Level("27 actions in depth, at least .90", ("utd_mhad",), 0.90),),
    "sound": (
        Level("esc50, 25 classes, at least .95", ("esc50", "esc50_tuned"), 0.95),
        Level("noise_of_life on honest groups at least .95",
              ("noise_of_life", "noise_of_life_tuned"), 0.95),
    ),
    "rooms": (
        Level("15 actions of strangers at least .85", ("clip",), 0.85),
        Level("the same, of the model as it ships", ("shipped",), 0.85),
        Lead("the gate .10 above the best single modality", "clip", "single", 0.10),
        Lead("the gate not below the mean", "clip", "mean", 0.0),
        Lead("the same lead on classes that two modalities can see", "two_senses", "single", 0.10),
    ),
    "robustness": (
        WorstPart("any one modality dead costs at most .05", "rooms_clean", "rooms_absent", 0.05),
        Lead("over all troubles .05 above the mean, interval above 0", "rooms_spoiled", "mean",
             0.05, True),
        WorstPart("one dead, the model as it ships", "rooms_shipped_clean",
                  "rooms_shipped_absent", 0.05),
        Lead("over all troubles, the model as it ships", "rooms_shipped", "mean", 0.05, True),
    ),
}  # fmt: skip
"""Suites without an entry had no number to reach: what they find is only reported."""


def with_aims(suite: SuiteResult) -> SuiteResult:
    """The same with its aims judged; what its result cannot answer is left out."""
    aims = AIMS.get(suite.name, ())
    judged = [found for aim in aims if (found := aim.judged(suite)) is not None]
    return suite.model_copy(update={"aims": tuple(judged)})
