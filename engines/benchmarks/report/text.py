"""Words and numbers of the report, the same in every form of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engines.benchmarks.aims import AIMS
from engines.benchmarks.heads import Kind
from engines.benchmarks.results import (
    AimResult,
    Difference,
    MethodResult,
    QuestionResult,
    Results,
    SuiteResult,
)

KINDS: Mapping[Kind, str] = {
    "baseline": "trivial baseline",
    "single": "single modality",
    "rule": "fixed rule",
    "gate": "gate",
}
"""In the order of the tables."""

MEASURE_NAMES: Mapping[str, str] = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "auc": "AUC",
}

READING = (
    "Every number is of test groups (persons, source videos, recordings, rooms) from which no head "
    "and no gate learned; what the encoders had learned from is said in the notes.",
    "Numbers are means over seeds of heads, gates and order, ± their standard deviation. 95 %: the "
    "same mean in 2000 draws of whole test groups with replacement.",
    "Differences are paired: of the two means, on the same draws.",
    "The best single modality is the one that is best on the test groups. Nobody could have chosen "
    "it beforehand, so the difference to it is hard on the gates.",
    "The best gate is chosen on the test groups, too, among many, which flatters it; where it "
    "matters, read the whole table.",
    "An aim is reached when the number itself reaches it, and surely reached when all of its "
    "interval does.",
    "A method without an opinion (a modality that is not there) says the class frequencies of the "
    "training side; all methods are judged on the same items.",
)


def decimal(value: float | None, signed: bool = False) -> str:
    """Three digits, without the leading zero; - for what cannot be said."""
    if value is None:
        return "-"
    text = f"{abs(value):.3f}"
    text = text[1:] if text.startswith("0") else text
    minus = value < 0 and float(text) > 0
    return f"{'-' if minus else '+' if signed else ''}{text}"


def between(low: float | None, high: float | None, signed: bool = False) -> str:
    """An interval."""
    if low is None or high is None:
        return "-"
    return f"{decimal(low, signed)} .. {decimal(high, signed)}"


def difference(value: Difference | None) -> str:
    """A paired difference with its interval."""
    if value is None:
        return ""
    return f"{decimal(value.value, True)} [{between(value.low, value.high, True)}]"


def columns(question: QuestionResult) -> list[str]:
    """Headings of a question's table."""
    headline = MEASURE_NAMES[question.measure]
    names = ["method", "kind", headline, "95 %"]
    names += [
        title
        for name, title in MEASURE_NAMES.items()
        if name != question.measure and (name != "auc" or len(question.classes) == 2)
    ]
    if question.positive:
        names += [f"recall of {question.positive}", "false rate"]
    names.append("ECE")
    if any(row.over_single for row in question.methods):
        names += [f"- best single ({question.best_single})", "- mean"]
    return names


def cells(question: QuestionResult, row: MethodResult) -> list[str]:
    """One line of a question's table."""
    spread = f" ± {decimal(row.sd)}" if len(row.seeds) > 1 else ""
    texts = [row.title, KINDS[row.kind], f"{decimal(row.mean)}{spread}", between(row.low, row.high)]
    for name in MEASURE_NAMES:
        if name != question.measure and (name != "auc" or len(question.classes) == 2):
            texts.append(over_seeds(row, name))
    if question.positive:
        texts += [over_seeds(row, "recall"), over_seeds(row, "false_rate")]
    texts.append(over_seeds(row, "ece"))
    if any(other.over_single for other in question.methods):
        texts += [difference(row.over_single), difference(row.over_mean)]
    return texts


def over_seeds(row: MethodResult, name: str) -> str:
    """Mean of a measure."""
    values = [getattr(numbers, name) for numbers in row.seeds]
    known = [value for value in values if value is not None]
    return decimal(sum(known) / len(known)) if known else "-"


def rows_of(question: QuestionResult) -> list[MethodResult]:
    """In the order of the table."""
    return [row for kind in KINDS for row in question.of_kind(kind)]


def size_of(question: QuestionResult) -> str:
    """How much was learned from and judged."""
    return (
        f"{question.train_items} items of {question.train_groups} groups to learn from, "
        f"{question.test_items} items of {question.test_groups} groups judged, "
        f"{len(question.classes)} classes"
    )


def verdict(value: Difference | None) -> str:
    """What an interval allows to say."""
    if value is None:
        return ""
    if value.low is None or value.high is None:
        return "no interval"
    if value.low > 0:
        return "better"
    return "worse" if value.high < 0 else "not to be told apart"


SUMMARY = (
    "suite",
    "question",
    "measure",
    "best baseline",
    "best single",
    "mean",
    "best gate",
    "gate - best single",
    "gate - mean",
    "aim",
)


def summary(suite: SuiteResult, question: QuestionResult) -> list[str]:
    """A question in one line; cells in the order of SUMMARY."""
    baselines = question.of_kind("baseline")
    best = max(baselines, key=lambda row: row.mean, default=None)
    single = question.method(question.best_single) if question.best_single else None
    means = [row for row in question.methods if row.name == "mean"]
    gate = question.method(question.best_gate) if question.best_gate else None
    return [
        suite.name,
        question.title,
        MEASURE_NAMES[question.measure],
        _named(best),
        _named(single),
        _named(means[0] if means else None, named=False),
        _named(gate),
        _judged(gate.over_single if gate else None),
        _judged(gate.over_mean if gate else None),
        "; ".join(state(aim) for aim in suite.aims if aim.question == question.name),
    ]


AIMS_HEAD = ("suite", "aim", "found with", "found", "95 %", "state")


def aim_cells(suite: SuiteResult, aim: AimResult) -> list[str]:
    """An aim in one line; cells in the order of AIMS_HEAD."""
    found = decimal(aim.value, aim.who.find(" - ") >= 0)
    return [suite.name, aim.text, aim.who, found, between(aim.low, aim.high), state(aim)]


def aim_rows(results: Results) -> list[list[str]]:
    """Every aim there is, also of suites that were not run."""
    judged = {suite.name: [aim_cells(suite, aim) for aim in suite.aims] for suite in results.suites}
    rows = [row for own in judged.values() for row in own]
    return rows + open_aims(judged)


def open_aims(judged: Collection[str]) -> list[list[str]]:
    """Aims of the suites that are not among those judged."""
    return [
        [suite, aim.text, "-", "-", "-", "not measured"]
        for suite, aims in AIMS.items()
        for aim in aims
        if suite not in judged
    ]


def state(aim: AimResult) -> str:
    """Reached or by how much it is missed, said plainly."""
    if not aim.reached:
        short = aim.value - aim.target if aim.at_most else aim.target - aim.value
        return f"missed by {decimal(short)}" if short > 0 else "missed: the interval holds 0"
    if aim.surely or aim.low is None:
        return "reached"
    return "reached, not surely"


def _named(row: MethodResult | None, named: bool = True) -> str:
    if row is None:
        return ""
    spread = f" ± {decimal(row.sd)}" if len(row.seeds) > 1 else ""
    return f"{row.title + ' ' if named else ''}{decimal(row.mean)}{spread}"


def _judged(value: Difference | None) -> str:
    return f"{difference(value)}: {verdict(value)}" if value else ""


def origin(suite: SuiteResult) -> str:
    """Whose encoders or whose scores a chapter is about."""
    learned = ", ".join(suite.trained_on) or "nothing recorded"
    whole = f", all files {suite.files}" if suite.files else ""
    trained = f"; {suite.seeds} seeds" if suite.questions else "; nothing is trained here"
    return (
        f"Model {suite.model} (encoders {suite.encoders}{whole}), which had learned from "
        f"{learned}{trained}."
    )
