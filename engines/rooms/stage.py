"""Put a performance into a room: its size, camera, light, and a place that the camera sees."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from engines.rooms.bodies import body_library
from engines.rooms.performer import Place
from engines.rooms.rotations import F64, turn, unit
from engines.rooms.scene import FPS, Actor, Camera, Furniture, Light, Prop, Scene, SoundEvent, Span

ASPECT = 4 / 3
NEAREST_M = 1.3
_TRIALS = 240
_SEEN_S = 2.2
_WALL_M = 0.05
_EXTENT = {
    "bed": (-1.07, -0.07, 1.07, 1.15), "long_couch": (-1.25, -0.35, 1.25, 0.56),
    "couch": (-1.2, -0.35, 1.2, 0.56), "table": (-0.8, -0.5, 0.8, 0.5),
    "side_table": (-0.3, -0.3, 0.3, 0.3), "doorway": (-0.45, 0.0, 0.45, 0.0),
}  # fmt: skip
_SMALL = (-0.3, -0.3, 0.3, 0.35)


@dataclass(frozen=True)
class Layout:
    """A performance on an endless floor, before it has a room."""

    actors: tuple[Actor, ...]
    furniture: tuple[Furniture, ...]
    props: tuple[Prop, ...]
    sounds: tuple[SoundEvent, ...]
    truth: tuple[Span, ...]
    duration_s: float
    notes: dict[str, str] = field(default_factory=dict)
    door: Place | None = None  # where people leave, facing out; what they do beyond is unseen


@dataclass(frozen=True, slots=True)
class Shell:
    """A room with its camera and light, still empty."""

    room_m: tuple[float, float, float]
    camera: F64
    hfov_deg: float
    aim: tuple[float, float]  # how far from the room's middle to the person, and how high


def random_shell(rng: np.random.Generator, smallest_m: float = 3.2) -> Shell:
    """Draw a room and a camera in one of its corners."""
    room = (
        float(rng.uniform(smallest_m, 5.8)),
        float(rng.uniform(smallest_m, 5.8)),
        float(rng.uniform(2.35, 2.8)),
    )
    corner = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)][int(rng.integers(4))])
    inset = rng.uniform(0.1, 0.3, 2)
    xy = corner * (np.array(room[:2]) / 2 - inset)
    height = min(float(rng.uniform(1.8, 2.5)), room[2] - 0.08)
    return Shell(
        room, np.array([*xy, height]), float(rng.uniform(60, 90)),
        (float(rng.uniform(0.4, 0.95)), float(rng.uniform(0.5, 0.9))),
    )  # fmt: skip


def random_light(rng: np.random.Generator, room: tuple[float, float, float], dark: bool) -> Light:
    """Draw a ceiling lamp, the sun, or near darkness."""
    over = np.array(
        [
            rng.uniform(-0.3, 0.3) * room[0],
            rng.uniform(-0.3, 0.3) * room[1],
            room[2] - rng.uniform(0.12, 0.4),
        ]
    )
    if dark:
        return Light(
            over, np.array([0.25, 0.27, 0.35]) * rng.uniform(0, 0.5),
            np.array([0.03, 0.03, 0.04]) * rng.uniform(0.2, 1.5), np.full(3, 0.01), False,
        )  # fmt: skip
    if rng.random() < 0.3:
        return Light(
            np.array([rng.uniform(-4, 4), rng.uniform(-4, 4), 3.2]),
            np.array([1.1, 1.05, 0.95]) * rng.uniform(0.5, 1.2),
            np.array([0.4, 0.42, 0.46]) * rng.uniform(0.7, 1.2), np.full(3, 0.2), True,
        )  # fmt: skip
    warm = np.array([1.6, 1.5, 1.5 - rng.uniform(0, 0.5)])
    return Light(
        over, warm * rng.uniform(0.8, 2.0), np.array([0.32, 0.33, 0.36]) * rng.uniform(0.6, 1.2),
        np.array([0.16, 0.15, 0.14]) * rng.uniform(0.7, 1.3), False,
    )  # fmt: skip


def in_view(camera: Camera, points: F64) -> F64:
    """Fraction (T,) of the points (T, N, 3) that fall into the image."""
    forward = unit(camera.target - camera.position)
    right = unit(np.cross(forward, [0.0, 0, 1]))
    up = np.cross(right, forward)
    d = points - camera.position
    depth = np.maximum(d @ forward, 1e-6)
    wide = np.tan(np.radians(camera.hfov_deg) / 2)
    inside = (np.abs(d @ right) < wide * depth) & (np.abs(d @ up) < wide / ASPECT * depth)
    return np.asarray((inside & (depth > 0.1)).mean(1))


def stage(layout: Layout, seed: int, rng: np.random.Generator, dark: bool, clutter: int,
          smallest_m: float = 3.2) -> Scene:  # fmt: skip
    """Find a room and a placement in which everything fits and the observed person is seen."""
    tracks = [_within(layout.door, _joints(actor)) for actor in layout.actors]
    corners = _corners(layout.furniture)
    best: tuple[float, Shell, Camera, float, F64] | None = None
    shell = random_shell(rng, smallest_m)
    for trial in range(_TRIALS):
        if trial % 12 == 11:
            shell = random_shell(rng, smallest_m)
        yaw = float(rng.uniform(0, 360))
        if layout.furniture and rng.random() < 0.7:
            yaw = 90.0 * int(rng.integers(4)) + float(rng.normal(0, 3))
        if layout.door is not None:
            yaw = 90.0 * round(yaw / 90) - layout.door.yaw_deg
        rotation = turn(yaw=yaw)
        moved = [t @ rotation.T for t in tracks]
        shift = _shift(layout, shell, moved, corners @ rotation.T, rng)
        if layout.door is not None:
            shift = _door_in_wall(layout.door, rotation, shell, shift)
        score, camera = _judge(
            layout, shell, [m + shift for m in moved], corners @ rotation.T + shift
        )
        if best is None or score > best[0]:
            best = score, shell, camera, yaw, shift
        if score >= 0:
            break
    if best is None:
        raise RuntimeError("no placement was tried")
    score, shell, camera, yaw, shift = best
    placed = _placed(layout, yaw, shift)
    return Scene(
        seed=seed, room_m=shell.room_m, dark=dark, camera=camera,
        light=random_light(rng, shell.room_m, dark),
        furniture=placed.furniture, clutter=clutter, actors=placed.actors, props=placed.props,
        sounds=tuple(sorted(layout.sounds, key=lambda s: s.t_s)), truth=layout.truth,
        duration_s=layout.duration_s,
        keep_clear=keep_clear(placed),
        notes={**layout.notes, "placement": "fits" if score >= 0 else "tight"},
    )  # fmt: skip


def _joints(actor: Actor) -> F64:
    every = slice(None, None, 3)
    return body_library()[actor.body].fk(actor.rotations[every], actor.root[every])[1]


def _within(door: Place | None, joints: F64) -> F64:
    """Drop the moments (T,) at which somebody is beyond the door or in it."""
    if door is None:
        return joints
    out = door.point(0.0, -1.0) - door.point(0.0, 0.0)
    beyond = (joints - door.point(0.0, 0.0)) @ out
    return np.asarray(joints[beyond.max(axis=1) < -_WALL_M])


def _door_in_wall(door: Place, rotation: F64, shell: Shell, shift: F64) -> F64:
    """Move everything along the way out until the door is in the wall."""
    out = rotation @ (door.point(0.0, -1.0) - door.point(0.0, 0.0))
    axis = int(np.argmax(np.abs(out[:2])))
    shift = shift.copy()
    wall = float(np.copysign(shell.room_m[axis] / 2, out[axis]))
    shift[axis] = wall - (rotation @ door.point(0.0, 0.0))[axis]
    return shift


def _corners(furniture: tuple[Furniture, ...]) -> F64:
    out = []
    for piece in furniture:
        x0, y0, x1, y1 = _EXTENT.get(piece.kind, _SMALL)
        local = np.array([[x0, y0, 0], [x1, y0, 0], [x1, y1, 0], [x0, y1, 0]])
        out.append(local @ turn(yaw=piece.yaw_deg).T + [piece.x, piece.y, 0])
    return np.concatenate(out) if out else np.zeros((0, 3))


def _shift(
    layout: Layout, shell: Shell, tracks: list[F64], corners: F64, rng: np.random.Generator
) -> F64:
    """Draw where to put it: uniformly within the room, often against a wall."""
    points = np.concatenate([*(t.reshape(-1, 3) for t in tracks), corners]) if tracks else corners
    if len(points) == 0:
        return np.zeros(3)
    half = np.array(shell.room_m[:2]) / 2
    low = -half + 0.08 - points[:, :2].min(0)
    high = half - 0.08 - points[:, :2].max(0)
    share = rng.random(2)
    if corners.size and rng.random() < 0.5:  # furniture likes walls
        share[int(rng.integers(2))] = float(rng.integers(2))
    return np.array([*(low + share * (high - low)), 0.0])


def _judge(layout: Layout, shell: Shell, tracks: list[F64], corners: F64) -> tuple[float, Camera]:
    """Score a placement: 0 when all is well, else minus the sum of what is wrong."""
    half = np.array(shell.room_m[:2]) / 2
    subject = tracks[0] if tracks else corners[None] if len(corners) else np.zeros((1, 1, 3))
    late = subject[-max(1, round(_SEEN_S * FPS / 3)) :]
    if layout.duration_s > 10:
        late = subject
    middle = late.reshape(-1, 3).mean(0)
    target = np.array([*(middle[:2] * shell.aim[0]), shell.aim[1]])
    camera = Camera(shell.camera, target, shell.hfov_deg)
    tracks = [t for t in tracks if len(t)]
    out = sum(float(np.maximum(0, np.abs(t[..., :2]) - half + 0.04).max()) for t in tracks)
    if len(corners):
        out += float(np.maximum(0, np.abs(corners[:, :2]) - half).max())
        out += max(
            0.0, 0.5 - float(np.linalg.norm(corners[:, :2] - shell.camera[:2], axis=1).min())
        )
    if not tracks:
        return -out, camera
    close = max(0.0, NEAREST_M - float(np.linalg.norm(subject - shell.camera, axis=-1).min()))
    seen, all_seen = in_view(camera, late), in_view(camera, subject)
    unseen = max(0.0, 0.97 - float(seen.mean())) + max(0.0, 0.7 - float(all_seen.mean()))
    if len(tracks) > 1 and layout.notes.get("violence"):
        unseen += max(0.0, 0.9 - float(in_view(camera, tracks[1]).mean()))
    return -(3 * out + close + unseen), camera


def _placed(layout: Layout, yaw: float, shift: F64) -> Layout:
    r = turn(yaw=yaw)

    def point(x: float, y: float) -> tuple[float, float]:
        p = r @ np.array([x, y, 0.0]) + shift
        return float(p[0]), float(p[1])

    furniture, props = [], []
    for f in layout.furniture:
        x, y = point(f.x, f.y)
        furniture.append(replace(f, x=x, y=y, yaw_deg=f.yaw_deg + yaw))
    for p in layout.props:
        x, y = point(p.x, p.y)
        props.append(replace(p, x=x, y=y))
    actors = tuple(
        replace(a, rotations=r @ a.rotations, root=a.root @ r.T + shift) for a in layout.actors
    )
    return replace(layout, furniture=tuple(furniture), props=tuple(props), actors=actors)


def keep_clear(layout: Layout) -> tuple[tuple[float, float, float], ...]:
    """Discs along everybody's way, one wherever they moved on by 0.4 m, wider where they lie."""
    discs: list[tuple[float, float, float]] = []
    for actor in layout.actors:
        for joints in _joints(actor)[::2]:
            centre = (joints[:, :2].max(0) + joints[:, :2].min(0)) / 2
            radius = float(np.linalg.norm(joints[:, :2] - centre, axis=1).max()) + 0.15
            if not any(
                np.hypot(centre[0] - x, centre[1] - y) + radius < r + 0.25 for x, y, r in discs
            ):
                discs.append((float(centre[0]), float(centre[1]), radius))
    return tuple(discs)
