from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.errors import ConfigError
from edge.values import F32
from engines.benchmarks.postures.describe import mirrored_motion, pose_numbers
from engines.benchmarks.postures.labels import Course, camera_of, clip_of, read_courses, tag_at
from engines.benchmarks.postures.motion import motion_numbers
from engines.benchmarks.postures.movenet import GRID, POINTS, decode
from engines.benchmarks.postures.track import (
    TURNS,
    Box,
    lifted,
    mirrored_points,
    moving_part,
    onto_picture,
)
from engines.training.manifest import Row


def row(name: str, label: str) -> Row:
    return Row(f"video/urfd/{name}.mp4", Path(f"{name}.mp4"), "urfd", "rgb", label, "P1|office|x")


FALL = Course(
    {n: "upright" if n < 31 else "going_down" if n < 61 else "lying" for n in range(1, 160)}
)


def test_a_picture_is_told_by_its_two_rows() -> None:
    course = Course({1: "upright", 2: "upright", 3: "going_down", 4: "going_down"})
    assert course.at(0.0) == "upright"
    assert course.at(1 / 15) == "going_down"


def test_rows_that_differ_or_are_not_there_say_nothing() -> None:
    course = Course({1: "upright", 2: "going_down", 3: "lying"})
    assert course.at(0.0) is None
    assert course.at(1 / 15) == "lying"
    assert course.at(2 / 15) is None


def test_tables_are_read_by_clip_and_the_first_folder_wins(tmp_path: Path) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    for folder, code in ((near, "1"), (far, "0")):
        folder.mkdir()
        (folder / "urfall-cam0-falls.csv").write_text(f"fall-01,1,{code},0.5\nfall-01,2,{code},1\n")
    (far / "urfall-cam0-adls.csv").write_text("adl-01,7,-1\n")
    courses = read_courses([near, far])
    assert courses["fall-01"].at(0.0) == "lying"
    assert courses["adl-01"].rows == {7: "upright"}


def test_a_table_with_another_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "urfall-cam0-falls.csv").write_text("fall-01,1,7\n")
    with pytest.raises(ConfigError, match="-1 or 0 or 1"):
        read_courses([tmp_path])


def test_clip_and_camera_come_from_the_name() -> None:
    assert clip_of(row("fall-07-cam1", "x")) == "fall-07"
    assert camera_of(row("fall-07-cam1", "x")) == "cam1"


@pytest.mark.parametrize(
    ("t_s", "tag"),
    [(0.9, "pre_fall"), (1.2, None), (1.5, "fall"), (2.9, "fall"), (3.1, None)],
)
def test_a_fall_must_be_seen_from_half_a_second_after_it_begins(
    t_s: float, tag: str | None
) -> None:
    assert tag_at(row("fall-01-cam0", "fall_from_sitting"), FALL, t_s) == tag


def test_lying_down_on_purpose_is_its_own_kind_from_when_it_begins() -> None:
    bed = row("adl-10-cam0", "lie_down_bed")
    assert tag_at(bed, FALL, 0.9) == "adl"
    assert tag_at(bed, FALL, 1.0) == "lie_down"
    assert tag_at(bed, FALL, 4.0) == "lie_down"


def test_points_are_found_near_where_the_likeliest_centre_expects_them() -> None:
    centre = np.full((GRID, GRID), -9.0, np.float32)
    heat = np.full((POINTS, GRID, GRID), -9.0, np.float32)
    regressed = np.zeros((2 * POINTS, GRID, GRID), np.float32)
    centre[20, 30] = 3.0
    regressed[0::2, 20, 30] = -6.0
    heat[:, 14, 30] = 2.0  # where it is expected, six rows up
    heat[:, 40, 5] = 2.2  # somebody else's
    points, sure = decode(centre, heat, regressed, np.zeros_like(regressed))
    assert points[:, :2] == pytest.approx(np.tile([30 / GRID, 14 / GRID], (POINTS, 1)))
    assert sure == pytest.approx(0.953, abs=1e-3)


def turned(points: F32, turn: int) -> F32:
    """Points of the unturned view, as they appear when it is turned by quarters."""
    mask = np.zeros((100, 100))
    found = points.copy()
    for i, (x, y) in enumerate(points[:, :2]):
        mask[:] = 0
        mask[int(y * 100), int(x * 100)] = 1
        (v,), (u,) = np.nonzero(np.rot90(mask, turn))
        found[i, :2] = (u + 0.5) / 100, (v + 0.5) / 100
    return found


@pytest.mark.parametrize("turn", TURNS)
def test_points_of_a_turned_view_come_back_to_their_place(turn: int) -> None:
    box = Box(0.6, 0.5, 0.8)
    points = np.array([[0.205, 0.105, 1.0], [0.705, 0.305, 0.5]], np.float32)
    back = onto_picture(turned(points, turn), box, turn)
    assert back[:, 0] == pytest.approx(0.2 + 0.8 * points[:, 0], abs=1e-5)
    assert back[:, 1] == pytest.approx(0.1 + 0.8 * points[:, 1], abs=1e-5)


def test_a_mirror_exchanges_left_and_right() -> None:
    points = np.zeros((17, 3), np.float32)
    points[5] = 0.2, 0.4, 1.0  # left shoulder
    mirrored = mirrored_points(points, 1.33)
    assert mirrored[6] == pytest.approx([1.13, 0.4, 1.0])


def test_motion_of_a_mirrored_film_is_that_of_the_mirrored_flow() -> None:
    rng = np.random.default_rng(3)
    flow = rng.integers(-60, 60, (120, 160, 2)).astype(np.int8)
    box, width = Box(0.5, 0.5, 0.6), 160 / 120
    mirror = flow[:, ::-1] * np.array([-1, 1], np.int8)
    there = motion_numbers(mirror, Box(width - box.x, box.y, box.side))
    assert mirrored_motion(motion_numbers(flow, box)[None])[0] == pytest.approx(there, abs=0.05)


def test_the_largest_moving_part_is_somebody_and_specks_are_nobody() -> None:
    flow = np.zeros((120, 160, 2), np.int8)
    flow[3:5, 3:5] = 80
    assert moving_part(flow) is None
    flow[40:80, 100:120, 1] = 80
    part = moving_part(flow)
    assert part is not None
    assert part == pytest.approx([110 / 120, 60 / 120, 20 / 120, 40 / 120])


def test_dim_pictures_are_lifted_and_others_stay() -> None:
    dim = np.full((8, 8, 3), 20, np.uint8)
    assert 90 < lifted(dim).mean() < 110
    light = np.full((8, 8, 3), 90, np.uint8)
    assert lifted(light) is light


def test_a_pose_is_told_alike_wherever_and_however_large_it_is() -> None:
    rng = np.random.default_rng(5)
    points = rng.uniform(0.2, 0.8, (1, 17, 3)).astype(np.float32)
    far = points.copy()
    far[..., :2] = far[..., :2] * 0.5 + 0.3
    sure = np.ones((1, 3), np.float32)
    near_said = pose_numbers(points, np.array([[0.5, 0.5, 1.0]], np.float32), sure)
    far_said = pose_numbers(far, np.array([[0.55, 0.55, 0.5]], np.float32), sure)
    about = slice(3, 37)
    assert near_said[0, about] == pytest.approx(far_said[0, about], abs=1e-4)
