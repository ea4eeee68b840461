from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from edge.preprocess.boxes import FULL_FRAME, Box
from edge.preprocess.crop import CropTracker

PERSON = Box(0.6, 0.3, 0.15, 0.5)


def flow_of(box: Box | None, speed: int = 20, shift: int = 0, noise: int = 0) -> np.ndarray:
    """(120, 160, 2) with one moving block, a common shift and noise of the whole picture."""
    random = np.random.default_rng(0)
    flow = random.integers(-noise, noise + 1, (120, 160, 2)) + shift
    if box is not None:
        rows, columns = box.pixels(120, 160)
        flow[rows, columns] += speed
    return np.clip(flow, -127, 127).astype(np.int8)


def depth_of(box: Box | None, room_mm: int, noise_mm: int = 30) -> np.ndarray:
    random = np.random.default_rng(0 if box is None else round(1_000 * box.x))
    depth = np.full((120, 160), room_mm)
    if room_mm:
        depth += random.integers(-noise_mm, noise_mm + 1, depth.shape)
    if box is not None:
        rows, columns = box.pixels(120, 160)
        depth[rows, columns] = 1_800
    return depth.astype(np.uint16)


def contains(outer: Box, inner: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and outer.x + outer.w >= inner.x + inner.w
        and outer.y + outer.h >= inner.y + inner.h
    )


def settled(flow: np.ndarray) -> CropTracker:
    tracker = CropTracker()
    for _ in range(15):
        tracker.update(flow, None)
    return tracker


def test_nothing_known_is_the_full_frame() -> None:
    assert CropTracker().update(None, None) == FULL_FRAME
    assert CropTracker().update(flow_of(None), None) == FULL_FRAME


def test_the_box_closes_in_on_who_moves_and_keeps_them_whole() -> None:
    box = settled(flow_of(PERSON)).update(flow_of(PERSON), None)
    assert contains(box, PERSON)
    assert box.w < 0.7


def test_the_box_is_square_in_pixels_and_not_smaller_than_its_least_side() -> None:
    small = Box(0.4, 0.4, 0.1, 0.15)
    box = settled(flow_of(small)).update(flow_of(small), None)
    assert box.w * 160 == pytest.approx(box.h * 120)
    assert box.w == pytest.approx(0.45)


def test_who_lies_still_stays_in_the_box() -> None:
    tracker = settled(flow_of(PERSON))
    last = tracker.update(flow_of(PERSON), None)
    for _ in range(200):
        held = tracker.update(flow_of(None, noise=2), None)
    assert held == last
    assert tracker.update(None, None) == last


def test_the_box_follows_who_walks_away() -> None:
    tracker = settled(flow_of(PERSON))
    for step in range(25):
        person = Box(0.6 - 0.02 * step, 0.3, 0.15, 0.5)
        box = tracker.update(flow_of(person), None)
        assert contains(box, person)
    assert box.x + box.w < 0.75


@pytest.mark.parametrize("shift", [-24, 24])
def test_a_shaken_camera_does_not_move_the_box(shift: int) -> None:
    tracker = settled(flow_of(PERSON))
    before = tracker.update(flow_of(PERSON), None)
    after = tracker.update(flow_of(PERSON, shift=shift, noise=3), None)
    assert abs(after.x - before.x) < 0.05
    assert abs(after.w - before.w) < 0.05


def test_noise_in_every_pixel_does_not_move_the_box() -> None:
    tracker = settled(flow_of(PERSON))
    before = tracker.update(flow_of(PERSON), None)
    for _ in range(5):
        after = tracker.update(flow_of(None, noise=12), None)
    assert after == before


def test_when_everything_keeps_moving_the_full_frame_returns() -> None:
    tracker = settled(flow_of(PERSON))
    churning = np.where(np.indices((120, 160)).sum(axis=0) // 16 % 2, 60, -60)
    churning[:, :50] = 0
    churning[:35] = 0
    flow = np.stack([churning, churning], axis=-1).astype(np.int8)
    for _ in range(40):
        box = tracker.update(flow, None)
    assert box.w > 0.8


def test_moving_depth_alone_guides_the_box() -> None:
    tracker = CropTracker()
    for step in range(20):
        person = Box(0.2 + 0.015 * step, 0.3, 0.2, 0.5)
        box = tracker.update(None, depth_of(person, room_mm=3_500))
    assert contains(box, person)
    assert box.w < 0.8


def test_noisy_depth_alone_leaves_the_full_frame() -> None:
    tracker = CropTracker()
    random = np.random.default_rng(1)
    for _ in range(10):
        depth = random.integers(3_400, 3_600, (240, 320)).astype(np.uint16)
        depth[random.random(depth.shape) < 0.1] = 0
        assert tracker.update(None, depth) == FULL_FRAME


def test_a_person_cut_out_of_the_room_is_found_without_moving() -> None:
    tracker = CropTracker()
    for _ in range(15):
        box = tracker.update(None, depth_of(PERSON, room_mm=0))
    assert contains(box, PERSON)
    assert box.w < 0.75


def test_the_same_input_gives_the_same_boxes() -> None:
    flows = [flow_of(Box(0.05 * k, 0.2, 0.2, 0.5), noise=4) for k in range(12)]
    one, other = CropTracker(), CropTracker()
    assert [one.update(f, None) for f in flows] == [other.update(f, None) for f in flows]
