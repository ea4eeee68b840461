"""The fast path against the specification."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.fusion.cpu import CpuFusion
from edge.fusion.parameters import HEADS, QUALITY_CUES, TAPS, FusionParameters
from edge.fusion.reference import ReferenceFusion
from edge.values import FEATURE_DIM, VIDEO_STEPS, FusedBatch, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS

M, D, Q = len(MODALITIES), FEATURE_DIM, len(QUALITY_CUES)


def parameters(seed: int = 0, hidden: int = 24) -> FusionParameters:
    rng = np.random.default_rng(seed)

    def normal(*shape: int, scale: float = 0.1) -> np.ndarray:
        return (rng.standard_normal(shape) * scale).astype(np.float32)

    return FusionParameters(
        temporal_kernel=normal(M, TAPS, D),
        temporal_bias=normal(M, D),
        temporal_query=normal(M, D, scale=0.3),
        temporal_age=normal(M, HEADS, VIDEO_STEPS, scale=1.0),
        expert_weight=normal(M, len(ACTIONS), D),
        expert_bias=normal(M, len(ACTIONS)),
        gate_hidden_weight=normal(hidden, M * (D + 1 + Q)),
        gate_hidden_bias=normal(hidden),
        gate_weight=normal(M, hidden, scale=0.5),
        gate_bias=normal(M),
        pool_power=np.array([(1.0, 0.5, 0.05)[seed % 3]], np.float32),
        pool_independence=np.array([(seed % 4) / 3], np.float32),
        sound_weight=normal(len(SOUNDS), D),
        sound_bias=normal(len(SOUNDS)),
    )


def window(seed: int, rooms: int, density: float) -> WindowFeatures:
    rng = np.random.default_rng(seed)
    valid = rng.random((rooms, M, VIDEO_STEPS)) < density
    return WindowFeatures(
        features=rng.standard_normal((rooms, M, VIDEO_STEPS, D)).astype(np.float32),
        valid=valid,
        present=valid.any(axis=2) & (rng.random((rooms, M)) < 0.8),
        quality=rng.random((rooms, M, Q)).astype(np.float32),
    )


def check_equal(a: FusedBatch, b: FusedBatch) -> None:
    for name in ("gate", "actions", "experts", "sounds"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=2e-5, err_msg=name)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    rooms=st.integers(1, 5),
    density=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
)
def test_the_fast_path_equals_the_specification(seed: int, rooms: int, density: float) -> None:
    given_window, weights = window(seed, rooms, density), parameters(seed % 7)
    check_equal(CpuFusion(weights).fuse(given_window), ReferenceFusion(weights).fuse(given_window))


@pytest.mark.parametrize("fusion", [CpuFusion(parameters()), ReferenceFusion(parameters())])
class TestGate:
    def test_one_step_of_one_modality_is_enough_and_decides_alone(
        self, fusion: CpuFusion | ReferenceFusion
    ) -> None:
        full = window(6, 1, 1.0)
        valid = np.zeros_like(full.valid)
        valid[0, 2, 7] = True
        result = fusion.fuse(WindowFeatures(full.features, valid, valid.any(axis=2), full.quality))
        assert result.gate.tolist() == [[0, 0, 1, 0]]
        assert result.actions.argmax() == result.experts[0, 2].argmax()
        np.testing.assert_allclose(result.actions.sum(), 1, atol=1e-5)
        assert not result.sounds.any()

    def test_an_expert_that_rules_an_action_out_leaves_finite_scores(
        self, fusion: CpuFusion | ReferenceFusion
    ) -> None:
        loud = window(7, 2, 1.0)
        features = loud.features * np.float32(1000)
        result = fusion.fuse(WindowFeatures(features, loud.valid, loud.present, loud.quality))
        assert np.isfinite(result.actions).all()
        someone = loud.present.any(axis=1).astype(float)
        np.testing.assert_allclose(result.actions.sum(axis=1), someone, atol=1e-5)

    def test_weights_are_a_simplex_over_what_is_present(
        self, fusion: CpuFusion | ReferenceFusion
    ) -> None:
        given_window = window(3, 6, 0.4)
        result = fusion.fuse(given_window)
        someone = given_window.present.any(axis=1)
        np.testing.assert_allclose(result.gate.sum(axis=1), someone.astype(float), atol=1e-6)
        assert (result.gate[~given_window.present] == 0).all()
        np.testing.assert_allclose(result.actions.sum(axis=1), someone.astype(float), atol=1e-5)

    def test_nothing_present_gives_zeros_not_a_guess(
        self, fusion: CpuFusion | ReferenceFusion
    ) -> None:
        result = fusion.fuse(window(4, 2, 0.0))
        assert not result.gate.any()
        assert not result.actions.any()
        assert not result.sounds.any()

    def test_an_absent_modality_cannot_leak_through_its_features(
        self, fusion: CpuFusion | ReferenceFusion
    ) -> None:
        given_window = window(5, 1, 1.0)
        present = np.array([[True, False, True, True]])
        loud = given_window.features.copy()
        loud[:, 1] = np.nan
        quality = given_window.quality.copy()
        a = fusion.fuse(WindowFeatures(given_window.features, given_window.valid, present, quality))
        b = fusion.fuse(WindowFeatures(loud, given_window.valid, present, quality))
        check_equal(a, b)
