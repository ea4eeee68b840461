from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from engines.benchmarks.aims import AIMS, Lead, Level, WorstPart, with_aims
from engines.benchmarks.report.findings import counted, headline, reasons, wins
from engines.benchmarks.report.text import aim_cells, state
from engines.benchmarks.results import (
    Difference,
    GateWeights,
    MethodResult,
    Numbers,
    QuestionResult,
    Results,
    SuiteResult,
)
from engines.benchmarks.suites import SUITES

Bounds = tuple[float | None, float | None]


def row(
    name: str,
    kind: str,
    mean: float,
    single: tuple[float, Bounds] | None = None,
    plain: tuple[float, Bounds] | None = None,
    **numbers: float | None,
) -> MethodResult:
    told = {"auc": None, "recall": None, "false_rate": None, "ece": 0.1, **numbers}
    same = dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1"), mean)
    one = Numbers.model_validate({**told, **same})

    def over(other: str, found: tuple[float, Bounds] | None) -> Difference | None:
        if found is None:
            return None
        return Difference(other=other, value=found[0], low=found[1][0], high=found[1][1])

    return MethodResult.model_validate(
        {
            "name": name, "title": name, "kind": kind, "simplex": True, "seeds": (one,),
            "averaged": one, "mean": mean, "sd": 0.0, "low": mean - 0.05, "high": mean + 0.05,
            "answered": 1.0, "over_single": over("rgb", single), "over_mean": over("mean", plain),
        }
    )  # fmt: skip


def question(
    name: str, *rows: MethodResult, parts: Mapping[str, dict[str, float]] | None = None
) -> QuestionResult:
    gates = [one for one in rows if one.kind == "gate"]
    weights = [
        GateWeights(method=g.name, overall={"rgb": 0.6, "audio": 0.4},
                    by_class={"a": {"rgb": 0.62, "audio": 0.38}, "b": {"rgb": 0.58, "audio": 0.42}})
        for g in gates
    ]  # fmt: skip
    return QuestionResult(
        name=name, title=name, measure="accuracy", positive=None, classes=("a", "b"),
        modalities=("rgb", "audio"), notes=(), folds=1, train_items=1, train_groups=1,
        test_items=40, test_groups=12, methods=rows, best_single="rgb",
        best_gate=max(gates, key=lambda g: g.mean).name if gates else None, confusion={},
        weights=tuple(weights), parts=dict(parts or {}),
    )  # fmt: skip


def suite(*questions: QuestionResult, name: str = "made") -> SuiteResult:
    return SuiteResult(
        name=name, title=name, model="m", encoders="e", trained_on=(), seeds=1, questions=questions
    )


BASE = (row("majority", "baseline", 0.5), row("rgb", "single", 0.7), row("mean", "rule", 0.72))


def of_gate(mean: float, over_single: float, over_mean: float) -> QuestionResult:
    """A gate whose differences have intervals of ±.05."""
    single, plain = ((value, (value - 0.05, value + 0.05)) for value in (over_single, over_mean))
    return question("q", *BASE, row("gate", "gate", mean, single, plain))


@pytest.mark.parametrize(
    ("target", "words"), [(0.7, "reached"), (0.79, "reached, not surely"), (0.85, "missed by .050")]
)
def test_a_level_is_reached_surely_or_missed_by_so_much(target: float, words: str) -> None:
    found = Level("at least", ("q",), target).judged(suite(of_gate(0.8, 0.1, 0.08)))
    assert found is not None
    assert state(found) == words
    assert found.who == "gate"


def test_at_most_counts_the_other_way_and_other_measures_have_no_interval() -> None:
    rows = (row("gate", "gate", 0.9, (0.2, (0.1, 0.3)), None, false_rate=0.08),)
    aim = Level("false rate", ("q",), 0.05, "false_rate", at_most=True)
    found = aim.judged(suite(question("q", *BASE, *rows)))
    assert found is not None
    assert not found.reached
    assert found.low is None
    assert state(found) == "missed by .030"


def test_the_best_of_several_questions_counts_and_is_named() -> None:
    both = (question("one", *BASE), question("two", *BASE, row("gate", "gate", 0.9)))
    found = Level("level", ("one", "two"), 0.8).judged(suite(*both))
    assert found is not None
    assert (found.question, found.who) == ("two", "gate, two")


