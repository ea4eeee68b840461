from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from edge.preprocess.boxes import FULL_FRAME, Box, letterbox


def test_letterboxing_keeps_the_shape_of_things() -> None:
    image = np.full((60, 120, 3), 200, np.uint8)
    square = letterbox(image, 80, FULL_FRAME, "area")
    assert square.shape == (80, 80, 3)
    assert (square[20:60] == 200).all()
    assert not square[:20].any()
    assert not square[60:].any()


def test_nearest_invents_no_depth() -> None:
    depth = np.where(np.indices((50, 70)).sum(axis=0) % 2, 4_000, 0).astype(np.uint16)
    scaled = letterbox(depth, 112, Box(0.1, 0.1, 0.5, 0.7), "nearest")
    assert scaled.dtype == np.uint16
    assert set(np.unique(scaled)) == {0, 4_000}


def test_flow_values_are_not_scaled_with_the_picture() -> None:
    flow = np.full((120, 160, 2), -24, np.int8)
    scaled = letterbox(flow, 112, Box(0.25, 0.25, 0.375, 0.5), "area")
    assert scaled.dtype == np.int8
    assert (scaled == -24).all()


def test_a_box_covers_at_least_one_pixel() -> None:
    rows, columns = Box(1.0, 1.0, 0.0, 0.0).pixels(4, 6)
    assert (rows, columns) == (slice(3, 4), slice(5, 6))


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (120, 160)])
def test_the_full_frame_is_every_pixel(shape: tuple[int, int]) -> None:
    assert FULL_FRAME.pixels(*shape) == (slice(0, shape[0]), slice(0, shape[1]))


def test_a_box_beyond_the_edge_ends_at_it() -> None:
    assert Box(0.5, 0.75, 0.9, 0.9).pixels(100, 200) == (slice(75, 100), slice(100, 200))


@pytest.mark.parametrize("shape", [(1, 1), (1, 640), (480, 1), (3, 2)])
@pytest.mark.parametrize("kind", ["area", "nearest"])
def test_the_smallest_and_thinnest_pictures_still_fill_one_side(
    shape: tuple[int, int], kind: Literal["area", "nearest"]
) -> None:
    square = letterbox(np.full(shape, 9, np.uint8), 16, FULL_FRAME, kind)
    assert square.shape == (16, 16)
    used = square == 9
    assert used.any(axis=0).all() or used.any(axis=1).all()
    assert set(np.unique(square)) <= {0, 9}


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert (letterbox(image, 32, FULL_FRAME, "area") == image).all()
    assert (letterbox(image, 32, FULL_FRAME, "nearest") == image).all()
