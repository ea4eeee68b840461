from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from edge.errors import GatehouseError, UsageError
from edge.vocabulary import ACTIONS

pytest.importorskip("mujoco", reason="the falls are simulated with mujoco")

from engines.rooms import floor, poses
from engines.rooms.bodies import TEST_BODIES, body_library
from engines.rooms.episodes import EVERYDAY, HARD
from engines.rooms.kinematics import Motion, joined
from engines.rooms.performer import Performer, Place
from engines.rooms.plan import MIXED, STORIES, scene_plans
from engines.rooms.recipes import Cast
from engines.rooms.rotations import matrices_rotvec
from engines.rooms.scene import FPS, Scene
from engines.rooms.script import layout_of
from engines.rooms.setting import Setting, furnished
from engines.rooms.stage import stage
from engines.rooms.stories import random_scene, unseen_is_empty

SECONDS = 30.0


@pytest.fixture(autouse=True)
def _bodies() -> None:
    try:
        body_library()
    except GatehouseError as error:
        pytest.skip(f"no body library: {error}")


@cache
def story(kind: str, seed: int = 1, split: str = "train") -> Scene:
    return random_scene(seed, split, SECONDS, kind)


def digest(value: Any) -> str:
    """Of everything in a scene."""
    if isinstance(value, np.ndarray):
        text = sha256(value.tobytes()).hexdigest()
    elif is_dataclass(value):
        text = ",".join(digest(getattr(value, f.name)) for f in fields(value))
    elif isinstance(value, tuple):
        text = ",".join(map(digest, value))
    else:
        text = repr(value)
    return sha256(text.encode()).hexdigest()


def seconds(scene: Scene, action: str) -> float:
    return sum(s.end_s - s.start_s for s in scene.truth if s.action == action)


@pytest.mark.parametrize("kind", STORIES)
def test_labels_cover_the_whole_scene_without_overlap(kind: str) -> None:
    scene = story(kind)
    assert all(span.action in ACTIONS for span in scene.truth)
    assert scene.truth[0].start_s == 0.0
    assert scene.truth[-1].end_s == pytest.approx(SECONDS)
    for before, after in zip(scene.truth, scene.truth[1:], strict=False):
        assert after.start_s == pytest.approx(before.end_s)
    assert all(len(actor.root) == scene.frames for actor in scene.actors)


@pytest.mark.parametrize("kind", ["falls", "negatives"])
def test_the_same_arguments_give_the_same_scene_and_others_another(kind: str) -> None:
    again = random_scene(1, "train", SECONDS, kind)
    assert digest(again) == digest(story(kind))
    assert digest(story(kind, 2)) != digest(story(kind))
    other = story(kind, 1, "test")
    assert digest(other) != digest(story(kind))
    assert other.actors[0].body in TEST_BODIES


@pytest.mark.parametrize("seed", range(3))
def test_a_fall_thuds_and_ends_on_the_floor(seed: int) -> None:
    scene = story("falls", seed)
    (fall,) = [s for s in scene.truth if s.action == "fall"]
    thuds = [s.t_s for s in scene.sounds if s.kind == "thud"]
    assert any(fall.start_s <= t <= fall.end_s + 0.1 for t in thuds)
    after = next(s for s in scene.truth if s.start_s == pytest.approx(fall.end_s))
    assert after.action == "on_floor"
    frame = round(fall.end_s * FPS) + 1
    assert scene.actors[0].root[frame : frame + 2 * FPS, 2].max() < 0.4
    assert {"fall", "fall_from", "after_fall", "told"} <= set(scene.notes)


@pytest.mark.parametrize("seed", range(3))
def test_a_negative_story_has_nothing_that_a_carer_must_come_for(seed: int) -> None:
    scene = story("negatives", seed)
    assert {s.action for s in scene.truth}.isdisjoint({"fall", "violence"})
    assert {s.kind for s in scene.sounds}.isdisjoint({"scream", "call_for_help"})
    assert sum(scene.notes["told"].count(name) for name in HARD) >= 2


def test_an_attack_is_labelled_violence_and_takes_two() -> None:
    scene = story("violence")
    assert seconds(scene, "violence") > 3
    assert len(scene.actors) == 2
    assert "fall" not in {s.action for s in scene.truth}


def test_calls_for_help_are_heard_without_a_fall() -> None:
    scene = story("calls")
    assert sum(s.kind in ("scream", "call_for_help") for s in scene.sounds) >= 2
    assert "fall" not in {s.action for s in scene.truth}


