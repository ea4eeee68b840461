"""The specification against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.fusion.parameters import HEADS, QUALITY_CUES, TAPS, FusionParameters
from edge.fusion.reference import ReferenceFusion
from edge.values import AUDIO_STEPS, FEATURE_DIM, VIDEO_STEPS, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, Modality

M, D, Q = len(MODALITIES), FEATURE_DIM, len(QUALITY_CUES)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def silent() -> FusionParameters:
    """All weights zero: every expert and the gate are undecided."""
    return FusionParameters(
        temporal_kernel=zeros(M, TAPS, D),
        temporal_bias=zeros(M, D),
        temporal_query=zeros(M, D),
        temporal_age=zeros(M, HEADS, VIDEO_STEPS),
        expert_weight=zeros(M, len(ACTIONS), D),
        expert_bias=zeros(M, len(ACTIONS)),
        gate_hidden_weight=zeros(1, M * (D + 1 + Q)),
        gate_hidden_bias=zeros(1),
        gate_weight=zeros(M, 1),
        gate_bias=zeros(M),
        pool_power=np.ones(1, np.float32),
        pool_independence=zeros(1),
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


def heard(weights: FusionParameters, values: dict[int, float]) -> float:
    """The window feature of audio's first channel, given that of some slots."""
    audio = MODALITIES.index(Modality.AUDIO)
    sound = zeros(len(SOUNDS), D)
    sound[0, 0] = 1
    features, valid = zeros(1, M, VIDEO_STEPS, D), np.zeros((1, M, VIDEO_STEPS), np.bool_)
    for slot, value in values.items():
        features[0, audio, slot, 0], valid[0, audio, slot] = value, True
    window = WindowFeatures(features, valid, valid.any(axis=2), zeros(1, M, Q))
    share = float(ReferenceFusion(replace(weights, sound_weight=sound)).fuse(window).sounds[0, 0])
    return float(np.log(share / (1 - share)))


def test_a_head_that_asks_for_nothing_takes_the_mean_of_what_is_there() -> None:
    np.testing.assert_allclose(heard(silent(), {0: 1, 2: 4, 3: 1}), 2, rtol=1e-5)


def test_age_lets_the_newest_step_count_more() -> None:
    age = zeros(M, HEADS, VIDEO_STEPS)
    age[:, 0, AUDIO_STEPS - 1] = np.log(3)
    weights = replace(silent(), temporal_age=age)
    np.testing.assert_allclose(heard(weights, {2: 4, 3: 0}), 1, rtol=1e-5)
    np.testing.assert_allclose(heard(weights, {1: 4, 2: 0}), 2, rtol=1e-5)


def test_a_query_attends_to_the_steps_that_answer_it() -> None:
    query = zeros(M, D)
    query[:, 0] = np.log(2)
    weights = replace(silent(), temporal_query=query)  # weights 1 : 2 of the values 0 and 1
    np.testing.assert_allclose(heard(weights, {2: 1, 3: 0}), 2 / 3, rtol=1e-5)


def test_a_query_moves_only_the_channels_of_its_head() -> None:
    query = zeros(M, D)
    query[:, D // HEADS :] = 5
    weights = replace(silent(), temporal_query=query)
    np.testing.assert_allclose(heard(weights, {2: 1, 3: 0}), 1 / 2, rtol=1e-5)


def shares(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum()


@pytest.mark.parametrize(("independence", "exponent"), [(0.0, 1.0), (0.5, 2.0), (1.0, 4.0)])
def test_a_small_power_pools_by_the_geometric_mean_or_a_power_of_it(
    independence: float, exponent: float
) -> None:
    expert_bias = zeros(M, len(ACTIONS))
    expert_bias[0, 3], expert_bias[1, 3] = 2, 4  # the others are undecided
    weights = replace(
        silent(),
        expert_bias=expert_bias,
        pool_power=np.array([1e-4], np.float32),
        pool_independence=np.array([independence], np.float32),
    )
    # a geometric mean of softmaxes is a softmax of mean logits; four experts are listened to
    expected = shares(exponent * expert_bias.mean(axis=0))
    result = ReferenceFusion(weights).fuse(one_room())
    np.testing.assert_allclose(result.actions[0], expected, rtol=3e-3)


@pytest.mark.parametrize("power", [1.0, 0.1])
def test_an_expert_that_is_left_alone_is_not_made_surer_than_it_is(power: float) -> None:
    expert_bias = zeros(M, len(ACTIONS))
    expert_bias[:, 3] = 1
    weights = replace(
        silent(),
        expert_bias=expert_bias,
        pool_power=np.array([power], np.float32),
        pool_independence=np.ones(1, np.float32),
    )
    alone = ReferenceFusion(weights).fuse(one_room((False, False, True, False)))
    np.testing.assert_allclose(alone.actions[0], alone.experts[0, 2], rtol=1e-6)
    # two that agree and are independent: their odds multiply
    two = ReferenceFusion(weights).fuse(one_room((True, False, True, False)))
    np.testing.assert_allclose(two.actions[0], shares(2 * expert_bias[0]), rtol=1e-6)
