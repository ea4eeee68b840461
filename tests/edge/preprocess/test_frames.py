from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from edge.encoders.spec import ENCODERS, HEIGHT_UNKNOWN
from edge.preprocess.frames import FrameInputs, FramePreprocessor
from edge.values import Reason, Step, Stream
from edge.vocabulary import Modality

TEXTURE = np.kron(
    np.random.default_rng(3).integers(30, 220, (30, 40), dtype=np.uint8), np.ones((8, 8), np.uint8)
)


def picture(shift: int = 0) -> np.ndarray:
    """(240, 320, 3), moved to the right by ``shift`` pixels."""
    return np.repeat(np.roll(TEXTURE, shift, axis=1)[..., None], 3, axis=2)


def depth() -> np.ndarray:
    return np.full((120, 160), 2_500, np.uint16)


def step(index: int, rgb: np.ndarray | None, depth_mm: np.ndarray | None = None) -> Step:
    missing = {}
    if rgb is None:
        missing[Stream.RGB] = Reason.STALE
    if depth_mm is None:
        missing[Stream.DEPTH] = Reason.ABSENT
    return Step(index, index * 66_666_667, rgb, depth_mm, missing)


def last(pre: FramePreprocessor, *steps: Step) -> FrameInputs:
    for one in steps:
        inputs = pre.push(one)
    assert inputs is not None
    return inputs


def test_inputs_have_the_types_and_shapes_of_the_encoders() -> None:
    inputs = last(
        FramePreprocessor(),
        *(step(k, picture(2 * k), depth()) for k in range(3)),
    )
    for modality, array in (
        (Modality.RGB, inputs.rgb),
        (Modality.FLOW, inputs.flow),
        (Modality.DEPTH, inputs.depth),
    ):
        assert array is not None
        assert array.shape == ENCODERS[modality].input_shape
        assert array.dtype == ENCODERS[modality].input_type
        assert inputs.cues[modality].shape == (2,)
    assert not inputs.missing


def test_only_every_second_grid_point_is_encoded() -> None:
    pre = FramePreprocessor()
    given = [pre.push(step(k, picture(k))) is not None for k in range(6)]
    assert given == [True, False] * 3


def test_flow_is_in_eighths_of_a_pixel_of_the_small_picture() -> None:
    inputs = last(FramePreprocessor(), *(step(k, picture(4 * k)) for k in range(3)))
    assert inputs.flow is not None
    inner = inputs.flow[40:70, 40:70]
    assert np.median(inner[..., 0]) == pytest.approx(2 * 8, abs=1)
    assert np.median(inner[..., 1]) == pytest.approx(0, abs=1)


def test_flow_warms_up_at_the_first_frame_and_after_a_gap() -> None:
    pre = FramePreprocessor()
    assert last(pre, step(0, picture())).missing[Modality.FLOW] is Reason.WARMING_UP
    after_gap = last(pre, step(1, None), step(2, picture(4)))
    assert after_gap.missing[Modality.FLOW] is Reason.WARMING_UP
    assert after_gap.rgb is not None
    assert last(pre, step(8, picture(8))).missing[Modality.FLOW] is Reason.WARMING_UP


def test_without_rgb_flow_is_missing_for_the_same_reason() -> None:
    inputs = last(FramePreprocessor(), step(0, None, depth()))
    assert inputs.missing == {Modality.RGB: Reason.STALE, Modality.FLOW: Reason.STALE}
    assert inputs.depth is not None
    assert set(inputs.cues) == {Modality.DEPTH}


def test_a_black_picture_and_an_empty_depth_are_unhealthy() -> None:
    black = np.zeros((240, 320, 3), np.uint8)
    empty = np.zeros((120, 160), np.uint16)
    inputs = last(FramePreprocessor(), step(0, black, empty))
    assert inputs.rgb is None
    assert set(inputs.missing.values()) == {Reason.UNHEALTHY}
    assert set(inputs.missing) == {Modality.RGB, Modality.FLOW, Modality.DEPTH}


def test_a_repeated_picture_gives_no_flow_rather_than_stillness() -> None:
    same = picture()
    inputs = last(FramePreprocessor(), *(step(k, same) for k in range(3)))
    assert inputs.missing[Modality.FLOW] is Reason.STALE


def test_disabled_modalities_are_left_out_and_say_so() -> None:
    pre = FramePreprocessor(frozenset({Modality.FLOW}))
    inputs = last(pre, *(step(k, picture(k), depth()) for k in range(3)))
    assert inputs.flow is not None
    assert inputs.rgb is None
    assert inputs.depth is None
    assert inputs.missing == {Modality.RGB: Reason.DISABLED, Modality.DEPTH: Reason.DISABLED}
    neither = FramePreprocessor(frozenset({Modality.DEPTH}))
    assert last(neither, step(0, picture(), depth())).missing == {
        Modality.RGB: Reason.DISABLED,
        Modality.FLOW: Reason.DISABLED,
    }


def test_every_modality_is_either_there_or_missing() -> None:
    pre = FramePreprocessor()
    for index, one in enumerate([(picture(), depth()), (None, depth()), (picture(4), None)]):
        inputs = last(pre, step(2 * index, *one))
        present = {
            modality
            for modality, array in (
                (Modality.RGB, inputs.rgb),
                (Modality.FLOW, inputs.flow),
                (Modality.DEPTH, inputs.depth),
            )
            if array is not None
        }
        assert present == set(inputs.cues)
        assert present ^ set(inputs.missing) == {Modality.RGB, Modality.FLOW, Modality.DEPTH}


def test_two_runs_give_the_same_bits() -> None:
    steps = [step(k, picture(3 * k), depth()) for k in range(9)]
    one, other = last(FramePreprocessor(), *steps), last(FramePreprocessor(), *steps)
    assert one.box == other.box
    assert one.flow is not None
    assert other.flow is not None
    assert one.flow.tobytes() == other.flow.tobytes()


def test_height_above_the_floor_is_cut_like_depth() -> None:
    v = (np.arange(120) + 0.5 - 60) / 80  # 90 degrees wide, 2 m high, looking down by 45 degrees
    floor_mm = np.clip(2_000 * np.sqrt(2) / np.maximum(v + 1, 0.05), 0, 5_000)
    picture_mm = np.repeat(floor_mm[:, None], 160, axis=1).astype(np.uint16)
    picture_mm[70:100, 60:100] = 0
    seen = Step(0, 0, None, picture_mm, {}, depth_hfov_deg=90.0)
    inputs = last(FramePreprocessor(), seen)
    assert inputs.depth is not None
    distance, height = inputs.depth[..., 0], inputs.depth[..., 1]
    assert np.all((height == HEIGHT_UNKNOWN) == (distance == 0))
    assert (distance == 0).mean() > 0.25  # the hole, and the bars above and below
    lower = height[60:95][distance[60:95] > 0]
    assert lower.size
    assert np.abs(lower).max() < 30


def test_without_a_field_of_view_no_height_is_claimed() -> None:
    inputs = last(FramePreprocessor(), step(0, None, depth()))
    assert inputs.depth is not None
    assert (inputs.depth[..., 0] > 0).any()
    assert (inputs.depth[..., 1] == HEIGHT_UNKNOWN).all()
