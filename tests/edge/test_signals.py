from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge import signals


def test_brightness_and_contrast_are_told_apart() -> None:
    half = np.full((10, 10), 128, np.uint8)
    striped = np.tile(np.array([0, 255], np.uint8), (10, 5))
    assert signals.rgb_cues(half) == pytest.approx([128 / 255, 0])
    assert signals.rgb_cues(striped) == pytest.approx([0.5, 127.5 / 128])


def test_a_picture_of_one_colour_is_not_usable_and_a_dark_room_is() -> None:
    random = np.random.default_rng(0)
    assert not signals.rgb_is_usable(np.zeros((120, 160), np.uint8))
    assert signals.rgb_is_usable(random.integers(0, 12, (120, 160), dtype=np.uint8))


def test_flow_tells_speed_and_how_much_moves() -> None:
    flow = np.zeros((10, 10, 2), np.int8)
    flow[:5, :, 0] = 16
    assert signals.flow_cues(flow) == pytest.approx([1 / 4, 0.5])


def test_depth_tells_what_returns_and_how_far_it_spreads() -> None:
    depth = np.array([[0, 0], [1_000, 2_000]], np.uint16)
    assert signals.depth_cues(depth) == pytest.approx([0.5, 0.25])
    assert signals.depth_cues(np.zeros((2, 2), np.uint16)) == pytest.approx([0, 0])


def test_depth_with_hardly_a_return_is_not_usable() -> None:
    depth = np.zeros((10, 10), np.uint16)
    depth[0, :1] = 900
    assert not signals.depth_is_usable(depth)
    depth[0, 1] = 900
    assert signals.depth_is_usable(depth)


def test_a_full_scale_sine_is_loud_and_smooth() -> None:
    sine = np.sin(np.arange(16_000) / 10).astype(np.float32)
    level, detail = signals.audio_cues(sine)
    assert level == pytest.approx(1 - 3.01 / 60, abs=0.001)
    assert detail == pytest.approx(3.01 / 30, abs=0.001)


def test_digital_silence_is_not_usable_and_faint_noise_is() -> None:
    assert not signals.audio_is_usable(np.zeros(15_600, np.float32))
    faint = np.random.default_rng(0).normal(0, 3e-4, 15_600).astype(np.float32)
    assert signals.audio_is_usable(faint)
    assert signals.audio_cues(np.zeros(15_600, np.float32)) == pytest.approx([0, 0])


@settings(deadline=None)
@given(
    luma=arrays(np.uint8, (4, 5)),
    flow=arrays(np.int8, (4, 5, 2)),
    depth=arrays(np.uint16, (4, 5)),
    patch=arrays(np.float32, 16, elements=st.floats(-1, 1, width=32)),
)
def test_cues_lie_between_zero_and_one(
    luma: np.ndarray, flow: np.ndarray, depth: np.ndarray, patch: np.ndarray
) -> None:
    for cues in (
        signals.rgb_cues(luma),
        signals.flow_cues(flow),
        signals.depth_cues(depth),
        signals.audio_cues(patch),
    ):
        assert cues.dtype == np.float32
        assert cues.shape == (2,)
        assert ((cues >= 0) & (cues <= 1)).all()