def test_a_scene_of_no_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="picnic"):
        random_scene(0, "train", 30.0, "picnic")


def test_a_mixed_set_holds_mostly_negatives_and_falls() -> None:
    plans = scene_plans(24, 0, "test", 60.0, MIXED)
    kinds = [plan.story for plan in plans]
    assert [kinds.count(kind) for kind in STORIES] == [8, 12, 2, 2]
    assert len({plan.name for plan in plans}) == 24


def setting(seed: int = 5) -> Setting:
    return furnished(Cast(np.random.default_rng(seed), "train"), door=True, bed=True)


def motion_of(actor: Performer) -> Motion:
    return joined(actor._parts)


@pytest.mark.parametrize("name", sorted({**EVERYDAY, **HARD}))
def test_an_episode_ends_upright_in_time_and_without_a_jump(name: str) -> None:
    place, episode = setting(), {**EVERYDAY, **HARD}[name]
    place.who.hold(1.0, "stand")
    episode.tell(place)
    assert place.who.t - 1.0 <= episode.most_s
    assert place.who.pose.root[2] > 0.7 * place.who.body.leg
    assert {s.action for s in place.who.spans}.isdisjoint({"fall", "violence"})
    for actor in place.people:
        motion = motion_of(actor)
        assert np.linalg.norm(np.diff(motion.root, axis=0), axis=1).max() * FPS < 5.0
        trunk = motion.rotations[:, :2]
        turned = matrices_rotvec(trunk[1:] @ trunk[:-1].swapaxes(-1, -2))
        assert np.linalg.norm(turned, axis=-1).max() < 1.2


@pytest.mark.parametrize("name", ["shake_hands", "hug", "helped_up", "pass_by"])
def test_a_visitor_comes_near_and_leaves_again(name: str) -> None:
    place = setting()
    HARD[name].tell(place)
    (visitor,) = place.visitors
    mine, theirs = motion_of(place.who).root, motion_of(visitor).root
    n = min(len(mine), len(theirs))
    apart = np.linalg.norm((mine[:n] - theirs[:n])[:, :2], axis=1)
    assert 0.25 < apart.min() < (2.5 if name == "pass_by" else 1.0)
    assert theirs[-1, 1] < -2.4  # behind the door


def test_nobody_is_in_the_room_while_its_person_is_out() -> None:
    place = setting()
    HARD["leave"].tell(place)
    layout = layout_of(place.cast, place.people, place.who.t, place.who.t, place.door)
    staged = stage(layout, 1, place.rng, False, 0, smallest_m=place.smallest_m)
    assert staged.notes["placement"] == "fits"
    assert "empty" not in {s.action for s in staged.truth}
    scene = unseen_is_empty(staged)
    (span,) = [s for s in scene.truth if s.action == "empty"]
    assert 3 < span.end_s - span.start_s < 20
    half = np.array(scene.room_m[:2]) / 2
    beyond = (np.abs(scene.actors[0].root[:, :2]) > half).any(axis=1)
    assert beyond[round(span.start_s * FPS) : round(span.end_s * FPS)].all()
    assert not beyond[: round((span.start_s - 1) * FPS)].any()
    assert {s.action for s in scene.truth} == {"walk", "empty"}


@pytest.mark.parametrize("seed", [2, 3])
def test_nobody_falls_out_of_the_door(seed: int) -> None:
    scene = story("falls", seed)
    down = [s for s in scene.truth if s.action in ("fall", "on_floor")]
    rows = slice(round(down[0].start_s * FPS), round(down[-1].end_s * FPS))
    who = scene.actors[0]
    _, joints = body_library()[who.body].fk(who.rotations[rows], who.root[rows])
    assert (np.abs(joints[..., :2]) < np.array(scene.room_m[:2]) / 2 + 0.01).all()


def test_lying_down_on_the_floor_is_labelled_lie_down_until_it_is_done() -> None:
    rng = np.random.default_rng(3)
    body, style = body_library()[0], poses.Style.random(rng)
    upright = Place(0, 0, 0).world(poses.standing(body, style, rng))
    for lower, label in ((floor.lie_down_on_floor, "lie_down"), (floor.sit_on_floor, "sit_down")):
        actor = Performer(body, style, rng, upright)
        lower(actor)
        floor.lie_still(actor, 2.0)
        assert [span.action for span in actor.spans] == [label, "on_floor"]
        assert actor.spans[0].end_s > 3.0  # nobody lets themselves down that slowly who falls
        assert actor.pose.root[2] < 0.3
