from __future__ import annotations

from dataclasses import fields
from functools import cache

import numpy as np
import pytest

from edge.errors import GatehouseError, UsageError
from edge.vocabulary import ACTIONS

pytest.importorskip("mujoco", reason="the falls are simulated with mujoco")

from engines.rooms.bodies import GROUP, TEST_BODIES, TRAIN_BODIES, body_library
from engines.rooms.kinematics import Motion, lowest
from engines.rooms.rotations import matrices_rotvec
from engines.rooms.scene import FPS, Scene
from engines.rooms.script import clip_scene
from engines.rooms.stage import NEAREST_M, in_view
from engines.rooms.stories import demo_scene, random_scene

CHANGES = ("sit_down", "stand_up", "lie_down", "get_up", "fall")
SEEDS = range(4)


@pytest.fixture(autouse=True)
def _bodies() -> None:
    try:
        body_library()
    except GatehouseError as error:
        pytest.skip(f"no body library: {error}")


@cache
def clip(action: str, seed: int) -> Scene:
    return clip_scene(action, seed)


def joints(scene: Scene, actor: int = 0) -> np.ndarray:
    who = scene.actors[actor]
    return body_library()[who.body].fk(who.rotations, who.root)[1]


def shown(scene: Scene, action: str, seconds: float = 2.0) -> float:
    begin = scene.duration_s - seconds
    spans = [s for s in scene.truth if s.action == action]
    return sum(max(0.0, s.end_s - max(s.start_s, begin)) for s in spans)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("action", [a for a in ACTIONS if a not in CHANGES])
def test_a_lasting_action_fills_the_last_two_seconds(action: str, seed: int) -> None:
    assert shown(clip(action, seed), action) == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("action", CHANGES)
def test_a_change_of_posture_happens_within_the_last_two_seconds(action: str, seed: int) -> None:
    scene = clip(action, seed)
    last = [s for s in scene.truth if s.action == action][-1]
    assert shown(scene, action) > 0.5
    assert scene.duration_s - last.end_s < 0.7


@pytest.mark.parametrize("action", ACTIONS)
def test_the_truth_covers_the_clip_without_gap_or_overlap(action: str) -> None:
    scene = clip(action, 0)
    assert scene.truth[0].start_s == 0.0
    assert scene.truth[-1].end_s == pytest.approx(scene.duration_s)
    for before, after in zip(scene.truth[:-1], scene.truth[1:], strict=True):
        assert after.start_s == pytest.approx(before.end_s)


@pytest.mark.parametrize("action", ["walk", "fall", "violence", "lie_down", "empty"])
def test_the_same_seed_gives_the_same_scene(action: str) -> None:
    a, b = clip_scene(action, 7), clip_scene(action, 7)
    for one, two in zip(a.actors, b.actors, strict=True):
        np.testing.assert_array_equal(one.rotations, two.rotations)
        np.testing.assert_array_equal(one.root, two.root)
    for name in ("room_m", "furniture", "sounds", "truth", "props", "notes", "keep_clear"):
        assert getattr(a, name) == getattr(b, name)
    for f in fields(a.light):
        np.testing.assert_array_equal(getattr(a.light, f.name), getattr(b.light, f.name))


def test_another_seed_gives_another_scene() -> None:
    assert clip("stand", 0).room_m != clip("stand", 1).room_m


def test_train_and_test_share_no_person() -> None:
    for seed in range(6):
        assert clip_scene("stand", seed, "train").actors[0].body in TRAIN_BODIES
        assert clip_scene("stand", seed, "test").actors[0].body in TEST_BODIES


@pytest.mark.parametrize("seed", range(8))
def test_a_fall_ends_low_and_thuds_while_it_lasts(seed: int) -> None:
    scene = clip("fall", seed)
    span = next(s for s in scene.truth if s.action == "fall")
    end = min(scene.frames - 1, round(span.end_s * FPS))
    assert scene.actors[0].root[end:, 2].max() < 0.4
    thuds = [s.t_s for s in scene.sounds if s.kind == "thud"]
    assert any(span.start_s <= t <= span.end_s + 0.1 for t in thuds)


