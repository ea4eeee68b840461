from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.benchmarks import depth_actions
from engines.benchmarks.actions.clips import SIDE, U8, DepthClip, cut_body, flow_of
from engines.benchmarks.actions.maps import depth_numbers, divisions, flow_numbers
from engines.benchmarks.actions.ridge import opinions, probabilities
from engines.benchmarks.actions.targets import MirrorClasses
from engines.benchmarks.actions.vectors import OTHERS, Vectors, sketch, views_of
from engines.benchmarks.actions.views import mirrored, plain_view, seen
from engines.training.manifest import Row


def row(label: str, subject: str = "s1", dataset: str = "utd_mhad", take: int = 1) -> Row:
    name = f"depth/{dataset}/{label}_{subject}_t{take}.mp4"
    return Row(name, Path(name), dataset, "depth", label, subject)


def arm_swipe(rightwards: bool, count: int = 12, seed: int = 0) -> U8:
    """A body that holds out something that goes from one side to the other."""
    rng = np.random.default_rng(seed)
    body = np.zeros((count, SIDE, SIDE), np.uint8)
    body[:, 30:100, 48:64] = 128
    start = int(rng.integers(20, 28))
    for t in range(count):
        x = start + round(50 * t / (count - 1))
        body[t, 40:50, x : x + 8] = 200
    return body if rightwards else body[::-1].copy()


@pytest.mark.parametrize("kind", ["depth", "flow"])
def test_a_clip_played_backwards_is_another_clip(kind: str) -> None:
    def numbers(body: U8) -> np.ndarray:
        if kind == "depth":
            return depth_numbers(body)
        return flow_numbers(body, flow_of(body).astype(np.float32))

    forth, back = numbers(arm_swipe(True)), numbers(arm_swipe(False))
    again = numbers(arm_swipe(True, count=15, seed=1))
    assert forth @ again > forth @ back + 0.1 * (forth @ forth)


def test_a_machine_tells_a_swipe_to_the_right_from_one_to_the_left() -> None:
    bodies = [arm_swipe(right, 10 + i, i) for i in range(6) for right in (True, False)]
    vectors = np.stack([sketch(depth_numbers(body)) for body in bodies])
    targets = np.array([int(right) for _ in range(6) for right in (True, False)])
    groups = [f"s{i}" for i in range(6) for _ in (0, 1)]
    learned = np.array([i < 8 for i in range(12)])
    said = opinions(vectors, learned, targets, 2, groups)
    assert (said.argmax(axis=1) == targets).all()


def test_parts_of_equal_motion_forgive_a_late_start() -> None:
    prompt = arm_swipe(True, 12)
    late = np.concatenate([np.repeat(prompt[:1], 12, axis=0), prompt])
    equal, moving = divisions(late)
    assert equal.tolist() == [0, 6, 12, 18, 24]
    assert moving[1] > 12


def test_what_is_said_of_a_training_group_does_not_depend_on_its_own_labels() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(12, 20)).astype(np.float32)
    groups = ["s1"] * 4 + ["s3"] * 4 + ["s2"] * 4
    learned = np.array([True] * 8 + [False] * 4)
    targets = np.arange(12) % 3
    changed = targets.copy()
    changed[:4] = (changed[:4] + 1) % 3
    one = opinions(vectors, learned, targets, 3, groups)
    other = opinions(vectors, learned, changed, 3, groups)
    assert one[:4] == pytest.approx(other[:4])
    assert not np.allclose(one[4:], other[4:])


def test_labels_of_the_test_side_change_nothing() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(9, 20)).astype(np.float32)
    groups, learned = ["s1"] * 3 + ["s3"] * 3 + ["s2"] * 3, np.array([True] * 6 + [False] * 3)
    targets = np.arange(9) % 3
    changed = np.where(learned, targets, 0)
    one, other = (opinions(vectors, learned, t, 3, groups) for t in (targets, changed))
    assert (one == other).all()


def test_a_mirror_image_is_another_action_unless_the_action_is_symmetric() -> None:
    classes = MirrorClasses.of([row("a1"), row("a4"), row("a2")])
    assert classes.plain == ("a1", "a2", "a4")
    assert classes.target("a1", True) not in (
        classes.target("a1", False),
        classes.target("a2", False),
    )
    assert classes.target("a4", True) == classes.target("a4", False)
    assert classes.count == 5
    assert classes.mirrored.tolist() == [3, 4, 2]


def test_a_sketch_keeps_inner_products() -> None:
    rng = np.random.default_rng(4)
    a, b = (rng.normal(size=50_000).astype(np.float32) for _ in range(2))
    a, c = a / np.linalg.norm(a), (a + b) / np.linalg.norm(a + b)
    assert sketch(a) @ sketch(c) == pytest.approx(float(a @ c), abs=0.05)


