from __future__ import annotations

from math import cos, radians, sin
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.encoders.spec import HEIGHT_UNKNOWN
from edge.preprocess.floor import FloorEstimator
from edge.preprocess.plane import Floor, tangents

SHAPE = (120, 160)
HFOV = 75.0
Depth = NDArray[np.uint16]
F64 = NDArray[np.float64]


def room(
    pitch: float,
    height: float,
    roll: float = 0.0,
    yaw: float = 30.0,
    seed: int = 0,
    noise: float = 0.005,
    floor: bool = True,
    shape: tuple[int, int] = SHAPE,
) -> tuple[Depth, F64]:
    """A 5 m room with a table, seen from a corner; noise: deviation of 1 / z, per metre.

    returns: depth in mm, true height of what each pixel shows in mm
    """
    rays = _to_world(shape, radians(pitch), radians(roll), radians(yaw))
    z = np.full(shape, np.inf)
    for axis, at in ((0, -0.6), (0, 4.4), (1, -0.6), (1, 4.4), (2, 2.6 - height), (2, -height)):
        if axis < 2 or at > 0 or floor:
            with np.errstate(divide="ignore"):
                hit = at / rays[..., axis]
            z = np.where(hit > 0, np.minimum(z, hit), z)
    with np.errstate(divide="ignore", invalid="ignore"):
        top = (0.75 - height) / rays[..., 2]
        x, y = top * rays[..., 0], top * rays[..., 1]
    z = np.where((top > 0) & (x > 1.5) & (x < 3) & (y > 0.8) & (y < 2) & floor, top, z)
    truth = height + z * rays[..., 2]
    rng = np.random.default_rng(seed)
    z = 1 / np.maximum(1 / z + rng.normal(0, noise, shape), 1e-3) if noise else z
    depth = np.where((rng.random(shape) < 0.1) | (z > 9), 0, z * 1000)
    return np.clip(depth, 0, 65_000).round().astype(np.uint16), truth * 1000


def _to_world(shape: tuple[int, int], pitch: float, roll: float, yaw: float) -> F64:
    """(H, W, 3) in a room whose z points up, of length 1 along the camera's axis."""
    u, v = (a.astype(np.float64) for a in tangents(*shape, HFOV))
    across, down = np.meshgrid(u, v)
    across, down = (
        across * cos(roll) - down * sin(roll),
        across * sin(roll) + down * cos(roll),
    )
    ahead, up = cos(pitch) - down * sin(pitch), -sin(pitch) - down * cos(pitch)
    turned = (ahead * cos(yaw) + across * sin(yaw), ahead * sin(yaw) - across * cos(yaw))
    return np.stack([*turned, up], axis=-1)