def test_a_lead_may_have_to_be_sure() -> None:
    unsure = suite(of_gate(0.74, 0.04, 0.02))
    plain = Lead("lead", "q", "mean", 0.01).judged(unsure)
    strict = Lead("lead", "q", "mean", 0.01, surely=True).judged(unsure)
    assert plain is not None
    assert strict is not None
    assert plain.reached
    assert not strict.reached
    assert state(strict) == "missed: the interval holds 0"


def test_the_worst_part_counts_for_the_gate_that_is_best_there() -> None:
    clean = question("clean", *BASE, row("gate", "gate", 0.8))
    gone = question(
        "gone", *BASE, row("gate", "gate", 0.7),
        parts={"no_rgb": {"gate": 0.62}, "no_audio": {"gate": 0.79}},
    )  # fmt: skip
    found = WorstPart("dead", "clean", "gone", 0.05).judged(suite(clean, gone))
    assert found is not None
    assert found.value == pytest.approx(0.18)
    assert found.who == "gate, no_rgb"
    assert not found.reached


def test_what_was_not_asked_has_no_verdict() -> None:
    empty = suite(question("other", *BASE))
    aims = (Level("x", ("q",), 0.5), Lead("x", "q", "mean", 0.0), WorstPart("x", "q", "r", 0.0))
    assert [aim.judged(empty) for aim in aims] == [None, None, None]
    assert with_aims(suite(question("q", *BASE), name="violence")).aims == ()


def test_aims_belong_to_suites_that_exist_and_are_written_with_the_result() -> None:
    assert set(AIMS) <= set(SUITES)
    made = question("as_recorded", *BASE, row("gate", "gate", 0.76, (0.06, (0.01, 0.1)), None))
    judged = with_aims(suite(made, name="violence"))
    assert [aim.reached for aim in judged.aims] == [False, True]
    assert aim_cells(judged, judged.aims[1])[3] == "+.060"


def test_every_suite_is_explained_where_results_are() -> None:
    page = Path(__file__).parents[3] / "docs" / "measuring.md"
    if not page.exists():
        pytest.skip("no docs beside these tests")
    text = page.read_text(encoding="utf-8")
    assert [name for name in SUITES if f"| {name} |" not in text] == []


def test_a_gate_that_does_not_win_is_said_not_to_win_with_the_facts() -> None:
    asked = of_gate(0.74, 0.04, 0.02)
    assert wins(asked) is False
    assert headline(asked).startswith(
        "Gating does not win over the best single modality (rgb .700)"
    )
    assert "cannot be told apart from the plain mean" in headline(asked)
    told = " ".join(reasons(asked))
    assert "12 test groups resolve differences of about .050" in told
    assert "nearly fixed weights" in told


def test_a_gate_that_loses_is_said_to_lose() -> None:
    assert headline(of_gate(0.6, -0.1, -0.12)).startswith("Gating loses against")


def test_a_gate_that_wins_needs_no_reasons() -> None:
    asked = of_gate(0.9, 0.2, 0.18)
    assert wins(asked) is True
    assert headline(asked).startswith("The best gate wins over")
    assert reasons(asked) == []


def test_weak_modalities_and_baselines_that_do_as_well_are_named() -> None:
    rows = (row("source", "baseline", 0.8), *BASE[1:], row("gate", "gate", 0.74,
            (0.04, (-0.01, 0.09)), (0.02, (-0.03, 0.07))))  # fmt: skip
    told = " ".join(reasons(question("q", *rows)))
    assert "Alone not above the trivial baseline “source” (.800): rgb .700" in told
    assert "“source” reaches .800" in told


def test_where_nothing_is_fused_nothing_is_claimed() -> None:
    asked = question("q", *BASE[:2])
    assert wins(asked) is None
    assert headline(asked) == ""
    assert reasons(asked) == []
    assert counted(Results(suites=(suite(asked),))) == ""
    both = Results(suites=(suite(of_gate(0.9, 0.2, 0.18), of_gate(0.74, 0.04, 0.02)),))
    assert "Of 2 questions" in counted(both)
    assert counted(both).endswith("in 1, above the plain mean in 1, above both in 1.")
