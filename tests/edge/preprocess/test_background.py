"""Standing out from the room in depth."""

from __future__ import annotations

import numpy as np

from edge.preprocess.background import COLUMNS, ROWS, DepthBackground

WALL_MM = 4_000
PERSON = (slice(40, 80), slice(60, 80))  # rows, columns of 120 x 160
PERSON_CELLS = (slice(10, 20), slice(15, 20))


def room(person_mm: int | None = None, noise_mm: float = 0, seed: int = 0) -> np.ndarray:
    depth = np.full((120, 160), float(WALL_MM))
    if person_mm is not None:
        depth[PERSON] = person_mm
    depth += np.random.default_rng(seed).standard_normal(depth.shape) * noise_mm
    return depth.astype(np.uint16)


def test_an_empty_room_has_no_foreground_even_with_a_noisy_camera() -> None:
    background = DepthBackground()
    shown = [background.foreground(room(noise_mm=200, seed=i)) for i in range(20)]
    assert shown[0].shape == (ROWS, COLUMNS)
    assert not np.any(shown)


def test_somebody_who_comes_in_stands_out_and_goes_on_doing_so_while_still() -> None:
    background = DepthBackground()
    background.foreground(room())
    for _ in range(30):  # four seconds
        shown = background.foreground(room(person_mm=2_500))
    assert shown[PERSON_CELLS][1:-1, 1:-1].all()
    shown[PERSON_CELLS] = 0
    assert not shown.any()


def test_what_stays_becomes_part_of_the_room() -> None:
    background = DepthBackground()
    background.foreground(room())
    for _ in range(400):
        shown = background.foreground(room(person_mm=2_500))
    assert not shown.any()


def test_the_room_behind_somebody_who_leaves_is_learned_quickly() -> None:
    background = DepthBackground()
    background.foreground(room(person_mm=2_500))
    for _ in range(15):
        background.foreground(room())
    assert background.foreground(room(person_mm=2_500))[PERSON_CELLS][1:-1, 1:-1].all()


def test_holes_are_not_foreground() -> None:
    background = DepthBackground()
    background.foreground(room())
    assert not background.foreground(np.zeros((120, 160), np.uint16)).any()
    assert not background.foreground(room()).any()
