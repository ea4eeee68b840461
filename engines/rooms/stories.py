"""Long scenes: somebody's minute with or without an alarm in it, and the demonstration."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError
from engines.rooms import actions, floor, incidents, poses
from engines.rooms.bodies import TEST_BODIES, body_library
from engines.rooms.episodes import EVERYDAY, HARD, tell_until
from engines.rooms.floor import NotFallenError
from engines.rooms.performer import Performer, Place
from engines.rooms.plan import MIXED, STORIES
from engines.rooms.recipes import Cast
from engines.rooms.rotations import F64
from engines.rooms.scene import FPS, Camera, Light, Scene, Span
from engines.rooms.script import SPLITS, bystander, layout_of
from engines.rooms.setting import furnished, visit_seat
from engines.rooms.stage import in_view, keep_clear, stage

_ATTEMPTS = 12
_INCIDENTS = {"falls": incidents.fall, "violence": incidents.attack, "calls": incidents.call}
_DARK, _DOOR, _BED, _BYSTANDER = 0.22, 0.5, 0.6, 0.2
_TAKES_S = 9.0  # what an incident needs to be seen whole


def random_scene(seed: int, split: str, duration_s: float = 60.0, kind: str | None = None) -> Scene:
    """Somebody's minute: what people do of a day, much of it easily mistaken for a fall.

    kind: one of STORIES, None draws one. The same arguments give the same scene.
    Raises: UsageError for an unknown split or kind.
    """
    if split not in SPLITS:
        raise UsageError(f"no split {split!r}; choose one of {', '.join(SPLITS)}")
    if kind is not None and kind not in STORIES:
        raise UsageError(f"no kind of scene {kind!r}; choose one of {', '.join(STORIES)}")
    about = kind or str(np.random.default_rng([seed, 0x10A5]).choice(MIXED))
    key = [seed, 0x10A6, SPLITS.index(split), STORIES.index(about)]
    place = _Place.random(np.random.default_rng(key))
    for attempt in range(_ATTEMPTS):
        cast = Cast(np.random.default_rng([*key, attempt]), split)
        with suppress(NotFallenError):
            scene = _story(cast, seed, duration_s, about, place)
            if scene.notes["placement"] == "fits" or attempt == _ATTEMPTS - 1:
                return scene
    raise RuntimeError(f"nobody fell in {_ATTEMPTS} attempts: seed {seed}")


@dataclass(frozen=True, slots=True)
class _Place:
    """What is drawn once, so that a story which is hard to stage is not told more rarely."""

    dark: bool
    door: bool
    bed: bool

    @classmethod
    def random(cls, rng: np.random.Generator) -> _Place:
        return cls(*(bool(rng.random() < share) for share in (_DARK, _DOOR, _BED)))


def _story(cast: Cast, seed: int, duration_s: float, kind: str, place: _Place) -> Scene:
    rng, clutter = cast.rng, int(cast.rng.integers(2, 7))
    setting = furnished(cast, place.door, place.bed)
    cast.notes["story"] = kind
    actions.stand(setting.who, float(rng.uniform(1, 2.5)))
    if kind == "negatives":
        tell_until(setting, HARD, duration_s, duration_s + 12.0)
    else:
        turning = duration_s * float(rng.uniform(0.25, 0.55))
        told = HARD if rng.random() < 0.4 else EVERYDAY
        tell_until(setting, told, turning, max(turning, duration_s - 2 * _TAKES_S))
        _INCIDENTS[kind](setting, duration_s)
    cast.notes["told"] = "; ".join(setting.told)
    people = setting.people
    if len(people) == 1 and setting.door is None and rng.random() < _BYSTANDER:
        people = (*people, *bystander(cast, setting.who, duration_s))
    layout = layout_of(cast, people, duration_s, duration_s, setting.door)
    scene = stage(layout, seed, rng, place.dark, clutter, smallest_m=setting.smallest_m)
    if setting.door is None:
        return scene
    if falls_through_wall(scene):
        raise NotFallenError("nobody falls out of the door")
    return unseen_is_empty(scene)


def falls_through_wall(scene: Scene) -> bool:
    """Whether the observed person is partly out of the room other than by walking there."""
    beyond = _beyond(scene).any(axis=1)
    walks = np.array([name in ("walk", "stand") for name in _names(scene)])
    return bool((beyond & ~walks).any())


def unseen_is_empty(scene: Scene) -> Scene:
    """Rewrite the truth of the frames in which the observed person is out of the room."""
    away = _beyond(scene).mean(axis=1) > 0.8
    names = ["empty" if gone else name for name, gone in zip(_names(scene), away, strict=True)]
    spans, begin = [], 0
    for name, group in groupby(names):
        end = begin + len(list(group))
        spans.append(Span(name, begin / FPS, end / FPS))
        begin = end
    return replace(scene, truth=tuple(spans))


def _beyond(scene: Scene) -> NDArray[np.bool_]:
    """(T, G) which of the observed person's joints are outside the walls."""
    actor = scene.actors[0]
    _, joints = body_library()[actor.body].fk(actor.rotations, actor.root)
    return np.asarray((np.abs(joints[..., :2]) > np.array(scene.room_m[:2]) / 2).any(-1))


