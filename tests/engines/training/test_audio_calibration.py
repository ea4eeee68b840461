from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.training.audio_calibration import FALSE_RATE, Line, calibration, platt_slope

COUNT = 4_000
TAIL_FALSE, TAIL_MISSED = 2.576, 1.645  # of a normal distribution, at 0.5 % and 5 %


def one_sound(positive_mean: float, recorded_positives: bool) -> tuple[Line, NDArray[np.float64]]:
    """Negatives around -6, all recorded; positives around ``positive_mean``."""
    rng = np.random.default_rng(0)
    negatives, positives = rng.normal(-6, 1, COUNT), rng.normal(positive_mean, 1, COUNT)
    logits = np.concatenate([negatives, positives])[:, None].astype(np.float32)
    targets = np.repeat([0.0, 1.0], COUNT)[:, None].astype(np.float32)
    recorded = np.repeat([True, recorded_positives], COUNT)
    return calibration(logits, targets, recorded, ["a"] * (2 * COUNT))[0], negatives


def threshold(line: Line) -> float:
    return -line.shift / line.slope


def test_recorded_examples_put_the_threshold_between_both_kinds() -> None:
    line, _ = one_sound(2.0, recorded_positives=True)
    middle = 0.5 * ((-6 + TAIL_FALSE) + (2 - TAIL_MISSED))
    assert threshold(line) == pytest.approx(middle, abs=0.2)


def test_the_slope_says_how_far_both_kinds_are_apart() -> None:
    rng = np.random.default_rng(2)
    positive = np.repeat([False, True], COUNT)
    share = np.ones(2 * COUNT)
    for distance in (0.5, 2.0):  # two normal distributions of spread 1: the true slope
        logits = rng.normal(0, 1, 2 * COUNT) + np.where(positive, distance, 0.0) - 5
        assert platt_slope(logits, positive, share) == pytest.approx(distance, abs=0.1)


def test_synthetic_examples_alone_cannot_make_the_threshold_strict() -> None:
    line, negatives = one_sound(6.0, recorded_positives=False)
    assert (negatives > threshold(line)).mean() == pytest.approx(FALSE_RATE, abs=0.002)


def test_synthetic_examples_may_make_it_less_strict() -> None:
    line, negatives = one_sound(-5.0, recorded_positives=False)
    middle = 0.5 * ((-6 + TAIL_FALSE) + (-5 - TAIL_MISSED))
    assert threshold(line) == pytest.approx(middle, abs=0.2)
    assert (negatives > threshold(line)).mean() > FALSE_RATE


def test_a_sound_of_which_nothing_is_known_stays_as_it_is() -> None:
    logits = np.zeros((50, 1), np.float32)
    targets = np.full((50, 1), np.nan, np.float32)
    assert calibration(logits, targets, np.ones(50, np.bool_), ["a"] * 50) == (Line(),)


def test_a_large_data_set_does_not_outvote_a_small_one() -> None:
    rng = np.random.default_rng(1)
    many, few = rng.normal(0, 1, 5_000), rng.normal(4, 1, 500)
    logits = np.concatenate([many, few])[:, None].astype(np.float32)
    targets = np.zeros((5_500, 1), np.float32)
    names = ["large"] * 5_000 + ["small"] * 500
    line = calibration(logits, targets, np.ones(5_500, np.bool_), names)[0]
    assert (few > threshold(line)).mean() == pytest.approx(2 * FALSE_RATE, abs=0.003)


def test_kinds_that_are_far_apart_give_a_slope_within_bounds() -> None:
    logits = np.repeat([-40.0, 40.0], 50)
    assert 0.2 <= platt_slope(logits, np.repeat([False, True], 50), np.ones(100)) <= 3.0
