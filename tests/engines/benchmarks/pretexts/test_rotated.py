from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.encoders.spec import FLOW_SCALE, HEIGHT_UNKNOWN, RGB_SIZE, SMALL_SIZE
from edge.preprocess.boxes import FULL_FRAME, letterbox
from edge.preprocess.flow import FlowEstimator
from edge.vocabulary import Modality
from engines.benchmarks.pretexts.rotated import blanked, empty_edge, rotated, thinned, turn
from engines.training.datasets import ClipInputs, Part


def square_at(x: int, y: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(1)
    picture = np.full((112, 112), 90, np.uint8)
    picture[y : y + 40, x : x + 40] = rng.integers(0, 255, (40, 40))
    return picture


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_flow_of_turned_pictures_is_the_turned_flow(quarters: int) -> None:
    before, after = square_at(30, 40), square_at(33, 38)  # 3 to the right, 2 up
    estimate = FlowEstimator()
    own = turn(Modality.FLOW, estimate(before, after), quarters)
    again = estimate(
        np.ascontiguousarray(np.rot90(before, quarters)),
        np.ascontiguousarray(np.rot90(after, quarters)),
    )
    inside = np.zeros((112, 112), np.bool_)
    inside[48:70, 43:63] = True  # of the square, away from its edges
    inside = np.rot90(inside, quarters)
    gap = np.abs(own[inside].astype(int) - again[inside].astype(int)) / FLOW_SCALE
    assert np.median(gap) < 0.3
    expected = {0: (3, -2), 1: (-2, -3), 2: (-3, 2), 3: (2, 3)}[quarters]
    assert np.median(own[inside], axis=0) / FLOW_SCALE == pytest.approx(expected, abs=0.4)


def test_four_quarters_are_the_identity() -> None:
    flow = np.random.default_rng(0).integers(-127, 128, (8, 8, 2)).astype(np.int8)
    assert np.array_equal(turn(Modality.FLOW, flow, 4), flow)
    twice = turn(Modality.FLOW, turn(Modality.FLOW, flow, 1), 3)
    assert np.array_equal(twice, flow)
    assert twice.dtype == np.int8


def with_height(distance: NDArray[np.uint16]) -> NDArray[np.int16]:
    """Height falls from the top of the picture to its bottom, as it does for an upright camera."""
    height = np.broadcast_to(2000 - 15 * np.arange(SMALL_SIZE)[:, None], distance.shape)
    return np.stack([distance.astype(np.int16), height.astype(np.int16)], axis=-1)


def wide_clip() -> ClipInputs:
    """Pictures of 4:3, so between bars, with sound."""
    rng = np.random.default_rng(0)
    places = np.arange(4)
    cues = np.zeros((4, 2), np.float32)
    rgb = [
        letterbox(rng.integers(1, 255, (60, 80, 3), dtype=np.uint8), RGB_SIZE, FULL_FRAME, "area")
        for _ in places
    ]
    depth = [
        letterbox(rng.integers(900, 5000, (60, 80), dtype=np.uint16), SMALL_SIZE, FULL_FRAME,
                  "nearest")
        for _ in places
    ]  # fmt: skip
    flow = np.zeros((4, SMALL_SIZE, SMALL_SIZE, 2), np.int8)
    flow[:, 30:60, 0:40] = 20
    parts = {
        Modality.RGB: Part(np.array(rgb), places, cues),
        Modality.DEPTH: Part(with_height(np.array(depth)), places, cues),
        Modality.FLOW: Part(flow, places, cues),
        Modality.AUDIO: Part(np.ones((2, 8), np.int16), np.arange(2), cues[:2]),
    }
    frames_ns = np.arange(4, dtype=np.int64) * 133_333_333
    ticks_ns = np.array([500_000_000], np.int64)
    return ClipInputs(frames_ns, ticks_ns, np.array([True]), parts)


def test_bars_do_not_tell_the_angle() -> None:
    """Which pixels are empty is the same in every direction, so no angle differs in it."""
    for quarters in range(4):
        turned = rotated(wide_clip(), quarters)
        for modality in (Modality.RGB, Modality.DEPTH):
            for frame in turned.parts[modality].tensors:
                there = frame.any(axis=2) if modality is Modality.RGB else frame[..., 0] != 0
                assert there.any()
                assert np.array_equal(there, np.rot90(there))
        side = SMALL_SIZE // 8
        assert not turned.parts[Modality.FLOW].tensors[:, :side].any()
        assert not turned.parts[Modality.FLOW].tensors[:, :, :side].any()


def test_height_that_was_measured_upright_is_withheld() -> None:
    for quarters in range(4):
        depth = rotated(wide_clip(), quarters).parts[Modality.DEPTH].tensors
        assert depth.shape == wide_clip().parts[Modality.DEPTH].tensors.shape
        assert (depth[..., 1] == HEIGHT_UNKNOWN).all()


def test_sound_stays_as_it_is() -> None:
    clip = wide_clip()
    sound = rotated(clip, 3).parts[Modality.AUDIO]
    assert np.array_equal(sound.tensors, clip.parts[Modality.AUDIO].tensors)


def test_the_widest_empty_edge_is_blanked_on_every_side() -> None:
    frame = np.zeros((20, 20), np.uint16)
    frame[3:20, 0:20] = 7
    assert empty_edge(frame) == pytest.approx(0.15)
    kept = blanked(frame, 0.15)
    assert kept.sum() == 14 * 14 * 7
    assert kept[3:17, 3:17].all()


def test_thinning_counts_back_from_the_end_of_the_window() -> None:
    few = thinned(wide_clip(), 300_000_000, 2)
    assert few.parts[Modality.RGB].places.tolist() == [0, 2]
    assert len(few.parts[Modality.AUDIO].places) == 2