@pytest.mark.parametrize("action", [a for a in ACTIONS if a != "empty"])
def test_bones_keep_their_length(action: str) -> None:
    scene = clip(action, 1)
    body, at = body_library()[scene.actors[0].body], joints(scene)
    for a, b in (
        ("thigh_l", "shank_l"),
        ("shank_r", "foot_r"),
        ("upper_arm_r", "forearm_r"),
        ("forearm_l", "hand_l"),
    ):
        measured = np.linalg.norm(at[:, GROUP[a]] - at[:, GROUP[b]], axis=1)
        length = np.linalg.norm(body.joints[GROUP[a]] - body.joints[GROUP[b]])
        np.testing.assert_allclose(measured, length, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("action", ["walk", "stand", "wave", "crouch_pick_up"])
def test_feet_neither_sink_nor_float(action: str, seed: int) -> None:
    scene = clip(action, seed)
    body, at = body_library()[scene.actors[0].body], joints(scene)
    ankles = at[:, [GROUP["foot_l"], GROUP["foot_r"]], 2]
    assert ankles.min() > body.ankle - 0.05
    if not scene.furniture:
        motion = Motion(scene.actors[0].rotations, scene.actors[0].root)
        assert np.quantile(lowest(body, motion), 0.9) < 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_the_standing_foot_of_a_walker_stays_put(seed: int) -> None:
    scene = clip("walk", seed)
    feet = joints(scene)[:, [GROUP["foot_l"], GROUP["foot_r"]]]
    speed = np.linalg.norm(np.diff(feet[..., :2], axis=0), axis=-1) * FPS
    slower = speed.min(axis=1)  # at any time one foot bears the weight
    assert np.median(slower) < 0.12
    assert np.quantile(speed.max(axis=1), 0.8) > 0.4
    assert any(s.kind == "step" for s in scene.sounds)


@pytest.mark.parametrize("action", [a for a in ACTIONS if a != "empty"])
def test_nobody_jumps_from_frame_to_frame(action: str) -> None:
    for seed in SEEDS:
        for who in clip(action, seed).actors:
            assert np.linalg.norm(np.diff(who.root, axis=0), axis=1).max() * FPS < 5.0
            trunk = who.rotations[:, :2]
            step = matrices_rotvec(trunk[1:] @ trunk[:-1].swapaxes(-1, -2))
            assert np.linalg.norm(step, axis=-1).max() < 1.2


def test_violence_takes_two() -> None:
    for seed in SEEDS:
        scene = clip("violence", seed)
        assert len(scene.actors) == 2
        apart = scene.actors[0].root[:, :2] - scene.actors[1].root[:, :2]
        assert np.linalg.norm(apart, axis=1).min() < 1.5


def test_an_empty_room_has_nobody_in_it() -> None:
    assert clip("empty", 0).actors == ()


@pytest.mark.parametrize("action", [a for a in ACTIONS if a != "empty"])
def test_the_camera_sees_the_person_inside_the_room_from_a_distance(action: str) -> None:
    for seed in SEEDS:
        scene = clip(action, seed)
        at = joints(scene)
        late = at[-round(2.2 * FPS) :]
        assert in_view(scene.camera, late).mean() > 0.9
        assert np.linalg.norm(at - scene.camera.position, axis=-1).min() > NEAREST_M - 0.1
        assert (np.abs(at[..., :2]) < np.array(scene.room_m[:2]) / 2 + 0.05).all()


def test_unknown_actions_and_splits_are_refused() -> None:
    with pytest.raises(UsageError, match="dance"):
        clip_scene("dance", 0)
    with pytest.raises(UsageError, match="validation"):
        random_scene(0, "validation")


def test_a_long_scene_holds_several_actions() -> None:
    scene = random_scene(3, "train", 30.0)
    assert scene.frames == 30 * FPS == len(scene.actors[0].root)
    assert len({s.action for s in scene.truth}) >= 3
    assert all(0 <= s.t_s < 30 for s in scene.sounds)


def test_the_demonstration_tells_its_story_with_a_person_unseen_in_training() -> None:
    scene = demo_scene(1)
    order = list(dict.fromkeys(s.action for s in scene.truth))
    told = ("empty", "walk", "sit_down", "drink_eat", "stand_up", "fall", "on_floor")
    assert [a for a in order if a in told] == list(told)
    assert scene.actors[0].body in TEST_BODIES
    assert not scene.dark
    assert 38 <= scene.duration_s <= 45
    fallen = next(s.end_s for s in scene.truth if s.action == "fall")
    calls = [s for s in scene.sounds if s.kind == "call_for_help"]
    assert calls[0].text == "help! please help me!"
    assert calls[0].t_s > fallen
