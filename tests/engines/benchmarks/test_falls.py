from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.benchmarks import falls
from engines.benchmarks.postures.films import Film
from engines.benchmarks.postures.labels import Course
from engines.benchmarks.postures.motion import MOTION
from engines.benchmarks.postures.movenet import BACKBONE
from engines.benchmarks.postures.windows import Describer, Window, with_mirrored
from engines.benchmarks.splits import Sides
from engines.training.manifest import Row
from engines.training.split import group_of

pytest.importorskip("torch", reason="needs the extra: train")

FRAMES = 30


def row(clip: str, label: str, who: str, camera: str = "cam0") -> Row:
    name = f"video/urfd/{clip}-{camera}.mp4"
    return Row(name, Path(name), "urfd", "rgb", label, f"{who}|{clip}")


def film(one: Row, seed: int) -> Film:
    rng = np.random.default_rng(seed)
    return Film(
        row=one,
        group=group_of(one),
        times_ns=np.arange(FRAMES, dtype=np.int64) * 2_000_000_000 // 15,
        points=rng.uniform(0, 1, (FRAMES, 17, 3)).astype(np.float32),
        sure=rng.uniform(0, 1, (FRAMES, 3)).astype(np.float32),
        boxes=rng.uniform(0.4, 0.6, (FRAMES, 3)).astype(np.float32),
        features=rng.normal(size=(FRAMES, BACKBONE)).astype(np.float32),
        mirrored=rng.normal(size=(FRAMES, BACKBONE)).astype(np.float32),
        motion=rng.normal(size=(FRAMES, MOTION)).astype(np.float32),
        light=np.full(FRAMES, 0.4, np.float32),
        width=1.33,
    )


ROWS = [
    row("fall-01", "fall_from_sitting", "P1|office"),
    row("fall-07", "fall_from_sitting", "P2|office"),
    row("fall-13", "fall_from_sitting", "P3|office"),
    row("fall-19", "fall_from_sitting", "P4|office"),
    row("adl-01", "crouch", "roomA|roomA"),
    row("adl-10", "lie_down_bed", "roomA|roomA"),
    row("adl-21", "lie_down_sofa", "roomB_dark|roomB_dark"),
]
GOES_DOWN = Course(
    {n: "upright" if n < 41 else "going_down" if n < 71 else "lying" for n in range(1, 121)}
)
STAYS_UP = Course(dict.fromkeys(range(1, 121), "upright"))
COURSES = {
    name: STAYS_UP if name == "adl-01" else GOES_DOWN
    for name in ("fall-01", "fall-07", "fall-13", "fall-19", "adl-01", "adl-10", "adl-21")
}


@pytest.fixture
def parts() -> list[falls.Part]:
    films = [film(one, seed) for seed, one in enumerate(ROWS)]
    return falls.parts_of(films, Sides(tuple(ROWS), ()))


def test_no_person_and_no_scene_of_daily_life_is_on_both_sides(parts: list[falls.Part]) -> None:
    assert len(parts) == 4
    for part in parts:
        assert not {f.group for f in part.train} & {f.group for f in part.test}
    assert sum(len(part.test) for part in parts) == len(ROWS)


def test_posture_is_judged_inside_fall_clips_alone(parts: list[falls.Part]) -> None:
    asked = falls.posture_question(parts, COURSES, Describer(), ())
    for fold in asked.folds:
        assert all("/fall-" in name for name in fold.test.names)
        assert any("/adl-" in name for name in fold.train.names)
        assert set(fold.test.labels.tolist()) == {0, 1, 2}


def test_each_kind_of_negative_has_its_table_and_all_share_one_training(
    parts: list[falls.Part],
) -> None:
    asked = falls.fall_questions(parts, COURSES, Describer(), ())
    assert [q.name for q in asked] == [
        "false_falls_pre_fall",
        "false_falls_lie_down",
        "false_falls_adl",
    ]
    for question, tag in zip(asked, falls.NEGATIVES, strict=True):
        for fold in question.folds:
            assert set(fold.test.tags) <= {"fall", tag}
            wrong = [t for t, y in zip(fold.test.tags, fold.test.labels, strict=True)
                     if (t == "fall") != (question.folds[0].test.classes[y] == "fall")]  # fmt: skip
            assert not wrong
    assert asked[0].folds[0].train is asked[1].folds[0].train
    assert {"pre_fall", "lie_down", "adl", "fall"} <= set(asked[0].folds[0].train.tags)


def test_test_windows_are_neither_mirrored_nor_repeated(parts: list[falls.Part]) -> None:
    for question in falls.fall_questions(parts, COURSES, Describer(), ()):
        for fold in question.folds:
            assert len(set(fold.test.names)) == len(fold.test)


def test_the_room_alone_tells_which_clips_are_falls(parts: list[falls.Part]) -> None:
    asked = falls.clip_question(parts, ROWS, Describer(), ())
    right = total = 0
    for fold in asked.folds:
        if set(falls.rooms(fold.test)) <= set(falls.rooms(fold.train)):
            said = asked.baselines["room"](fold).scores.argmax(axis=1)
            right, total = right + int((said == fold.test.labels).sum()), total + len(said)
    assert right == total > 0


def test_clips_of_another_manifest_are_judged_and_their_groups_are_not_learned() -> None:
    films = [film(one, seed) for seed, one in enumerate(ROWS)]
    sides = Sides(tuple(ROWS[:2]), (ROWS[2],), note="judged on other clips")
    (part,) = falls.parts_of([f for f in films if f.row in ROWS[:3]], sides)
    assert [f.row.name for f in part.test] == [ROWS[2].name]
    assert {f.group for f in part.train} == {"urfd|P1|office", "urfd|P2|office"}


def test_a_window_knows_nothing_of_later_frames() -> None:
    whole = film(ROWS[0], 0)
    at = Window(whole, 12, "fall", "fall")
    items = Describer().items([at], falls.FALL_CLASSES)
    later = film(ROWS[0], 0)
    later.points[13:] = 0
    later.motion[13:] = 0
    later.features[13:] = 0
    again = Describer().items([Window(later, 12, "fall", "fall")], falls.FALL_CLASSES)
    assert (items.features == again.features).all()
    assert (items.quality == again.quality).all()


def test_order_is_in_the_vectors() -> None:
    forth = film(ROWS[0], 0)
    back = film(ROWS[0], 0)
    for array in (back.points, back.motion, back.features):
        array[:13] = array[:13][::-1].copy()
    one, other = (
        Describer().items([Window(f, 12, "fall", "fall")], falls.FALL_CLASSES)
        for f in (forth, back)
    )
    for m in range(2):
        assert not np.allclose(one.features[0, m], other.features[0, m])


def test_mirror_images_double_the_windows_and_keep_their_labels() -> None:
    windows = [Window(film(ROWS[0], 0), 5, "fall", "fall")]
    items = Describer().items(with_mirrored(windows), falls.FALL_CLASSES)
    assert len(items) == 2
    assert items.labels.tolist() == [1, 1]
    assert not np.allclose(items.features[0], items.features[1])
