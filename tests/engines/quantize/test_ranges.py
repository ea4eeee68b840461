"""Where each rule clips."""

from __future__ import annotations

import numpy as np
import pytest

from engines.quantize.histogram import EMPTY
from engines.quantize.ranges import METHODS, entropy, min_max, percentile, ranges_of


def test_min_max_clips_nothing() -> None:
    assert min_max(EMPTY.add(np.array([0.1, -7.25], np.float32))) == 7.25


def test_percentile_clips_one_value_in_a_million_but_not_one_in_a_thousand() -> None:
    many = EMPTY.add(np.linspace(0, 1, 1_000_000, dtype=np.float32))
    few = EMPTY.add(np.linspace(0, 1, 1_000, dtype=np.float32))
    outlier = np.array([100], np.float32)
    assert percentile(many.add(outlier)) == pytest.approx(1, abs=128 / 2048)
    assert percentile(few.add(outlier)) == 100


def test_entropy_clips_a_long_thin_tail() -> None:
    rng = np.random.default_rng(0)
    tail = np.concatenate([rng.normal(0, 1, 100_000), [40.0]]).astype(np.float32)
    assert 3 < entropy(EMPTY.add(tail)) < 10


def test_entropy_keeps_values_that_are_all_alike_common() -> None:
    even = np.linspace(0, 3, 100_000, dtype=np.float32)
    assert entropy(EMPTY.add(even)) == pytest.approx(3, rel=0.02)


def test_zeros_behind_a_relu_do_not_narrow_the_range() -> None:
    rng = np.random.default_rng(0)
    values = np.abs(rng.normal(0, 1, 20_000)).astype(np.float32)
    sparse = EMPTY.add(values).add(np.zeros(2_000_000, np.float32))
    assert entropy(sparse) == entropy(EMPTY.add(values))


@pytest.mark.parametrize("method", METHODS)
def test_a_tensor_that_is_always_zero_has_no_range(method: str) -> None:
    assert ranges_of({"x": EMPTY.add(np.zeros(9, np.float32))}, method) == {"x": 0.0}
    assert ranges_of({"x": EMPTY}, method) == {"x": 0.0}


@pytest.mark.parametrize("method", METHODS)
def test_no_rule_goes_beyond_what_was_seen(method: str) -> None:
    seen = EMPTY.add(np.random.default_rng(3).laplace(0, 2, 5_000).astype(np.float32))
    assert 0 < METHODS[method](seen) <= seen.largest
