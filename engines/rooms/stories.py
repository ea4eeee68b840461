"""Long scenes: a random course of events, often with a fall, and the demonstration."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np

from edge.errors import UsageError
from engines.rooms import actions, floor, poses, violence
from engines.rooms import bed as beds
from engines.rooms.bodies import TEST_BODIES, body_library
from engines.rooms.floor import NotFallenError
from engines.rooms.gait import heading
from engines.rooms.performer import Performer, Place
from engines.rooms.recipes import Cast, boxes_of
from engines.rooms.rotations import F64
from engines.rooms.scene import FPS, Camera, Furniture, Light, Scene
from engines.rooms.script import SPLITS, bystander, layout_of
from engines.rooms.stage import in_view, keep_clear, stage

_ATTEMPTS = 8
_ENDINGS = ("fall", "fall", "fall", "calm", "calm", "violence")
_SEAT, _BED = Place(-0.9, 1.0, 0.0), Place(1.0, 1.0, 0.0)


def random_scene(seed: int, split: str, duration_s: float = 60.0) -> Scene:
    """Somebody's minute: walking, sitting, drinking, bending, and often a fall or an attack.

    The same arguments give the same scene. Raises UsageError for an unknown split.
    """
    if split not in SPLITS:
        raise UsageError(f"no split {split!r}; choose one of {', '.join(SPLITS)}")
    for attempt in range(_ATTEMPTS):
        cast = Cast(np.random.default_rng([seed, 0x10A6, SPLITS.index(split), attempt]), split)
        with suppress(NotFallenError):
            scene = _story(cast, seed, duration_s)
            if scene.notes["placement"] == "fits" or attempt == _ATTEMPTS - 1:
                return scene
    raise RuntimeError(f"nobody fell in {_ATTEMPTS} attempts: seed {seed}")


def _story(cast: Cast, seed: int, duration_s: float) -> Scene:
    rng = cast.rng
    dark, clutter = bool(rng.random() < 0.22), int(rng.integers(2, 7))
    ending = str(rng.choice(_ENDINGS))
    who = cast.person(place=Place(0.0, -0.3, float(rng.uniform(0, 360))))
    seat = cast.put(str(rng.choice(("chair", "wheelchair", "couch"))), _SEAT)
    bed = cast.put("bed", _BED, int(rng.choice((-1, 1)))) if rng.random() < 0.4 else None
    turning = duration_s * float(rng.uniform(0.3, 0.7)) if ending != "calm" else duration_s
    cast.notes["ending"] = ending
    actions.stand(who, float(rng.uniform(1, 3)))
    while who.t < turning:
        _episode(who, seat, bed)
    cast_all: tuple[Performer, ...] = (who,)
    if ending == "fall":
        _accident(who, cast, duration_s)
    elif ending == "violence":
        cast_all = (who, _attack(who, cast, duration_s))
    elif rng.random() < 0.25:
        cast_all = (who, *bystander(cast, who, duration_s))
    layout = layout_of(cast, cast_all, duration_s, duration_s)
    return stage(layout, seed, rng, dark, clutter, smallest_m=4.2 if bed else 3.6)


def _episode(who: Performer, seat: Furniture, bed: Furniture | None) -> None:
    """One thing people do, ending upright in the open."""
    rng = who.rng
    kind = str(
        rng.choice(
            (
                "stroll",
                "stroll",
                "stand",
                "crouch",
                "crouch",
                "wave",
                "drink",
                "seat",
                "seat",
                "bed",
            )
        )
    )
    if kind == "seat":
        visit_seat(who, seat, drinks=rng.random() < 0.5, seconds=float(rng.uniform(3, 9)))
    elif kind == "bed" and bed is not None:
        _visit_bed(who, bed, float(rng.uniform(4, 10)))
    elif kind == "stand":
        actions.stand(who, float(rng.uniform(2, 6)))
    elif kind == "crouch":
        actions.crouch(who, float(rng.uniform(2.3, 5)))
    elif kind == "wave":
        actions.wave(who, float(rng.uniform(2.5, 5)))
    elif kind == "drink":
        actions.drink(who, float(rng.uniform(3, 7)))
    else:
        go_to(who, Place(float(rng.uniform(-0.9, 0.9)), float(rng.uniform(-1.3, 0.0)), 0.0))


def go_to(who: Performer, end: Place) -> None:
    """Turn towards a point and walk there; arrive facing the way of the walk."""
    here = who.place
    if np.hypot(end.x - here.x, end.y - here.y) < 0.4:
        return
    way = heading(here, end.x, end.y)
    if abs((way - here.yaw_deg + 180) % 360 - 180) > 35:
        actions.turn_towards(who, way)
    actions.walk_to(who, Place(end.x, end.y, way))


def _settle(who: Performer, piece: Furniture) -> Place:
    """Go to a seat or bed, turn round, sit down; returns the frame of the hips."""
    spot = Place(piece.x, piece.y, piece.yaw_deg)
    sitting, frame = actions.seat_pose(who, spot, piece.kind, piece.height)
    ready = actions.before_seat(who, sitting, frame)
    front = frame.point(0.0, -0.85)
    go_to(who, Place(float(front[0]), float(front[1]), 0.0))
    here = who.place
    actions.turn_towards(who, piece.yaw_deg, ready.root[:2] - np.array([here.x, here.y]))
    who.go(ready, 0.4, "stand")
    actions.sit_down(who, sitting, frame, scrape=piece.kind == "chair")
    return frame


def visit_seat(who: Performer, seat: Furniture, drinks: bool, seconds: float) -> None:
    """Sit down, stay a while, perhaps drink, stand up."""
    frame = _settle(who, seat)
    actions.sit(who, 1.5 if drinks else seconds)
    if drinks:
        actions.drink(who, seconds)
        actions.sit(who, 1.5, "hang")
    actions.stand_up(who, frame, scrape=seat.kind == "chair")


def _visit_bed(who: Performer, bed: Furniture, seconds: float) -> None:
    frame = _settle(who, bed)
    sitting, spot = who.pose, Place(bed.x, bed.y, bed.yaw_deg)
    actions.sit(who, 1.5, "hang")
    down = beds.lying_pose(who, spot, "bed", bed.height, bed.side)
    beds.lie_down(who, spot, "bed", bed.height, bed.side, down)
    beds.lie(who, seconds)
    beds.get_up_from_bed(who, spot, "bed", bed.height, bed.side, sitting)
    actions.sit(who, 1.0, "hang")
    actions.stand_up(who, frame)


def _accident(who: Performer, cast: Cast, duration_s: float) -> None:
    """Fall in the open, lie, and sometimes get up again."""
    rng = cast.rng
    go_to(who, Place(float(rng.uniform(-0.4, 0.4)), float(rng.uniform(-0.9, -0.2)), 0.0))
    if rng.random() < 0.5:
        on = who.place.point(0.0, -1.2)
        actions.stroll(who, Place(float(on[0]), float(on[1]), who.place.yaw_deg), 1.0, 0.4)
    cast.notes["fall"] = floor.fall(
        who, boxes=tuple(b for f in cast.furniture for b in boxes_of(f))
    )
    stays = rng.random() < 0.7
    left = max(0.0, duration_s - who.t)
    floor.lie_on_floor(
        who, left if stays else min(left, float(rng.uniform(4, 10))), calls=rng.random() < 0.6
    )
    if not stays and duration_s - who.t > 5:
        floor.get_up_from_floor(who)
        actions.stand(who, max(0.0, duration_s - who.t))


def _attack(who: Performer, cast: Cast, duration_s: float) -> Performer:
    """Somebody who was in the room all along comes over and hits the observed person."""
    rng = cast.rng
    go_to(who, Place(float(rng.uniform(-0.3, 0.3)), -0.4, 0.0))
    corner = Place(float(rng.uniform(0.9, 1.3)), -1.7, 150.0)
    other = cast.person(place=corner)
    here = who.place
    way = heading(corner, here.x, here.y)
    gap = 0.85
    near = Place(here.x, here.y, way).point(0.0, gap)
    arriving = Performer(other.body, other.style, rng, other.pose)
    actions.turn_towards(arriving, way)
    actions.walk_to(arriving, Place(float(near[0]), float(near[1]), way))
    actions.face(who, float(near[0]), float(near[1]))
    actions.stand(who, max(0.5, arriving.t - 1.0), "hang")
    actions.stand(other, max(0.0, who.t - arriving.t), "hang")
    actions.turn_towards(other, way)
    actions.walk_to(other, Place(float(near[0]), float(near[1]), way))
    violence.level(violence.Pair(other, who))
    mode = str(rng.choice(("beating", "grapple", "knock_down")))
    cast.notes["violence"] = mode
    begin = who.t
    violence.fight(violence.Pair(other, who), float(rng.uniform(4, 9)), mode)
    who.relabel(begin, violence.ACTION)
    if mode == "knock_down":
        floor.lie_on_floor(who, max(0.0, duration_s - who.t), calls=True)
    else:
        actions.stand(who, max(0.0, duration_s - who.t), "hang")
    return other


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
