from __future__ import annotations

import math

import pytest

from edge.decision.smoothing import Smoothing
from edge.values import WINDOW_NS


def test_smoothing_moves_by_elapsed_time() -> None:
    slow = Smoothing(time_constant_s=1.0)
    assert slow.update(0, 0.0) == 0.0
    assert slow.update(1_000_000_000, 1.0) == pytest.approx(1 - math.exp(-1))


def test_smoothing_of_zero_seconds_passes_scores_through() -> None:
    off = Smoothing(time_constant_s=0.0)
    assert [off.update(i * WINDOW_NS // 4, s) for i, s in enumerate((0.2, 0.9, None, 0.1))] == [
        0.2,
        0.9,
        None,
        0.1,
    ]


def test_smoothing_starts_afresh_after_a_gap() -> None:
    slow = Smoothing(time_constant_s=5.0)
    slow.update(0, 1.0)
    assert slow.update(60 * 1_000_000_000, 0.0) == 0.0


@pytest.mark.parametrize(("beyond_ns", "expected"), [(0, math.exp(-1)), (1, 0.0)])
def test_evidence_is_remembered_for_the_feature_window_and_no_longer(
    beyond_ns: int, expected: float
) -> None:
    slow = Smoothing(time_constant_s=WINDOW_NS / 1e9)
    slow.update(0, 1.0)
    assert slow.update(WINDOW_NS + beyond_ns, 0.0) == pytest.approx(expected)


def test_a_missing_decision_does_not_move_the_average() -> None:
    with_gap, without = Smoothing(time_constant_s=1.0), Smoothing(time_constant_s=1.0)
    for smoothing in (with_gap, without):
        smoothing.update(0, 1.0)
    assert with_gap.update(WINDOW_NS // 4, None) is None
    assert with_gap.update(WINDOW_NS // 2, 0.0) == without.update(WINDOW_NS // 2, 0.0)


def test_a_score_of_the_same_moment_changes_nothing() -> None:
    slow = Smoothing(time_constant_s=1.0)
    slow.update(0, 0.25)
    assert slow.update(0, 1.0) == 0.25
