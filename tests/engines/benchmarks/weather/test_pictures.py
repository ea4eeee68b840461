from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edge.vocabulary import Modality
from engines.benchmarks.heads import Method
from engines.benchmarks.items import Fold, Items, Prediction, Question
from engines.benchmarks.judge import judge
from engines.benchmarks.runner import Answer, Answered
from engines.benchmarks.weather.conditions import CLEAN, GRADES, at_strength, bad_conditions
from engines.benchmarks.weather.parts import joined, over, under
from engines.benchmarks.weather.pictures import (
    cost_figure,
    curve_figure,
    difference_figure,
    table_figure,
    weights_figure,
    written,
)

pytest.importorskip("matplotlib", reason="needs matplotlib (the extra train)")

METHODS = (
    Method("rgb", "rgb", "single"),
    Method("mean", "mean of experts", "rule", simplex=True),
    Method("gate", "the gate", "gate", simplex=True),
)


def answered(name: str, items: Items) -> Answered:
    """The gate is right and leaves RGB when it is dark; all others guess."""
    rng = np.random.default_rng(0)

    def one(method: Method) -> Prediction:
        said = items.labels if method.name == "gate" else rng.integers(0, 2, len(items))
        dark = np.array([tag.startswith("dark") for tag in items.tags])
        first = np.where(dark & (method.name == "gate"), 0.1, 0.5).astype(np.float32)
        weights = np.stack([first, 1 - first], axis=1) if method.simplex else None
        return Prediction(np.eye(2, dtype=np.float32)[said], weights)

    question = Question(name, name, (Fold(items, items),), measure="accuracy", by_tag=True)
    return Answered(question, {m.name: Answer(m, (one(m),) * 2, 1.0) for m in METHODS})


@pytest.fixture
def items(make_items: Callable[..., Items]) -> Items:
    return make_items(40, 3)


@pytest.fixture
def clean(items: Items) -> Answered:
    return answered("clean", under(items, CLEAN))


@pytest.fixture
def spoiled(items: Items) -> Answered:
    conditions = bad_conditions(("dark", "noisy_sound"))
    return answered("spoiled", joined([under(items, c.name) for c in conditions]))


def test_the_table_names_every_method_and_every_condition(
    clean: Answered, spoiled: Answered
) -> None:
    svg = table_figure("t", "T", [clean, spoiled]).svg
    for text in ("rgb", "mean of experts", "the gate", "clean", "dark 0.9", "noisy sound 0.9"):
        assert f">{text}<" in svg
    assert svg.count(">1.00<") == 3  # the gate, under each


def test_the_caption_says_what_the_gate_gains_on_average(
    clean: Answered, spoiled: Answered
) -> None:
    made = difference_figure("d", "D", [clean, spoiled], "gate")
    assert f"spoiled: {written(over(spoiled, 'gate', 'mean'))}" in made.caption


def test_the_weight_of_what_is_hurt_is_shown_before_and_after(
    clean: Answered, spoiled: Answered
) -> None:
    svg = weights_figure("w", "W", clean, spoiled, "gate").svg
    assert ">dark 0.9 (rgb)<" in svg  # flow is not among the modalities of these items
    assert ">noisy sound 0.9 (audio)<" in svg


def test_a_dead_modality_that_nobody_needs_costs_nothing(clean: Answered, items: Items) -> None:
    absent = answered("absent", under(items.without(Modality.RGB), "no rgb"))
    made = cost_figure("c", "C", clean, absent, "gate")
    assert "+0.000" in made.caption
    assert ">no rgb: the gate<" in made.svg


def test_a_curve_begins_with_the_clip_as_it_is(clean: Answered, items: Items) -> None:
    parts = [under(items, at_strength("dark", grade).name) for grade in GRADES]
    graded = answered("graded", joined(parts))
    assert ">strength<" in curve_figure("dark", "Dark", clean, graded, ["mean", "gate"]).svg


def test_results_hold_the_numbers_of_every_condition(spoiled: Answered) -> None:
    result = judge(spoiled)
    assert set(result.parts) == {"dark-0.9", "noisy_sound-0.9"}
    assert result.parts["dark-0.9"]["gate"] == 1.0
    overall = result.method("mean").mean
    assert np.mean([part["mean"] for part in result.parts.values()]) == pytest.approx(overall)
    silent = replace(spoiled, question=replace(spoiled.question, by_tag=False))
    assert judge(silent).parts == {}
