"""How close is close: cosines, noise, and what one number hides."""

from __future__ import annotations

import numpy as np
import pytest

from engines.quantize.fidelity import (
    PERFECT_DB,
    Comparison,
    LayerError,
    Noise,
    cosines,
    most_sensitive,
)


def test_two_rows_of_zeros_agree_and_one_alone_does_not() -> None:
    exact = np.array([[0, 0], [0, 0], [3, 4]], np.float32)
    found = np.array([[0, 0], [1, 0], [6, 8]], np.float32)
    np.testing.assert_allclose(cosines(exact, found), [1, 0, 1])


def test_noise_is_told_in_decibels() -> None:
    noise = Noise()
    noise.add(np.array([10.0, 0], np.float32), np.array([9.0, 0], np.float32))
    assert noise.sqnr_db == pytest.approx(20)
    assert Noise().sqnr_db == PERFECT_DB
    silent = Noise()
    silent.add(np.zeros(2, np.float32), np.ones(2, np.float32))
    assert silent.sqnr_db == 0


def test_a_rare_failure_shows_beside_a_fine_mean() -> None:
    told = Comparison()
    same = np.tile(np.array([[1, 0]], np.float32), (98, 1))
    told.add(same, same)
    told.add(same[:2], same[:2, ::-1])
    result = told.result()
    assert result.items == 100
    assert result.cosine == pytest.approx(0.98)
    assert result.cosine_rare == pytest.approx(0, abs=0.02)


def test_nothing_compared_is_no_result() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Comparison().result()


def test_the_layer_that_disturbs_the_features_most_comes_first() -> None:
    errors = [LayerError("/a", 10, 40), LayerError("/b", 30, 20)]
    assert most_sensitive(errors) == ["/b", "/a"]
