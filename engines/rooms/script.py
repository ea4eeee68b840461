"""Clips of one action: the right ending, a bystander, an occluder, a room around it."""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import replace

import numpy as np

from edge.errors import UsageError
from edge.vocabulary import ACTIONS
from engines.rooms import actions
from engines.rooms.floor import NotFallenError
from engines.rooms.performer import Performer, Place
from engines.rooms.recipes import RECIPES, Cast
from engines.rooms.scene import FPS, Scene, SoundEvent, Span
from engines.rooms.stage import Layout, stage

SPLITS = ("train", "test")
_ATTEMPTS = 8
_DARK, _BYSTANDER, _OCCLUDER = 0.22, 0.25, 0.20


def clip_scene(action: str, seed: int, split: str = "train", duration_s: float = 4.0) -> Scene:
    """One short clip that ends with ``action`` (see SHOWN_S); the same arguments, the same scene.

    A clip of a change of posture ends at most 0.4 s after it; a fall ends within the clip.
    Raises UsageError for an unknown action or split.
    """
    if action not in ACTIONS or split not in SPLITS:
        raise UsageError(f"no clip of {action!r} in {split!r}; actions: {', '.join(ACTIONS)}")
    key = zlib.crc32(f"{action}/{split}".encode())
    for attempt in range(_ATTEMPTS):
        cast = Cast(np.random.default_rng([seed, key, attempt]), split)
        with suppress(NotFallenError):
            scene = _clip(cast, action, seed, duration_s)
            if scene.notes["placement"] == "fits" or attempt == _ATTEMPTS - 1:
                return scene
    raise RuntimeError(f"nobody fell in {_ATTEMPTS} attempts: action {action}, seed {seed}")


def _clip(cast: Cast, action: str, seed: int, duration_s: float) -> Scene:
    rng = cast.rng
    dark = bool(rng.random() < _DARK)
    clutter = int(rng.integers(3, 10))
    if action == "empty":
        return _empty(cast, seed, duration_s, dark, clutter)
    performers, end_s = RECIPES[action](cast)
    if action != "violence" and rng.random() < _BYSTANDER:
        performers = (*performers, *bystander(cast, performers[0], end_s))
    layout = layout_of(cast, performers, end_s, duration_s)
    scene = stage(layout, seed, rng, dark, clutter)
    return with_occluder(scene, rng) if rng.random() < _OCCLUDER else scene


def _empty(cast: Cast, seed: int, duration_s: float, dark: bool, clutter: int) -> Scene:
    for _ in range(int(cast.rng.integers(0, 2))):
        cast.put(str(cast.rng.choice(("bed", "couch", "chair", "table"))))
    noises: tuple[SoundEvent, ...] = ()
    if cast.rng.random() < 0.3:
        kind = str(cast.rng.choice(("door", "knock_door", "alarm_tone", "dishes_water")))
        noises = (SoundEvent(float(cast.rng.uniform(0, duration_s)), kind, 0.6),)
    truth = (Span("empty", 0.0, duration_s),)
    layout = Layout((), tuple(cast.furniture), (), noises, truth, duration_s)
    return stage(layout, seed, cast.rng, dark, clutter)


def layout_of(
    cast: Cast,
    performers: tuple[Performer, ...],
    end_s: float,
    duration_s: float,
    door: Place | None = None,
) -> Layout:
    """Cut the last ``duration_s`` before ``end_s`` out of the performances."""
    frames = round(duration_s * FPS)
    start = round(end_s * FPS) - frames
    for who in performers if start < 0 else ():
        who.lead_in(-start)
    start = max(start, 0)
    actors = tuple(who.actor(int(cast.rng.integers(2**31)), start, frames) for who in performers)
    shift = start / FPS
    sounds = [
        replace(s, t_s=s.t_s - shift) for who in performers for s in who.sounds
        if 0 <= s.t_s - shift < duration_s
    ]  # fmt: skip
    truth = [
        Span(s.action, max(0.0, s.start_s - shift), min(duration_s, s.end_s - shift))
        for s in performers[0].spans
        if s.end_s - shift > 1e-6 and s.start_s - shift < duration_s - 1e-6
    ]  # fmt: skip
    return Layout(
        actors,
        tuple(cast.furniture),
        tuple(cast.props),
        tuple(sounds),
        tuple(truth),
        duration_s,
        dict(cast.notes),
        door,
    )


def bystander(cast: Cast, observed: Performer, seconds: float) -> tuple[Performer, ...]:
    """Somebody else in the room, idle or walking past; nobody when they would stand in the way."""
    rng, here = cast.rng, observed.place
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.9, 1.9)
    x, y = here.x + far * np.cos(angle), here.y + far * np.sin(angle)
    facing = float(np.degrees(np.arctan2(here.x - x, -(here.y - y))))
    who = cast.person(place=Place(x, y, facing))
    if rng.random() < 0.55:
        actions.stand(who, seconds)
        cast.notes["bystander"] = "stands"
    else:
        who.pose = Place(x, y, facing + float(rng.choice((-90, 90)))).world(
            Place(x, y, facing).local(who.pose)
        )
        ahead = who.place.point(float(rng.normal(0, 0.3)), -float(rng.uniform(0.8, 1.8)))
        actions.stand(who, float(rng.uniform(0, max(0.1, seconds - 2.5))))
        actions.walk_to(who, Place(float(ahead[0]), float(ahead[1]), who.place.yaw_deg))
        actions.stand(who, max(0.0, seconds - who.t))
        cast.notes["bystander"] = "walks"
    if observed.nearest(who) < 0.5 or any(np.hypot(f.x - x, f.y - y) < 0.9 for f in cast.furniture):
        cast.notes.pop("bystander")
        return ()
    return (who,)


def with_occluder(scene: Scene, rng: np.random.Generator) -> Scene:
    """Add a table or chair between the camera and the person where nobody walks."""
    who = scene.actors[0].root[-1, :2] if scene.actors else np.zeros(2)
    eye = scene.camera.position[:2]
    spot = eye + (who - eye) * rng.uniform(0.4, 0.7)
    kind = str(rng.choice(("table", "chair", "wheelchair")))
    radius = 0.6 if kind == "table" else 0.35
    taken = [*scene.keep_clear, *((f.x, f.y, 0.8) for f in scene.furniture), (*eye, 0.3)]
    if any(np.hypot(x - spot[0], y - spot[1]) < r + radius - 0.1 for x, y, r in taken):
        return scene
    cast = Cast(rng, "train")
    piece = cast.put(kind, Place(float(spot[0]), float(spot[1]), float(rng.uniform(0, 360))))
    return replace(
        scene, furniture=(*scene.furniture, piece), notes={**scene.notes, "occluder": kind}
    )
