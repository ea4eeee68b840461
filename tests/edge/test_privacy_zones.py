from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.preprocess.frames import FramePreprocessor
from edge.privacy_settings import ZoneSettings
from edge.privacy_zones import MARGIN_PX, ZoneMask
from edge.settings import WindowSettings
from edge.values import Sample, Step, Stream
from edge.vocabulary import Modality
from edge.window import GridSynchroniser

LEFT_HALF = ZoneSettings(polygon=((0, 0), (0.5, 0), (0.5, 1), (0, 1)))


def picture(rng: np.random.Generator, height: int = 60, width: int = 80) -> Sample:
    return Sample(Stream.RGB, 0, rng.integers(1, 256, (height, width, 3)).astype(np.uint8))


def test_a_zone_is_black_in_the_picture_and_without_return_in_depth() -> None:
    rng = np.random.default_rng(1)
    mask = ZoneMask([LEFT_HALF])
    rgb = mask.blank(picture(rng)).data
    depth = mask.blank(Sample(Stream.DEPTH, 0, np.full((30, 40), 900, np.uint16))).data
    assert not rgb[:, : 40 + MARGIN_PX].any()
    assert rgb[:, 40 + MARGIN_PX + 1 :].all()
    assert not depth[:, : 20 + MARGIN_PX].any()
    assert (depth[:, 20 + MARGIN_PX + 1 :] == 900).all()


def test_the_sample_that_came_from_the_sensor_is_left_as_it_was() -> None:
    sample = picture(np.random.default_rng(2))
    before = sample.data.copy()
    ZoneMask([LEFT_HALF]).blank(sample)
    assert (sample.data == before).all()


def test_sound_and_streams_a_zone_does_not_name_pass_untouched() -> None:
    only_rgb = ZoneSettings(polygon=LEFT_HALF.polygon, streams=frozenset({Stream.RGB}))
    mask = ZoneMask([only_rgb])
    sound = Sample(Stream.AUDIO, 0, np.ones(10, np.int16))
    depth = Sample(Stream.DEPTH, 0, np.ones((4, 4), np.uint16))
    assert mask.blank(sound) is sound
    assert mask.blank(depth) is depth


def test_a_camera_that_changes_its_size_stays_blanked() -> None:
    rng, mask = np.random.default_rng(3), ZoneMask([LEFT_HALF])
    for height, width in ((60, 80), (120, 160), (60, 80)):
        blanked = mask.blank(picture(rng, height, width)).data
        assert not blanked[:, : width // 2].any()


SHARE = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.tuples(SHARE, SHARE)] * 3))
def test_no_pixel_inside_a_zone_is_ever_left(corners: tuple[tuple[float, float], ...]) -> None:
    try:
        zone = ZoneSettings(polygon=corners)
    except ValidationError:
        return  # encloses nothing
    height, width = 36, 48
    mask = ZoneMask([zone]).mask(Stream.RGB, height, width)
    outline = (np.array(corners) * (width, height)).astype(np.float32)
    for y in range(height):
        for x in range(width):
            if cv2.pointPolygonTest(outline, (x + 0.5, y + 0.5), measureDist=False) >= 0:
                assert mask[y, x]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"polygon": [[0, 0], [1, 1]]}, "at least 3"),
        ({"polygon": [[0, 0], [1, 1], [0.5, 0.5]]}, "encloses nothing"),
        ({"polygon": [[0, 0], [1, 1], [1, 0], [0, 0.9]]}, "sides cross"),
        ({"polygon": [[0, 0], [640, 0], [640, 480]]}, "less than or equal to 1"),
        ({"polygon": [[0, 0], [1, 0], [1, 1]], "streams": ["audio"]}, "rgb"),
        ({"polygon": [[0, 0], [1, 0], [1, 1]], "streams": []}, "name rgb, depth or both"),
    ],
)
def test_a_zone_that_would_not_hide_what_it_seems_to_is_refused(
    fields: dict[str, object], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        ZoneSettings.model_validate(fields)


def flows(frames: list[np.ndarray], zones: list[ZoneSettings]) -> list[np.ndarray]:
    """Optical flow of frames 1/15 s apart, through the real grid and preprocessing."""
    mask, grid = ZoneMask(zones), GridSynchroniser(frozenset({Stream.RGB}), WindowSettings())
    frames_of = FramePreprocessor(frozenset({Modality.RGB, Modality.FLOW}))
    found = []
    for index, frame in enumerate(frames):
        sample = Sample(Stream.RGB, round(index / 15 * 1e9), frame)
        for item in grid.push(mask.blank(sample)):
            inputs = frames_of.push(item) if isinstance(item, Step) else None
            if inputs is not None and inputs.flow is not None:
                found.append(inputs.flow)
    return found


def moving(inside: bool, outside: bool) -> list[np.ndarray]:
    """Texture, still but for a block that moves 3 px a frame in the left or the right half."""
    rng = np.random.default_rng(4)
    still = cv2.GaussianBlur(rng.integers(40, 200, (120, 160, 3)).astype(np.uint8), (0, 0), 2)
    block = cv2.GaussianBlur(rng.integers(0, 256, (30, 20, 3)).astype(np.uint8), (0, 0), 1)
    frames = []
    for index in range(12):
        frame = still.copy()
        for wanted, start in ((inside, 10), (outside, 100)):
            if wanted:
                left = start + 3 * index
                frame[50:80, left : left + 20] = block
        frames.append(frame)
    return frames


def test_movement_inside_a_zone_leaves_no_trace_in_the_flow() -> None:
    seen = flows(moving(inside=True, outside=False), [])
    hidden = flows(moving(inside=True, outside=False), [LEFT_HALF])
    assert max(abs(flow.astype(int)).max() for flow in seen) > 8
    assert len(hidden) >= 4
    assert not any(flow.any() for flow in hidden)


def test_what_happens_inside_changes_nothing_that_is_computed_outside() -> None:
    quiet = flows(moving(inside=False, outside=True), [LEFT_HALF])
    busy = flows(moving(inside=True, outside=True), [LEFT_HALF])
    assert any(flow.any() for flow in quiet)
    assert all((a == b).all() for a, b in zip(quiet, busy, strict=True))
