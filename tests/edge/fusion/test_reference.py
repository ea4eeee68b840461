"""The specification against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.fusion.parameters import QUALITY_CUES, TAPS, FusionParameters
from edge.fusion.reference import ReferenceFusion
from edge.values import FEATURE_DIM, VIDEO_STEPS, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, Modality

M, D, Q = len(MODALITIES), FEATURE_DIM, len(QUALITY_CUES)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def silent() -> FusionParameters:
    """All weights zero: every expert and the gate are undecided."""
    return FusionParameters(
        temporal_kernel=zeros(M, TAPS, D),
        temporal_bias=zeros(M, D),
        expert_weight=zeros(M, len(ACTIONS), D),
        expert_bias=zeros(M, len(ACTIONS)),
        gate_hidden_weight=zeros(1, M * (D + 1 + Q)),
        gate_hidden_bias=zeros(1),
        gate_weight=zeros(M, 1),
        gate_bias=zeros(M),
        sound_weight=zeros(len(SOUNDS), D),
        sound_bias=zeros(len(SOUNDS)),
    )


def one_room(present: tuple[bool, ...] = (True,) * M) -> WindowFeatures:
    valid = np.zeros((1, M, VIDEO_STEPS), np.bool_)
    valid[:, :, -2:] = np.array(present)[None, :, None]
    features = zeros(1, M, VIDEO_STEPS, D)
    features[..., -2, 0], features[..., -1, 0] = 1, 3
    return WindowFeatures(features, valid, valid.any(axis=2), zeros(1, M, Q))


def test_without_knowledge_every_modality_and_action_is_alike() -> None:
    result = ReferenceFusion(silent()).fuse(one_room())
    np.testing.assert_allclose(result.gate, 1 / M)
    np.testing.assert_allclose(result.actions, 1 / len(ACTIONS), rtol=1e-6)
    np.testing.assert_allclose(result.sounds, 0.5)


def test_the_gate_weighs_experts_by_softmax() -> None:
    weights = silent()
    expert_bias, gate_bias = zeros(M, len(ACTIONS)), zeros(M)
    expert_bias[0, 3] = 50  # RGB is certain of action 3
    gate_bias[0] = np.log(3)  # and three times as trusted as each of the others
    weights = replace(weights, expert_bias=expert_bias, gate_bias=gate_bias)
    result = ReferenceFusion(weights).fuse(one_room())
    np.testing.assert_allclose(result.gate[0], [3 / 6, 1 / 6, 1 / 6, 1 / 6], rtol=1e-6)
    np.testing.assert_allclose(result.actions[0, 3], 3 / 6 + 3 / 6 / len(ACTIONS), rtol=1e-6)


def test_the_temporal_stage_adds_rectified_taps_and_averages_valid_steps() -> None:
    weights = silent()
    kernel, sound = zeros(M, TAPS, D), zeros(len(SOUNDS), D)
    audio = MODALITIES.index(Modality.AUDIO)
    kernel[audio, 0, 0], kernel[audio, 1, 0] = 1, -1  # rises count, falls are rectified away
    sound[0, 0] = 1
    weights = replace(weights, temporal_kernel=kernel, sound_weight=sound)
    result = ReferenceFusion(weights).fuse(one_room())
    # steps 1 and 3: 1 + relu(1 - 0) and 3 + relu(3 - 1); their mean is 3.5
    np.testing.assert_allclose(result.sounds[0, 0], 1 / (1 + np.exp(-3.5)), rtol=1e-6)


def test_an_absent_sensor_leaves_its_weight_to_the_others() -> None:
    result = ReferenceFusion(silent()).fuse(one_room((True, False, True, False)))
    np.testing.assert_allclose(result.gate, [[0.5, 0, 0.5, 0]])
    assert not result.sounds.any()
