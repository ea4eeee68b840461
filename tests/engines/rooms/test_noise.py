"""Sensor noise: what is lost, what is wrong, and how much."""

from __future__ import annotations

import numpy as np
import pytest

from engines.rooms.noise import DepthNoise, RgbNoise
from engines.rooms.sheet import contact_sheet, depth_colours, stacked

GREY = np.full((240, 320, 3), 128, np.uint8)


def wall(metres: float) -> np.ndarray:
    return np.full((240, 320), metres, np.float32)


def camera(seed: int) -> DepthNoise:
    return DepthNoise(np.random.default_rng(seed), 70.0)


def error_m(metres: float) -> float:
    """Typical error over several cameras."""
    errors = []
    for seed in range(8):
        seen = camera(seed)(wall(metres), GREY)
        errors.append(np.median(np.abs(seen[seen > 0] / 1000.0 - metres)))
    return float(np.mean(errors))


def test_the_error_of_depth_grows_with_distance() -> None:
    near, far = error_m(1.0), error_m(4.0)
    assert near < 0.02
    assert 4 * near < far < 0.3


@pytest.mark.parametrize("metres", [0.0, 0.1, 15.0])
def test_nothing_too_near_and_too_far_are_holes(metres: float) -> None:
    assert not camera(1)(wall(metres), GREY).any()


def test_most_of_a_near_wall_returns() -> None:
    shares = [(camera(seed)(wall(2.0), GREY) > 0).mean() for seed in range(8)]
    assert min(shares) > 0.9


def test_a_near_thing_throws_a_stereo_shadow_on_its_left() -> None:
    scene = wall(3.0)
    scene[:, 150:200] = 1.0
    lost = np.mean([camera(seed)(scene, GREY) == 0 for seed in range(8)], axis=(0, 1))
    assert lost[143:149].mean() > lost[201:207].mean() + 0.3
    assert lost[:100].mean() < 0.1


def test_black_surfaces_return_less_than_grey_ones() -> None:
    picture = GREY.copy()
    picture[:, 160:] = 2
    lost = np.mean([camera(seed)(wall(2.5), picture) == 0 for seed in range(12)], axis=(0, 1))
    assert lost[160:].mean() > 2 * lost[:160].mean()


def test_half_size_depth_has_the_same_error_for_less_work() -> None:
    half = DepthNoise(np.random.default_rng(3), 70.0, 160, 120)
    seen = half(wall(2.0)[::2, ::2], GREY[::2, ::2])
    assert seen.shape == (120, 160)
    assert seen.dtype == np.uint16
    assert np.median(seen[seen > 0]) == pytest.approx(2000, abs=60)


def test_the_same_camera_seed_gives_the_same_noise_and_frames_differ() -> None:
    first, second = camera(5), camera(5)
    a, b = first(wall(2.0), GREY), second(wall(2.0), GREY)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, first(wall(2.0), GREY))


def test_rgb_noise_keeps_the_picture_and_its_darkness() -> None:
    day, night = (RgbNoise(np.random.default_rng(2), dark) for dark in (False, True))
    assert day(GREY).mean() == pytest.approx(128, abs=45)
    dark = night(np.full_like(GREY, 12))
    assert dark.mean() < 35
    assert dark.std() > day(GREY)[..., 0].std() / 2


def test_the_exposure_stays_what_the_first_frame_made_it() -> None:
    sensor = RgbNoise(np.random.default_rng(2), dark=False)
    before = sensor(GREY).mean()
    sensor(np.full_like(GREY, 20))
    assert sensor(GREY).mean() == pytest.approx(before, abs=1)


def test_a_contact_sheet_shows_colour_above_depth() -> None:
    depth = np.full((120, 160), 1500, np.uint16)
    depth[:60] = 0
    row = contact_sheet([(GREY, depth)] * 3, "clip", columns=4)
    assert row.shape == (480, 4 * 320, 3)
    assert (row[200] == 128).all()
    assert not row[250].any()
    assert row[470].any()
    assert stacked([row, row[:, :640]], 0.5).shape == (480, 640, 3)


def test_holes_are_black_and_an_empty_sheet_is_refused() -> None:
    assert not depth_colours(np.zeros((2, 2), np.uint16)).any()
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([], "nothing")
