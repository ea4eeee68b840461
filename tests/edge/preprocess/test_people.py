from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from edge.preprocess.boxes import FULL_FRAME, Box
from edge.preprocess.crop import CropTracker
from edge.preprocess.finder import Person

DEPTH = np.full((120, 160), 3_000, np.uint16)
SITTING = Person(0.8, 0.2, 0.4, 0.32, 0.7)
ACROSS = Person(0.8, 0.8, 0.3, 0.9, 0.7)


@dataclass
class Scripted:
    """Finds whoever it is told."""

    people: list[Person] = field(default_factory=list)

    def find(self, depth_mm: np.ndarray) -> list[Person]:
        return list(self.people)


def flow_of(person: Person | None) -> np.ndarray:
    flow = np.zeros((120, 160, 2), np.int8)
    if person is not None:
        rows, columns = (
            slice(int(120 * person.top), int(120 * person.bottom)),
            slice(int(160 * person.left), int(160 * person.right)),
        )
        flow[rows, columns] = 20
    return flow


def holds(box: Box, person: Person) -> bool:
    return (
        box.x <= person.left
        and box.y <= person.top
        and box.x + box.w >= person.right
        and box.y + box.h >= person.bottom
    )


def test_who_sits_still_from_the_first_frame_on_is_in_a_small_box() -> None:
    box = CropTracker(Scripted([SITTING])).update(flow_of(None), DEPTH)
    assert holds(box, SITTING)
    assert box.w < 0.45
    assert box.w * 160 == pytest.approx(box.h * 120)


def test_nobody_is_the_full_frame() -> None:
    tracker = CropTracker(Scripted([]))
    boxes = [tracker.update(flow_of(None), DEPTH) for _ in range(5)]
    assert boxes == [FULL_FRAME] * 5


def test_one_doubtful_find_moves_nothing() -> None:
    finder = Scripted([SITTING])
    tracker = CropTracker(finder)
    before = tracker.update(flow_of(None), DEPTH)
    finder.people = [SITTING, Person(0.15, 0.8, 0.3, 0.9, 0.7)]
    assert tracker.update(flow_of(None), DEPTH) == before


def test_two_who_are_close_are_both_in_the_box() -> None:
    other = Person(0.4, 0.36, 0.35, 0.46, 0.7)
    tracker = CropTracker(Scripted([SITTING, other]))
    for _ in range(10):
        box = tracker.update(flow_of(SITTING), DEPTH)
    assert holds(box, SITTING)
    assert holds(box, other)


def test_of_two_far_apart_the_lively_one_is_kept() -> None:
    tracker = CropTracker(Scripted([SITTING, ACROSS]))
    for _ in range(20):
        box = tracker.update(flow_of(ACROSS), DEPTH)
    assert holds(box, ACROSS)
    assert not holds(box, SITTING)
    assert box.w < 0.5


def test_two_who_are_both_still_are_both_kept() -> None:
    box = CropTracker(Scripted([SITTING, ACROSS])).update(flow_of(None), DEPTH)
    assert holds(box, SITTING)
    assert holds(box, ACROSS)


def test_who_falls_is_never_cut() -> None:
    finder = Scripted()
    tracker = CropTracker(finder)
    for step in range(12):
        share = min(1.0, step / 6)  # upright to lying within 0.8 s
        person = Person(0.8, 0.4, 0.3 + 0.3 * share, 0.5 + 0.2 * share, 0.75)
        finder.people = [person]
        assert holds(tracker.update(flow_of(person), DEPTH), person)


def test_who_is_hidden_for_a_moment_stays_in_the_box_and_who_left_frees_it() -> None:
    finder = Scripted([SITTING])
    tracker = CropTracker(finder)
    before = tracker.update(flow_of(None), DEPTH)
    finder.people = []
    hidden = [tracker.update(flow_of(None), DEPTH) for _ in range(8)]
    assert hidden == [before] * 8
    for _ in range(60):
        last = tracker.update(flow_of(None), DEPTH)
    assert last == FULL_FRAME


def test_without_depth_motion_guides_the_box_although_there_is_a_finder() -> None:
    tracker, plain = CropTracker(Scripted([SITTING])), CropTracker()
    for _ in range(15):
        one, other = tracker.update(flow_of(ACROSS), None), plain.update(flow_of(ACROSS), None)
    assert one == other
    assert holds(one, ACROSS)


def test_a_segmented_person_needs_no_finder() -> None:
    depth = np.zeros((120, 160), np.uint16)
    depth[40:100, 90:110] = 2_500
    tracker = CropTracker(Scripted([SITTING]))
    for _ in range(15):
        box = tracker.update(None, depth)
    assert holds(box, Person(1.0, 90 / 160, 40 / 120, 110 / 160, 100 / 120))
    assert not holds(box, SITTING)
