"""Walking and turning: planted feet, hips carried over them, swinging arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.rooms.bodies import GROUP, Body
from engines.rooms.kinematics import ELBOWS, Pose
from engines.rooms.performer import Performer, Place
from engines.rooms.poses import Style
from engines.rooms.rotations import F64, minimum_jerk, rotvec_matrices, unit, yaw_matrices
from engines.rooms.scene import FPS

_RATE = 60  # plants fall between frames: work finer than FPS
_SWING = 0.8  # of a step; the rest of the time both feet stand


@dataclass(frozen=True, slots=True)
class Travel:
    """Where the body goes, sampled at 60 Hz; ``phase`` counts steps, one plant at each integer."""

    xy: F64  # (N, 2)
    yaw_deg: F64  # (N,)
    phase: F64  # (N,)
    step_m: float


def stride(body: Body, style: Style) -> tuple[float, float]:
    """Step length in m and speed in m/s of a person."""
    return body.leg * (0.25 + 0.45 * style.pace), body.leg * (0.35 + 1.0 * style.pace)


def path_to(body: Body, style: Style, start: Place, end: Place, eased: bool = True) -> Travel:
    """Walk a smooth curve that leaves along the start's facing and arrives along the end's."""
    u = np.linspace(0, 1, 200)[:, None]
    a, b = np.array([start.x, start.y]), np.array([end.x, end.y])
    bow = 0.8 * max(float(np.linalg.norm(b - a)), 0.05)
    da, db = (bow * _facing(p.yaw_deg) for p in (start, end))
    curve = (
        (2 * u**3 - 3 * u**2 + 1) * a + (u**3 - 2 * u**2 + u) * da
        + (3 * u**2 - 2 * u**3) * b + (u**3 - u**2) * db
    )  # fmt: skip
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    length, speed = stride(body, style)
    steps = max(2, round(arc[-1] / length))
    at = _progress(steps, speed / length, eased)
    along = np.clip(at, 0, steps) / steps * arc[-1]
    xy = np.stack([np.interp(along, arc, curve[:, i]) for i in (0, 1)], 1)
    tangent = np.gradient(curve, axis=0)
    heading = np.degrees(np.unwrap(np.arctan2(tangent[:, 0], -tangent[:, 1])))
    return Travel(xy, np.interp(along, arc, heading), at, float(arc[-1] / steps))


def turn_to(style: Style, start: Place, yaw_deg: float, shift: F64 | None = None) -> Travel:
    """Turn on the spot with small steps, moving by ``shift`` (2,) meanwhile."""
    change = (yaw_deg - start.yaw_deg + 180) % 360 - 180
    distance = 0.0 if shift is None else float(np.linalg.norm(shift))
    steps = max(2, round(max(abs(change) / 45, distance / 0.25)))
    at = _progress(steps, 1.2 + style.pace, True)
    share = minimum_jerk(np.clip(at, 0, steps) / steps)
    xy = np.array([start.x, start.y]) + share[:, None] * (np.zeros(2) if shift is None else shift)
    return Travel(xy, start.yaw_deg + share * change, at, max(0.12, distance / steps))


def _facing(yaw_deg: float) -> F64:
    return np.array([np.sin(np.radians(yaw_deg)), -np.cos(np.radians(yaw_deg))])


def _progress(steps: int, rate: float, eased: bool) -> F64:
    """Step phase over time from -0.5 to steps + 0.5, slow at both ends when eased."""
    n = max(8, round((steps + 1) / rate * _RATE))
    x = np.linspace(0, 1, n)
    if eased:
        soft = min(0.45, 1.0 / (steps + 1))
        pace = np.minimum(1, np.minimum(x, 1 - x) / soft * 0.8 + 0.25)
        x = np.concatenate([[0], np.cumsum((pace[1:] + pace[:-1]) / 2)])
        x /= x[-1]
    return np.asarray(x * (steps + 1) - 0.5)


def perform(
    actor: Performer, travel: Travel, action: str = "walk", cut_s: tuple[float, float] | None = None
) -> None:
    """Walk: append the track and its footsteps; ``cut_s`` keeps only that part of it."""
    track, plants = _track(actor.body, actor.style, travel)
    first, last = (0.0, len(track.root) / FPS) if cut_s is None else cut_s
    keep = slice(round(first * FPS), round(last * FPS))
    for t in plants:
        if first <= t < last:
            actor.sound("step", t - first, 0.4 + 0.6 * actor.style.pace)
    part = Pose(*(getattr(track, name)[keep] for name in Pose.__slots__))
    actor.play(part, action, stir=0.5)


def duration(travel: Travel) -> float:
    """Seconds of a travel."""
    return len(travel.xy) / _RATE


def _track(body: Body, style: Style, travel: Travel) -> tuple[Pose, list[float]]:
    turned = yaw_matrices(travel.yaw_deg)
    feet, soles = zip(*(_foot(body, style, travel, i) for i in (0, 1)), strict=True)
    root = _hips(body, travel, feet, turned)
    sway = np.sin(np.pi * travel.phase)
    moving = np.clip(np.gradient(travel.phase) * _RATE / 1.5, 0, 1)  # no swing while standing
    pelvis = turned @ _tilt(style.stoop_deg * 0.25, 6 * sway * moving)
    chest = turned @ _tilt(np.full(len(root), style.stoop_deg), -7 * sway * moving)
    swing = 0.22 * style.pace * moving * sway
    zero = np.zeros_like(swing)
    hands = []
    for side, sign in ((1.0, -1.0), (-1.0, 1.0)):
        local = np.stack([zero + 0.25 * side, -0.06 - 0.006 * style.stoop_deg + sign * swing,
                          -0.03 + 0.6 * np.abs(swing) ** 1.5], 1)  # fmt: skip
        hands.append(root + np.einsum("tij,tj->ti", turned, local))
    track = Pose(
        root, pelvis, chest, turned @ _tilt(style.stoop_deg * 0.4, zero),
        np.stack(hands, 1), np.stack(feet, 1), np.broadcast_to(ELBOWS, (len(root), 2, 3)),
        np.stack([np.einsum("tij,j->ti", turned, [s * 0.1, -1.0, 0.1]) for s in (1, -1)], 1),
        np.stack(soles, 1),
    )  # fmt: skip
    every = _RATE // FPS
    whole = np.flatnonzero(np.diff(np.floor(travel.phase + 0.6)) > 0) / _RATE
    coarse = Pose(*(getattr(track, name)[every - 1 :: every] for name in Pose.__slots__))
    return coarse, [float(t) for t in whole]


def _tilt(pitch_deg: float | F64, yaw_deg: F64) -> F64:
    pitch = np.broadcast_to(np.radians(pitch_deg), yaw_deg.shape)
    zero = np.zeros_like(pitch)
    return yaw_matrices(yaw_deg) @ rotvec_matrices(np.stack([pitch, zero, zero], -1))


def _foot(body: Body, style: Style, travel: Travel, parity: int) -> tuple[F64, F64]:
    """Ankle (N, 3) and sole (N, 3, 3) of one foot: planted at phases k of its parity."""
    # The plant in force: stance of plant k lasts over phase k - 0.6 .. k + 0.6.
    k = 2 * np.floor((travel.phase - parity + 1 + _SWING / 2) / 2) + parity
    swing = np.clip((travel.phase - (k - 1 - _SWING / 2)) / _SWING, 0, 1)
    ease = minimum_jerk(swing)
    side = 1 if parity == 0 else -1
    here, yaw_here = _plant(style, travel, k, side)
    before, yaw_before = _plant(style, travel, k - 2, side)
    far = np.linalg.norm(here - before, axis=1)
    xy = before + ease[:, None] * (here - before)
    yaw = yaw_before + ease * (yaw_here - yaw_before)
    size = np.clip(far / 0.9, 0.15, 1.0) * (0.4 + 0.6 * style.pace)
    air = np.sin(np.pi * swing) * (swing < 1)
    late = np.clip((travel.phase - k - 0.25) / 0.35, 0, 1) * (travel.phase < travel.phase[-1] - 0.8)
    heel_off = np.where(swing < 1, np.clip(1 - swing / 0.5, 0, 1) * (far > 0.1), minimum_jerk(late))
    toe_up = np.exp(-(((swing - 0.92) / 0.12) ** 2)) * (swing < 1)
    pitch = np.radians(32) * size * heel_off - np.radians(14) * size * toe_up
    rise = (
        0.06 * size * air
        + 0.13 * np.sin(np.maximum(pitch, 0))
        + 0.05 * np.sin(np.maximum(-pitch, 0))
    )
    toes = side * style.toe_out_deg
    zero = np.zeros_like(pitch)
    soles = yaw_matrices(yaw + toes) @ rotvec_matrices(np.stack([pitch, zero, zero], 1))
    return np.concatenate([xy, (body.ankle + rise)[:, None]], 1), soles


def _plant(style: Style, travel: Travel, k: F64, side: int) -> tuple[F64, F64]:
    at = np.clip(k, 0, np.floor(travel.phase[-1]))
    xy = np.stack([np.interp(at, travel.phase, travel.xy[:, i]) for i in (0, 1)], 1)
    yaw = np.interp(at, travel.phase, travel.yaw_deg)
    left = np.stack([np.cos(np.radians(yaw)), np.sin(np.radians(yaw))], 1)
    return xy + side * style.stance * left, yaw


def _hips(body: Body, travel: Travel, feet: tuple[F64, ...], turned: F64) -> F64:
    """(N, 3): over the path, swaying to the standing foot, as high as both legs allow."""
    middle = (feet[0] + feet[1])[:, :2] / 2 - travel.xy
    xy = travel.xy + 0.25 * np.clip(middle, -0.1, 0.1)
    xy += 0.018 * np.cos(np.pi * travel.phase)[:, None] * turned[:, :2, 0]
    leg = (body.thigh + body.shank) * 0.992
    hip = float(abs(body.joints[GROUP["thigh_l"], 0]))
    high = np.full(len(xy), body.leg * 0.985)
    for foot, side in zip(feet, (1, -1), strict=True):
        away = foot[:, :2] - (xy + side * hip * turned[:, :2, 0])
        high = np.minimum(high, foot[:, 2] + np.sqrt(np.maximum(leg**2 - (away**2).sum(1), 0.05)))
    kernel = np.hanning(15) / np.hanning(15).sum()
    smooth = np.convolve(np.pad(np.minimum(high, body.leg * 0.985), 7, "edge"), kernel, "valid")
    return np.concatenate([xy, smooth[:, None]], 1)


def heading(a: Place, x: float, y: float) -> float:
    """Yaw in degrees to face a point."""
    d = unit(np.array([x - a.x, y - a.y, 0.0]))
    return float(np.degrees(np.arctan2(d[0], -d[1])))
