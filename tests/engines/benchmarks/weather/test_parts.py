from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.vocabulary import Modality
from engines.benchmarks.heads import Method
from engines.benchmarks.items import Fold, Items, Prediction, Question
from engines.benchmarks.judge import table_of as measured
from engines.benchmarks.runner import Answer, Answered
from engines.benchmarks.weather.parts import (
    aligned,
    blind,
    conditions_of,
    joined,
    over,
    under,
    values_of,
    weight_on,
)

GATE, MEAN = Method("gate", "gate", "gate", simplex=True), Method("mean", "mean", "rule")


def scores(items: Items, right: float, seed: int) -> np.ndarray:
    """A share ``right`` of the items is recognised, evenly over groups and classes."""
    rng = np.random.default_rng(seed)
    said = np.where(rng.random(len(items)) < right, items.labels, 1 - items.labels)
    return np.eye(2, dtype=np.float32)[said] * 0.8 + 0.1


def answer(method: Method, items: Items, right: dict[str, float], first: int) -> Answer:
    def one(seed: int) -> Prediction:
        parts = [scores(items, right[tag], 100 * seed + i)[[i]] for i, tag in enumerate(items.tags)]
        weights = np.array(
            [(0.2, 0.8) if tag == "dark" else (0.6, 0.4) for tag in items.tags], np.float32
        )
        return Prediction(np.concatenate(parts), weights if method.simplex else None)

    return Answer(method, tuple(one(first + seed) for seed in range(2)), 1.0)


@pytest.fixture
def answered(make_items: Callable[..., Items]) -> Answered:
    one = make_items(200, 5)
    items = joined([under(one, "dark"), under(one, "late")])
    question = Question("spoiled", "Spoiled", (Fold(one, items),), measure="accuracy")
    return Answered(
        question,
        {
            "gate": answer(GATE, items, {"dark": 0.95, "late": 0.7}, 0),
            "mean": answer(MEAN, items, {"dark": 0.6, "late": 0.7}, 50),
        },
    )


def test_each_condition_has_its_own_numbers(answered: Answered) -> None:
    assert conditions_of(answered) == ["dark", "late"]
    dark = values_of(answered, "gate", "dark")
    assert len(dark) == 2  # seeds
    assert np.mean(dark) == pytest.approx(0.95, abs=0.04)
    assert np.mean(values_of(answered, "gate", "late")) == pytest.approx(0.7, abs=0.07)


def test_the_difference_over_conditions_is_the_mean_of_the_differences(answered: Answered) -> None:
    alone = [over(answered, "gate", "mean", [c]).value for c in ("dark", "late")]
    both = over(answered, "gate", "mean")
    assert both.value == pytest.approx(np.mean(alone))
    assert both.low < both.value < both.high
    assert alone[0] > 0.2 > abs(alone[1])


def test_it_is_the_difference_that_the_table_of_the_question_shows(answered: Answered) -> None:
    told = measured(answered).difference("gate", "mean")
    found = over(answered, "gate", "mean")
    assert found.value == pytest.approx(told.value, abs=1e-6)
    assert (found.low, found.high) == pytest.approx((told.low, told.high), abs=1e-6)


def test_a_paired_interval_is_narrower_than_that_of_unpaired_answers(answered: Answered) -> None:
    same = over(answered, "gate", "gate")
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_the_weight_of_hurt_modalities_is_summed(answered: Answered) -> None:
    assert weight_on(answered, "gate", "dark", [Modality.RGB]) == pytest.approx(0.2)
    assert weight_on(answered, "gate", "late", [Modality.RGB]) == pytest.approx(0.6)
    assert weight_on(answered, "gate", "dark", [Modality.RGB, Modality.AUDIO]) == (
        pytest.approx(1.0)
    )
    assert weight_on(answered, "mean", "dark", [Modality.RGB]) is None


def test_lost_items_stay_in_their_place_with_nothing_in_them(
    make_items: Callable[..., Items],
) -> None:
    whole = under(make_items(12, 1), "clean")
    left = whole.pick([5, 2, 9])
    found = aligned(left, whole)
    assert found.names == whole.names
    assert np.flatnonzero(found.valid.any(axis=(1, 2))).tolist() == [2, 5, 9]
    assert np.array_equal(found.features[5], whole.features[5])
    assert not found.quality[0].any()


def test_windows_of_one_clip_cannot_be_aligned(make_items: Callable[..., Items]) -> None:
    whole = make_items(6, 1)
    with pytest.raises(ValueError, match="aligned"):
        aligned(whole.pick([1, 1]), whole)


def test_items_of_other_axes_cannot_be_joined(make_items: Callable[..., Items]) -> None:
    other = make_items(4, 1, modalities=(Modality.RGB, Modality.DEPTH))
    with pytest.raises(ValueError, match="side by side"):
        joined([make_items(4, 1), other])


def test_without_cues_nothing_else_changes(make_items: Callable[..., Items]) -> None:
    items = make_items(8, 1)
    assert items.quality.any()
    assert not blind(items).quality.any()
    assert np.array_equal(blind(items).features, items.features)
