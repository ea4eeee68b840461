from __future__ import annotations

import numpy as np

from engines.training.metrics import area_under_curve, confusion, score


def test_balanced_accuracy_is_the_mean_of_the_recalls() -> None:
    result = score(["a"] * 9 + ["b"], np.array([True] * 9 + [False]), [str(i) for i in range(10)])
    assert result.balanced_accuracy == 0.5
    assert result.recall == {"a": 1.0, "b": 0.0}


def test_a_class_from_one_group_has_no_interval_and_many_groups_give_one_around_the_value() -> None:
    hits = np.tile([True, True, False], 20)
    classes = ["a", "b"] * 30
    alone = score(classes, hits, ["g"] * 60)
    assert alone.low is None
    assert alone.high is None
    b_from_one = score(classes, hits, [str(i) if i % 2 == 0 else "g" for i in range(60)])
    assert b_from_one.low is None
    many = score(classes, hits, [str(i) for i in range(60)])
    assert many.low is not None
    assert many.high is not None
    assert many.low < many.balanced_accuracy < many.high


def test_a_constant_answer_has_an_interval_without_width() -> None:
    hits = np.array([True, False] * 10)
    result = score(["a", "b"] * 10, hits, [str(i // 2) for i in range(20)])
    assert (result.low, result.high) == (0.5, 0.5)


def test_the_area_under_the_curve_counts_ties_as_half() -> None:
    positive = np.array([True, True, False, False])
    assert area_under_curve(np.array([0.9, 0.5, 0.5, 0.1]), positive) == 0.875
    assert area_under_curve(np.array([0.9]), np.array([True])) is None


def test_a_confusion_counts_by_true_class() -> None:
    assert confusion(["a", "a", "b"], ["a", "b", "b"]) == {"a": {"a": 1, "b": 1}, "b": {"b": 1}}