def test_a_mirrored_view_has_the_flow_of_the_mirrored_clip() -> None:
    body = arm_swipe(True)
    clip = DepthClip(row("a1"), 1.0, body, flow_of(body))
    straight, flow = seen(clip, plain_view())
    body_back, flow_back = seen(clip, mirrored(plain_view()))
    assert (body_back == straight[:, :, ::-1]).all()
    assert flow_back[..., 0] == pytest.approx(-flow[:, :, ::-1, 0])
    assert flow_back[..., 1] == pytest.approx(flow[:, :, ::-1, 1])


def test_only_clips_that_are_learned_from_are_shown_in_other_views() -> None:
    assert [view.mirror for view in views_of("x", learned=False)] == [False, True]
    views = views_of("x", learned=True)
    assert len(views) == 2 * (1 + OTHERS)
    assert [view.mirror for view in views] == [False, True] * (1 + OTHERS)


def test_the_crop_does_not_change_its_scale_when_an_arm_goes_up() -> None:
    depth = np.zeros((2, 224, 298), np.uint16)
    depth[:, 60:200, 130:160] = 2700
    depth[1, 20:60, 150:158] = 2700
    cut = cut_body(depth, 590_000.0)
    trunk = [(frame[:, :40] > 0).any(axis=0).sum() + (frame > 0)[60].sum() for frame in cut]
    assert trunk[0] == trunk[1]
    assert (cut[1] > 0).sum() > (cut[0] > 0).sum()


def test_a_clip_with_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody"):
        cut_body(np.zeros((3, 20, 20), np.uint16), 590_000.0)


def test_no_subject_is_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    from engines.benchmarks.items import Workbench
    from engines.benchmarks.splits import Sides

    rows = [row(a, s, take=t) for s in ("s1", "s3", "s2") for a in ("a1", "a4") for t in (1, 2)]
    rng = np.random.default_rng(5)

    def vectors(rows: list[Row], learned: frozenset[str], *_: object) -> list[Vectors]:
        def some(r: Row) -> Vectors:
            count = 2 * (1 + OTHERS * (r.name in learned))
            made = [rng.normal(size=(count, 30)).astype(np.float16) for _ in range(3)]
            return Vectors(r, 2.0, *made)

        return [some(r) for r in rows]

    monkeypatch.setattr(depth_actions, "read_vectors", vectors)
    train, test = (tuple(r for r in rows if (r.group == "s2") == side) for side in (False, True))
    bench = Workbench("", "", None, 1)
    asked = depth_actions.question("utd_mhad", Sides(train, test), bench, lambda *_: None)
    (fold,) = asked.folds
    assert not set(fold.train.groups) & set(fold.test.groups)
    assert len(fold.train) == 8 * (1 + OTHERS)
    assert fold.test.features.shape[2] == 2
    assert len(fold.test) == 4
    for baseline in asked.baselines.values():
        assert baseline(fold).scores.shape == (4, 2)


def test_scores_of_a_group_left_out_are_on_the_scale_of_those_of_a_new_group() -> None:
    rng = np.random.default_rng(6)
    targets = np.tile(np.arange(4), 15)
    groups = [f"s{i // 20}" for i in range(60)]
    classes, persons = (rng.normal(size=(n, 200)).astype(np.float32) for n in (4, 3))
    vectors = classes[targets] + 3 * persons[np.arange(60) // 20]
    vectors += rng.normal(0, 0.3, vectors.shape).astype(np.float32)
    learned = np.arange(60) < 40
    said = opinions(vectors, learned, targets, 4, groups)
    assert said[:40].mean() == pytest.approx(said[40:].mean(), abs=0.1)
    assert (said.argmax(axis=1) == targets).mean() > 0.9


def test_probabilities_are_as_sharp_as_machines_were_right_on_groups_they_had_not_seen() -> None:
    rng = np.random.default_rng(7)
    targets = np.arange(300) % 3
    noise = rng.normal(0, 0.5, (300, 3)).astype(np.float32)
    right = np.eye(3, dtype=np.float32)[targets]
    learned = np.arange(300) < 200
    good, poor = (probabilities(right * k + noise, targets, learned) for k in (3.0, 0.3))
    assert good.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert good.max(axis=1).mean() > poor.max(axis=1).mean() + 0.2
    hits = (poor.argmax(axis=1) == targets)[200:].mean()
    assert poor.max(axis=1)[200:].mean() == pytest.approx(hits, abs=0.12)