@settings(max_examples=25, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(
    pitch=st.floats(12, 60),
    height=st.floats(1.2, 2.55),
    roll=st.floats(-10, 10),
    yaw=st.floats(0, 90),
    seed=st.integers(0, 1_000),
    noise=st.floats(0, 0.012),
)
def test_height_camera_and_pitch_of_any_room_are_recovered(
    pitch: float, height: float, roll: float, yaw: float, seed: int, noise: float
) -> None:
    depth, truth = room(pitch, height, roll, yaw, seed, noise)
    found = FloorEstimator().update(depth, HFOV)
    assert found is not None
    assert found.camera_height_mm == pytest.approx(height * 1000, abs=120)
    assert found.pitch_deg == pytest.approx(pitch, abs=2.5)
    assert found.roll_deg == pytest.approx(roll, abs=2.5)
    heights = found.height_mm(depth)
    assert heights.shape == SHAPE
    assert heights.dtype == np.int32
    assert np.all((heights == HEIGHT_UNKNOWN) == (depth == 0))
    assert np.median(np.abs(heights - truth)[depth > 0]) < 60


def watch(estimator: FloorEstimator, count: int, **scene: Any) -> Floor | None:
    """The last of ``count`` estimates of one room under fresh noise."""
    found = None
    for seed in range(count):
        found = estimator.update(room(**scene, seed=seed)[0], HFOV)
    return found


def test_other_picture_sizes_serve_as_well() -> None:
    for shape in ((240, 320), (48, 64), (90, 160), (160, 120)):
        found = FloorEstimator().update(room(30, 2.2, shape=shape)[0], HFOV)
        assert found is not None
        assert found.camera_height_mm == pytest.approx(2_200, abs=60)


def test_without_a_floor_or_a_field_of_view_there_is_no_height() -> None:
    estimator = FloorEstimator()
    assert watch(estimator, 10, pitch=5, height=2.0, floor=False) is None
    wall = np.full(SHAPE, 2_500, np.uint16)
    assert estimator.update(wall, HFOV) is None
    assert FloorEstimator().update(room(30, 2.2)[0], None) is None


def test_a_person_cut_out_of_the_room_is_not_a_floor() -> None:
    depth, heights = room(30, 2.2, noise=0)
    lying = np.zeros_like(depth)
    lying[92:112, 40:120] = depth[92:112, 40:120]
    assert np.abs(heights[92:112, 40:120]).max() < 1  # flat on the floor, too narrow to be one
    assert FloorEstimator().update(lying, HFOV) is None


def test_a_picture_without_returns_changes_nothing() -> None:
    depth, dark = room(30, 2.2)[0], np.zeros(SHAPE, np.uint16)
    assert FloorEstimator().update(dark, HFOV) is None
    plain, interrupted = FloorEstimator(), FloorEstimator()
    first = interrupted.update(depth, HFOV)
    assert first is not None
    assert plain.update(depth, HFOV) == first
    for _ in range(300):
        assert interrupted.update(dark, HFOV) == first
    later = room(30, 2.2, seed=1)[0]
    assert interrupted.update(later, HFOV) == plain.update(later, HFOV) != first


def test_two_runs_give_the_same_floor_and_pictures_are_left_alone() -> None:
    pictures = [room(25, 2.0, seed=seed)[0] for seed in range(20)]
    kept = [picture.copy() for picture in pictures]
    one, other = FloorEstimator(), FloorEstimator()
    for picture in pictures:
        assert one.update(picture, HFOV) == other.update(picture, HFOV)
    assert all(np.array_equal(a, b) for a, b in zip(pictures, kept, strict=True))


def test_the_order_of_pictures_hardly_matters() -> None:
    pictures = [room(25, 2.0, seed=seed)[0] for seed in range(20)]
    found = []
    for order in (pictures, pictures[::-1]):
        estimator = FloorEstimator()
        found.append([estimator.update(picture, HFOV) for picture in order][-1])
    one, other = found
    assert one is not None
    assert other is not None
    assert one.camera_height_mm == pytest.approx(other.camera_height_mm, abs=15)
    assert one.pitch_deg == pytest.approx(other.pitch_deg, abs=0.3)


def test_a_mirrored_room_leans_the_other_way_and_is_as_high() -> None:
    depth, _ = room(30, 2.1, roll=8, noise=0)
    found = FloorEstimator().update(depth, HFOV)
    mirrored = FloorEstimator().update(np.ascontiguousarray(depth[:, ::-1]), HFOV)
    assert found is not None
    assert mirrored is not None
    assert mirrored.camera_height_mm == pytest.approx(found.camera_height_mm, abs=25)
    assert mirrored.roll_deg == pytest.approx(-found.roll_deg, abs=0.7)


def test_averaging_makes_the_floor_steadier() -> None:
    spread = []
    for count in (1, 30):
        heights = []
        for start in range(5):
            estimator, found = FloorEstimator(), None
            for seed in range(count):
                found = estimator.update(
                    room(25, 2.0, seed=100 * start + seed, noise=0.02)[0], HFOV
                )
            assert found is not None
            heights.append(found.camera_height_mm)
        spread.append(float(np.std(heights)))
    assert spread[1] < 0.6 * spread[0]


def test_the_floor_stays_while_somebody_stands_before_the_camera() -> None:
    estimator = FloorEstimator()
    before = watch(estimator, 40, pitch=30, height=2.2)
    close = np.full(SHAPE, 600, np.uint16)
    held = [estimator.update(close, HFOV) for _ in range(100)]
    assert before is not None
    assert all(floor == before for floor in held)


def test_a_camera_that_was_moved_finds_its_new_height() -> None:
    for before, after in (((30.0, 2.4), (25.0, 1.3)), ((25.0, 1.3), (35.0, 2.4))):
        estimator = FloorEstimator()
        watch(estimator, 40, pitch=before[0], height=before[1])
        found = watch(estimator, 40, pitch=after[0], height=after[1])
        assert found is not None
        assert found.camera_height_mm == pytest.approx(after[1] * 1000, abs=60)
        assert found.pitch_deg == pytest.approx(after[0], abs=2)


def test_another_lens_starts_anew() -> None:
    estimator = FloorEstimator()
    assert watch(estimator, 5, pitch=30, height=2.2) is not None
    assert estimator.update(np.zeros(SHAPE, np.uint16), HFOV + 10) is None
