from __future__ import annotations

import numpy as np
import pytest

from engines.benchmarks.measures import (
    RESAMPLES,
    Judged,
    area,
    calibration_error,
    can_resample,
    confusion_counts,
    draws_of,
    interval,
    macro_f1,
    measure,
    positive_index,
    resampled,
)

NAMES = ("calm", "fight")


def asked(labels: list[int], groups: str, positive: int | None = 1) -> Judged:
    return Judged(np.array(labels, np.int64), NAMES, tuple(groups), positive)


def scores_of(fight: list[float]) -> np.ndarray:
    return np.array([[1 - p, p] for p in fight], np.float32)


def test_the_measures_of_five_items_are_those_computed_by_hand() -> None:
    judged = asked([1, 1, 1, 0, 0], "aabbc")
    found = measure(judged, scores_of([0.9, 0.8, 0.3, 0.6, 0.1]))
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found.recall == pytest.approx(2 / 3)
    assert found.false_rate == pytest.approx(1 / 2)
    assert found.macro_f1 == pytest.approx((2 * 2 / 6 + 2 * 1 / 4) / 2)
    assert found.auc == pytest.approx(5 / 6)  # 0.3 is not above 0.6
    # scores of what was said .9 .8 .7 .6 .9, in bins of .9 .8 .7 .6: the first holds both .9
    assert found.ece == pytest.approx((abs(1.8 - 2) + 0.2 + 0.7 + 0.6) / 5, abs=1e-6)


def test_certain_and_right_is_calibrated_and_certain_and_wrong_is_not() -> None:
    labels = np.array([0, 1, 1])
    right = np.eye(2, dtype=np.float32)[labels]
    assert calibration_error(right, labels) == 0
    assert calibration_error(right[:, ::-1], labels) == 1


def test_a_class_that_does_not_occur_does_not_count() -> None:
    judged = Judged(np.array([0, 0, 1]), ("a", "b", "c"), ("x", "y", "z"))
    found = measure(judged, np.eye(3, dtype=np.float32)[[0, 0, 1]])
    assert found.balanced_accuracy == found.macro_f1 == 1
    assert found.auc is None
    assert found.recall is None


def test_the_area_does_not_change_when_scores_are_squeezed() -> None:
    rng = np.random.default_rng(3)
    judged = asked(list(rng.integers(0, 2, 60)), "a" * 30 + "b" * 30)
    fight = rng.random(60)
    squeezed = area(judged, scores_of(list(fight**3)))
    assert squeezed == pytest.approx(area(judged, scores_of(list(fight))))


def test_classes_in_any_order_give_the_same_f1() -> None:
    rng = np.random.default_rng(4)
    tables = rng.integers(1, 9, (5, 4, 4)).astype(float)
    order = [2, 0, 3, 1]
    assert macro_f1(tables[:, order][:, :, order]) == pytest.approx(macro_f1(tables))


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "macro_f1", "auc"])
def test_drawing_every_group_once_is_the_measure_itself(name: str) -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 90)
    judged = asked(list(labels), "".join(rng.choice(list("abcdef"), 90)))
    scores = scores_of(list(np.clip(labels * 0.3 + rng.random(90) * 0.7, 0, 1)))
    once = np.ones((1, 6))
    assert resampled(judged, scores, name, once)[0] == pytest.approx(
        getattr(measure(judged, scores), name)
    )


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "macro_f1", "auc"])
def test_drawing_a_group_twice_is_having_its_items_twice(name: str) -> None:
    judged = asked([1, 0, 1, 0, 1, 0], "aabbcc")
    fight = [0.9, 0.2, 0.4, 0.7, 0.6, 0.1]
    drawn = resampled(judged, scores_of(fight), name, np.array([[2.0, 1.0, 0.0]]))
    doubled = asked([1, 0, 1, 0, 1, 0], "aaaabb")
    again = measure(doubled, scores_of([0.9, 0.2, 0.9, 0.2, 0.4, 0.7]))
    assert drawn[0] == pytest.approx(getattr(again, name))


def test_items_of_one_group_stand_or_fall_together_so_intervals_are_wide() -> None:
    rng = np.random.default_rng(6)
    labels = list(rng.integers(0, 2, 200))
    fight = [float(label if i // 20 % 2 else 1 - label) for i, label in enumerate(labels)]
    few = asked(labels, "".join("abcdefghij"[i // 20] for i in range(200)))
    many = Judged(few.labels, NAMES, tuple(str(i) for i in range(200)), 1)
    widths = []
    for judged in (few, many):
        low, high = interval(resampled(judged, scores_of(fight), "accuracy", draws_of(judged)))
        assert low <= measure(judged, scores_of(fight)).accuracy <= high
        widths.append(high - low)
    assert widths[0] > 3 * widths[1]


def test_draws_are_the_same_every_time_and_of_as_many_groups_as_there_are() -> None:
    judged = asked([0, 1, 0, 1], "abca")
    draws = draws_of(judged)
    assert draws.shape == (RESAMPLES, 3)
    assert (draws.sum(axis=1) == 3).all()
    assert (draws == draws_of(judged)).all()


def test_a_class_of_one_group_cannot_be_resampled() -> None:
    assert can_resample(asked([0, 0, 1, 1], "abba"))
    assert not can_resample(asked([0, 0, 1, 1], "abcc"))


def test_counts_keep_groups_apart() -> None:
    counts = confusion_counts(asked([0, 1, 1], "bab"), scores_of([0.1, 0.1, 0.9]))
    assert counts.tolist() == [[[0, 0], [1, 0]], [[1, 0], [0, 1]]]


def test_a_positive_class_that_is_not_there_is_an_error() -> None:
    assert positive_index(NAMES, "fight") == 1
    assert positive_index(NAMES, None) is None
    with pytest.raises(ValueError, match="fall"):
        positive_index(NAMES, "fall")
