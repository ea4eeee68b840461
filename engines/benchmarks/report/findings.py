"""What the numbers of a question allow to say, in sentences made of them and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from engines.benchmarks.report.text import decimal, difference, verdict
from engines.benchmarks.results import Difference, MethodResult, QuestionResult, Results

RIGID = 0.1  # a gate whose mean weights differ by less between classes hardly reacts
CEILING = 0.97  # little room above


def headline(question: QuestionResult) -> str:
    """Whether gating wins, in one sentence; empty where nothing is fused."""
    gate = gate_of(question)
    if gate is None or gate.over_single is None:
        return ""
    single = question.method(gate.over_single.other)
    against = f"the best single modality ({single.title} {decimal(single.mean)})"
    return f"{claim(gate, gate.over_single, against)}{and_mean(gate)}"


def claim(gate: MethodResult, over: Difference, against: str) -> str:
    """One comparison, with what its interval allows."""
    words = {
        "better": f"The best gate wins over {against}:",
        "worse": f"Gating loses against {against}:",
        "not to be told apart": f"Gating does not win over {against}:",
        "no interval": f"Whether gating wins over {against} cannot be said, for want of groups:",
    }
    told = f"{words[verdict(over)]} “{gate.title}” {decimal(gate.mean)}, {difference(over)}"
    return told + ("." if over.low is None or verdict(over) != "not to be told apart"
                   else ", an interval that holds 0.")  # fmt: skip


def and_mean(gate: MethodResult) -> str:
    """The same against the plain mean of the experts."""
    over = gate.over_mean
    if over is None:
        return ""
    words = {
        "better": "It is also above the plain mean of experts",
        "worse": "It is below the plain mean of experts",
        "not to be told apart": "It cannot be told apart from the plain mean of experts",
        "no interval": "Against the plain mean of experts it stands at",
    }
    return f" {words[verdict(over)]} ({difference(over)})."


def gate_of(question: QuestionResult) -> MethodResult | None:
    """The best gate."""
    return question.method(question.best_gate) if question.best_gate else None


def wins(question: QuestionResult) -> bool | None:
    """Whether the best gate is surely above best single and mean; None: nothing is fused."""
    gate = gate_of(question)
    if gate is None or gate.over_single is None:
        return None
    overs = [over for over in (gate.over_single, gate.over_mean) if over is not None]
    return all(verdict(over) == "better" for over in overs)


def reasons(question: QuestionResult) -> list[str]:
    """Facts of the result that bear on why gating does not win; none where it does."""
    gate = gate_of(question)
    if gate is None or wins(question) is not False:
        return []
    found = [
        resolution(question, gate),
        weak_singles(question),
        near_ceiling(question),
        rigid_weights(question, gate),
        other_gates(question),
        trivial(question, gate),
    ]
    return [line for line in found if line]


def resolution(question: QuestionResult, gate: MethodResult) -> str:
    """How small a difference could have been seen."""
    over = gate.over_mean if gate.over_mean is not None else gate.over_single
    if over is None or over.low is None or over.high is None:
        return ""
    half = (over.high - over.low) / 2
    return (
        f"{question.test_groups} test groups resolve differences of about {decimal(half)} to "
        f"“{over.other}”; the one found is {decimal(over.value, True)}."
    )


def weak_singles(question: QuestionResult) -> str:
    """Modalities that know no more than a trivial baseline."""
    baseline = best_of(question, "baseline")
    if baseline is None:
        return ""
    weak = [row for row in question.of_kind("single") if row.mean <= baseline.mean]
    if not weak:
        return ""
    named = ", ".join(f"{row.title} {decimal(row.mean)}" for row in weak)
    return (
        f"Alone not above the trivial baseline “{baseline.title}” ({decimal(baseline.mean)}): "
        f"{named}."
    )


def near_ceiling(question: QuestionResult) -> str:
    """Little is left to win."""
    single = best_of(question, "single")
    if single is None or single.mean < CEILING:
        return ""
    return f"{single.title} alone reaches {decimal(single.mean)}: little is left to win."


def rigid_weights(question: QuestionResult, gate: MethodResult) -> str:
    """Whether the gate reacts to what it sees, as far as mean weights by class tell."""
    for weights in question.weights:
        if weights.method != gate.name or not weights.by_class:
            continue
        spans = {
            name: max(own[name] for own in weights.by_class.values())
            - min(own[name] for own in weights.by_class.values())
            for name in weights.overall
        }
        mean = ", ".join(f"{name} {decimal(value)}" for name, value in weights.overall.items())
        told = f"Its mean weights are {mean}; between true classes they differ by at most "
        told += decimal(max(spans.values()))
        return told + (": nearly fixed weights." if max(spans.values()) < RIGID else ".")
    return ""


def other_gates(question: QuestionResult) -> str:
    """How the other gates fare against the mean."""
    overs = [row.over_mean for row in question.of_kind("gate") if row.over_mean is not None]
    if len(overs) < 2:
        return ""
    above = sum(over.value > 0 for over in overs)
    sure = sum(verdict(over) == "better" for over in overs)
    return f"{above} of {len(overs)} gates stand above the mean of experts, {sure} of them surely."


def trivial(question: QuestionResult, gate: MethodResult) -> str:
    """A baseline that needs no pictures at all does as well."""
    baseline = best_of(question, "baseline")
    if baseline is None or baseline.mean < gate.mean:
        return ""
    return (
        f"The trivial baseline “{baseline.title}” reaches {decimal(baseline.mean)}: what is asked "
        "can be answered without seeing what happens."
    )


def best_of(question: QuestionResult, kind: str) -> MethodResult | None:
    """The row of a kind with the highest mean."""
    rows = [row for row in question.methods if row.kind == kind]
    return max(rows, key=lambda row: row.mean, default=None)


def counted(results: Results) -> str:
    """How often gating wins over everything; empty where nothing was fused."""
    asked = [q for suite in results.suites for q in suite.questions]
    found: Sequence[bool] = [won for q in asked if (won := wins(q)) is not None]
    if not found:
        return ""
    gates = [gate for q in asked if (gate := gate_of(q)) is not None]
    single = sum(verdict(gate.over_single) == "better" for gate in gates)
    mean = sum(verdict(gate.over_mean) == "better" for gate in gates)
    return (
        f"Of {len(found)} questions with several modalities, the best gate is surely above the "
        f"best single modality in {single}, above the plain mean in {mean}, above both in "
        f"{sum(found)}."
    )
