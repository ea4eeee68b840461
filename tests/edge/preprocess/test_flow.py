from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from edge.encoders.spec import FLOW_SCALE
from edge.preprocess.flow import GREY_HEIGHT, GREY_WIDTH, FlowEstimator, content, to_grey

TEXTURE = np.kron(
    np.random.default_rng(3).integers(30, 220, (15, 20), dtype=np.uint8), np.ones((8, 8), np.uint8)
)


def moved(right: int = 0, down: int = 0) -> np.ndarray:
    """(120, 160), the same texture displaced by whole pixels."""
    return np.roll(TEXTURE, (down, right), axis=(0, 1))


def test_flow_does_not_depend_on_what_was_estimated_before() -> None:
    greys = [moved(right=2 * k) for k in range(3)]
    used = FlowEstimator()
    used(greys[2], greys[0])
    fresh = FlowEstimator()(greys[0], greys[1])
    assert (used(greys[0], greys[1]) == fresh).all()
    assert fresh.dtype == np.int8
    assert fresh.shape == (120, 160, 2)


@pytest.mark.parametrize("shape", [(120, 160), (90, 160), (640, 360), (480, 640), (3, 500)])
def test_the_grey_picture_keeps_the_geometry_between_black_bars(shape: tuple[int, int]) -> None:
    rows, columns = content(*shape)
    grey = to_grey(np.full((*shape, 3), 255, np.uint8))
    assert grey.shape == (120, 160)
    assert (grey[rows, columns] == 255).all()
    used = (rows.stop - rows.start, columns.stop - columns.start)
    assert int((grey > 0).sum()) == used[0] * used[1]
    assert used[0] == 120 or used[1] == 160
    assert used[1] / used[0] == pytest.approx(shape[1] / shape[0], rel=0.06)


@pytest.mark.parametrize(("right", "down"), [(2, 0), (-2, 0), (0, 2), (0, -2), (3, -2)])
def test_flow_is_right_and_down_in_eighths_of_a_pixel(right: int, down: int) -> None:
    flow = FlowEstimator()(moved(), moved(right, down))[30:90, 40:120]
    assert np.median(flow[..., 0]) == pytest.approx(right * FLOW_SCALE, abs=1)
    assert np.median(flow[..., 1]) == pytest.approx(down * FLOW_SCALE, abs=1)


def test_nothing_moved_is_no_flow() -> None:
    assert not FlowEstimator()(moved(), moved()).any()


def test_whatever_is_seen_flow_never_wraps_around() -> None:
    random = np.random.default_rng(0)
    one, other = random.integers(0, 256, (2, GREY_HEIGHT, GREY_WIDTH), np.uint8)
    assert FlowEstimator()(one, other).min() >= -127


def test_grey_is_what_an_eye_sees_of_each_colour() -> None:
    colours = [to_grey(np.full((120, 160, 3), rgb, np.uint8)) for rgb in np.eye(3) * 255]
    red, green, blue = (int(grey[0, 0]) for grey in colours)
    assert green > red > blue > 0
