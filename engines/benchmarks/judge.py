"""From answers to the numbers of a table: seeds, intervals, paired differences, gate weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import mean, stdev

import numpy as np

from edge.values import F32, Mask
from engines.benchmarks.heads import MEAN, Kind
from engines.benchmarks.items import Question
from engines.benchmarks.measures import (
    Judged,
    can_resample,
    draws_of,
    interval,
    measure,
    positive_index,
    resampled,
)
from engines.benchmarks.results import (
    Difference,
    GateWeights,
    MethodResult,
    Numbers,
    QuestionResult,
)
from engines.benchmarks.runner import Answer, Answered
from engines.training.metrics import F64, confusion

FEW_GROUPS = 10


@dataclass(frozen=True, slots=True)
class Table:
    """Everything of one question that differences need."""

    asked: Judged
    measure: str  # the headline
    rows: Mapping[str, MethodResult]
    drawn: Mapping[str, F64] | None  # headline of every draw, mean over seeds; None: no intervals

    def difference(self, name: str, other: str) -> Difference:
        """Paired: both on the same resampled groups."""
        value = self.rows[name].mean - self.rows[other].mean
        low = high = None
        if self.drawn is not None:
            low, high = interval(self.drawn[name] - self.drawn[other])
        return Difference(other=other, value=value, low=low, high=high)

    def best(self, *kinds: Kind) -> str | None:
        """The row with the highest mean over seeds, on the test groups themselves."""
        rows = [row for row in self.rows.values() if row.kind in kinds]
        return max(rows, key=lambda row: row.mean).name if rows else None

    def compared(self) -> tuple[MethodResult, ...]:
        """All rows; what fuses is set against the best single modality and against the mean."""
        rival = self.best("single")
        rows = []
        for row in self.rows.values():
            if row.kind in ("rule", "gate") and rival is not None:
                over_mean = MEAN in self.rows and row.name != MEAN
                row = row.model_copy(
                    update={
                        "over_single": self.difference(row.name, rival),
                        "over_mean": self.difference(row.name, MEAN) if over_mean else None,
                    }
                )
            rows.append(row)
        return tuple(rows)


def asked_of(answered: Answered) -> Judged:
    """What was asked, folds one after another."""
    question, tests = answered.question, answered.tests
    classes = tests[0].classes
    return Judged(
        np.concatenate([t.labels for t in tests]),
        classes,
        tuple(group for t in tests for group in t.groups),
        positive_index(classes, question.positive),
    )


def table_of(answered: Answered) -> Table:
    """Measure every answer."""
    asked, name = asked_of(answered), answered.question.measure
    draws = draws_of(asked) if can_resample(asked) else None
    rows, drawn = {}, {}
    for key, answer in answered.answers.items():
        bounds: tuple[float | None, float | None] = (None, None)
        if draws is not None:
            seeds = [resampled(asked, p.scores, name, draws) for p in answer.seeds]
            drawn[key] = np.asarray(np.mean(seeds, axis=0), np.float64)
            bounds = interval(drawn[key])
        rows[key] = method_row(asked, answer, name, bounds)
    return Table(asked, name, rows, drawn if draws is not None else None)


def method_row(
    asked: Judged,
    answer: Answer,
    measure_name: str,
    bounds: tuple[float | None, float | None],
) -> MethodResult:
    """One row of the table, without differences."""
    seeds = tuple(Numbers(**asdict(measure(asked, p.scores))) for p in answer.seeds)
    values = [number(numbers, measure_name) for numbers in seeds]
    return MethodResult(
        name=answer.method.name,
        title=answer.method.title,
        kind=answer.method.kind,
        simplex=answer.method.simplex,
        seeds=seeds,
        averaged=Numbers(**asdict(measure(asked, answer.averaged().scores))),
        mean=mean(values),
        sd=stdev(values) if len(values) > 1 else 0.0,
        low=bounds[0],
        high=bounds[1],
        answered=answer.answered,
    )


def number(numbers: Numbers, measure_name: str) -> float:
    """A headline measure; an area that cannot be computed counts as chance."""
    value: float | None = getattr(numbers, measure_name)
    return 0.5 if value is None else value


def judge(answered: Answered) -> QuestionResult:
    """All numbers of one question."""
    question, table = answered.question, table_of(answered)
    single, gate = table.best("single"), table.best("gate")
    shown = answered.answers[gate or single or next(iter(answered.answers))]
    said = shown.averaged().scores.argmax(axis=1)
    names, first = table.asked.classes, question.folds[0].train
    counts = confusion(
        [names[i] for i in table.asked.labels.tolist()], [names[i] for i in said.tolist()]
    )
    return QuestionResult(
        name=question.name,
        title=question.title,
        measure=question.measure,
        positive=question.positive,
        classes=names,
        modalities=tuple(m.value for m in first.modalities),
        notes=(*question.notes, *warnings_of(question, table)),
        folds=len(question.folds),
        train_items=len(first),
        train_groups=len(set(first.groups)),
        test_items=len(table.asked.labels),
        test_groups=len(set(table.asked.groups)),
        methods=table.compared(),
        best_single=single or "",
        best_gate=gate,
        confusion={name: counts[name] for name in names if name in counts},
        weights=tuple(weights_of(answered, table.asked)),
        parts=parts_of(answered) if question.by_tag else {},
    )


def parts_of(answered: Answered) -> dict[str, dict[str, float]]:
    """The headline by tag of the test items, then by method; mean over seeds."""
    asked, name = asked_of(answered), answered.question.measure
    tags = [tag for items in answered.tests for tag in items.tags]
    parts: dict[str, dict[str, float]] = {}
    for tag in dict.fromkeys(tags):
        rows = np.array([own == tag for own in tags], np.bool_)
        part = part_of(asked, rows)
        parts[tag] = {
            key: mean(
                number(Numbers(**asdict(measure(part, seed.scores[rows]))), name)
                for seed in answer.seeds
            )
            for key, answer in answered.answers.items()
        }
    return parts


def part_of(asked: Judged, rows: Mask) -> Judged:
    """Some of what was asked.  rows: (N,)"""
    groups = tuple(group for group, own in zip(asked.groups, rows, strict=True) if own)
    return replace(asked, labels=asked.labels[rows], groups=groups)


def warnings_of(question: Question, table: Table) -> list[str]:
    """What a reader must know of the intervals and of the comparison."""
    lines = []
    groups = len(set(table.asked.groups))
    if table.drawn is None:
        lines.append("no intervals: some class comes from one test group alone")
    elif groups < FEW_GROUPS:
        lines.append(
            f"{groups} test groups: intervals over so few are too narrow, take them as rough"
        )
    for name, row in table.rows.items():
        if row.kind == "single" and row.answered < 1:
            lines.append(
                f"{name} is there in {row.answered:.0%} of the test items; alone it answers the "
                "others with the training side's class frequencies"
            )
    if len(question.folds) > 1:
        lines.append(f"{len(question.folds)}-fold cross-validation over groups, backbones frozen")
    return lines


def weights_of(answered: Answered, asked: Judged) -> list[GateWeights]:
    """Mean weights of gates and rules that have them."""
    names = [m.value for m in answered.tests[0].modalities]
    rows = []
    for key, answer in answered.answers.items():
        weights = answer.averaged().weights
        if weights is None or answer.method.kind not in ("gate", "rule"):
            continue
        by_class = {
            name: _named(weights[asked.labels == i], names)
            for i, name in enumerate(asked.classes)
            if (asked.labels == i).any()
        }
        rows.append(GateWeights(method=key, by_class=by_class, overall=_named(weights, names)))
    return rows


def _named(weights: F32, names: Sequence[str]) -> dict[str, float]:
    """weights: (N, M)   returns: mean by modality"""
    means = weights.mean(axis=0, dtype=np.float64)
    return {name: float(value) for name, value in zip(names, means, strict=True)}