def _names(scene: Scene) -> list[str]:
    """The true action of each frame."""
    names = ["stand"] * scene.frames
    for span in scene.truth:
        first, last = round(span.start_s * FPS), min(round(span.end_s * FPS), scene.frames)
        names[first:last] = [span.action] * (last - first)
    return names


def demo_scene(seed: int) -> Scene:
    """About 40 s in bright light: walk in, sit, drink, stand up, fall, lie there, call for help.

    The person is one of the test bodies; everything happens in full view of the camera.
    """
    for attempt in range(_ATTEMPTS):
        cast = Cast(np.random.default_rng([seed, 0xDE30, attempt]), "test")
        with suppress(NotFallenError):
            scene = _demo(cast, seed)
            if _seen(scene)[-1] > 0.99:  # the whole person, where they came to lie
                return scene
    raise RuntimeError(f"no fall in full view in {_ATTEMPTS} attempts: demo seed {seed}")


def _seen(scene: Scene) -> F64:
    """Fraction (T,) of the observed person's joints within both the picture and the room."""
    actor = scene.actors[0]
    _, joints = body_library()[actor.body].fk(actor.rotations, actor.root)
    inside = (np.abs(joints[..., :2]) < np.array(scene.room_m[:2]) / 2).all(-1).mean(1)
    return np.asarray(in_view(scene.camera, joints) * inside)


def _demo(cast: Cast, seed: int) -> Scene:
    """Room 4.8 x 4.4 m; the door is in the wall at y = -2.2, the camera in the corner beside it."""
    rng = cast.rng
    style = replace(poses.Style.random(rng), pace=0.75, stoop_deg=8.0)
    body = body_library()[int(rng.choice(TEST_BODIES))]
    outside = Place(0.9, -2.9, 180.0)
    who = Performer(body, style, rng, outside.world(poses.standing(body, style, rng)))
    chair = cast.put("chair", Place(-1.2, 0.2, 80.0))
    cast.put("side_table", Place(-1.15, 0.9, 80.0))
    who.hold(1.5, "empty")
    who.sound("door", -1.0, 0.7)
    actions.walk_to(who, Place(0.2, -0.2, 190.0))
    visit_seat(who, chair, drinks=True, seconds=6.0)
    actions.walk_to(who, Place(-0.05, 0.45, 125.0))
    cast.notes["fall"] = floor.fall(who, "trip")
    floor.lie_on_floor(who, 2.5)
    for text in (
        "help! please help me!",
        "help! I have fallen! please help me!",
        "help me, please!",
    ):
        who.sound("call_for_help", 0.0, 1.0, text)
        floor.lie_on_floor(who, 3.2)
    duration = max(40.0, float(np.ceil(who.t)))
    floor.lie_on_floor(who, duration - who.t)
    layout = layout_of(cast, (who,), duration, duration)
    lamp = np.array([0.0, 0.2, 2.3])
    scene = Scene(
        seed=seed, room_m=(4.8, 4.4, 2.5), dark=False,
        camera=Camera(np.array([2.2, -2.0, 2.2]), np.array([-0.3, 0.2, 0.55]), 76.0),
        light=Light(lamp, np.array([2.4, 2.3, 2.1]), np.full(3, 0.4), np.full(3, 0.2), False),
        furniture=layout.furniture, clutter=4, actors=layout.actors, props=(),
        sounds=tuple(sorted(layout.sounds, key=lambda s: s.t_s)), truth=(), duration_s=duration,
        keep_clear=keep_clear(layout), notes={**layout.notes, "placement": "fits"},
    )  # fmt: skip
    who.relabel(0.0, "empty", until=float(np.argmax(_seen(scene) > 0.2)) / FPS)
    return replace(scene, truth=tuple(who.spans))
