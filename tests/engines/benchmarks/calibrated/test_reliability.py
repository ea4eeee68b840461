from __future__ import annotations

import numpy as np
import pytest

from engines.benchmarks.calibrated.reliability import (
    claims,
    reliability,
    top_claims,
)
from engines.benchmarks.measures import calibration_error


def groups_of(count: int, size: int = 20) -> tuple[str, ...]:
    return tuple(f"g{i // size}" for i in range(count))


def test_scores_that_come_true_as_often_as_they_say_have_a_small_error() -> None:
    rng = np.random.default_rng(0)
    said = rng.random(20_000)
    honest = reliability(claims(said, rng.random(20_000) < said, groups_of(20_000)))
    sure = reliability(claims(np.round(said), rng.random(20_000) < said, groups_of(20_000)))
    assert honest is not None
    assert sure is not None
    assert honest.ece < 0.02
    assert sure.ece > 0.2
    assert honest.brier < sure.brier
    assert honest.nll < sure.nll
    assert len(honest.bins) == 10
    assert len(sure.bins) == 2


def test_the_error_is_the_mean_gap_weighted_by_claims() -> None:
    said = np.array([0.9, 0.9, 0.9, 0.9, 0.2])
    true = np.array([True, True, True, False, True])
    found = reliability(claims(said, true, ("a", "a", "b", "b", "b")))
    assert found is not None
    assert found.ece == pytest.approx((4 * abs(0.9 - 0.75) + 1 * abs(0.2 - 1.0)) / 5)
    assert found.brier == pytest.approx(np.mean((said - true) ** 2))
    assert found.came == pytest.approx(0.8)
    assert [(b.items, b.came) for b in found.bins] == [(1, 1.0), (4, 0.75)]


def test_of_many_classes_the_named_one_is_the_claim() -> None:
    rng = np.random.default_rng(1)
    scores = rng.dirichlet(np.ones(4), 300).astype(np.float32)
    labels = rng.integers(0, 4, 300)
    found = reliability(top_claims(scores, labels, groups_of(300)))
    assert found is not None
    assert found.ece == pytest.approx(calibration_error(scores, labels), abs=1e-6)
    assert found.nll == pytest.approx(-np.log(scores[np.arange(300), labels]).mean(), rel=1e-5)


def test_an_interval_needs_two_groups_and_is_wider_with_few() -> None:
    rng = np.random.default_rng(2)
    said, true = rng.random(2000), rng.random(2000) < 0.5

    def width(size: int) -> float | None:
        found = reliability(claims(said, true, groups_of(2000, size)))
        assert found is not None
        if found.ece_low is None or found.ece_high is None:
            return None
        return found.ece_high - found.ece_low

    clustered = np.repeat(rng.random(10) < 0.5, 200)
    few = reliability(claims(said, clustered, groups_of(2000, 200)))
    many = width(1)
    assert width(2000) is None
    assert many is not None
    assert few is not None
    assert few.ece_low is not None
    assert few.ece_high is not None
    assert few.ece_high - few.ece_low > many


def test_nothing_said_is_nothing_found() -> None:
    assert reliability(claims(np.zeros(0), np.zeros(0, np.bool_), ())) is None
