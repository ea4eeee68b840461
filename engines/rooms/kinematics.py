"""Control poses (where trunk, hands and feet are) and their solution as segment rotations."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from engines.rooms.bodies import GROUP, SEGMENT, SKIN_VERTICES, Body
from engines.rooms.rotations import EYE, F64, segment_rotation, slerp, turn, two_bone
from engines.rooms.scene import SEGMENTS

LEFT, RIGHT = 0, 1
ELBOWS = np.array([[0.35, 1.0, -0.5], [-0.35, 1.0, -0.5]])
"""Relaxed elbow directions in the chest's frame."""

_MIRROR = np.diag([-1.0, 1, 1])
_ROTATIONS = ("pelvis", "chest", "head", "soles")
_SIDED = ("hands", "feet", "elbows", "knees", "soles")
_LIMBS = tuple((i, side) for i, side in enumerate("lr"))


@dataclass(frozen=True, slots=True)
class Pose:
    """What the animator controls; every array may have a leading time axis T."""

    root: F64  # (..., 3) midpoint of the hips
    pelvis: F64  # (..., 3, 3)
    chest: F64  # (..., 3, 3)
    head: F64  # (..., 3, 3)
    hands: F64  # (..., 2, 3) wrists, left then right
    feet: F64  # (..., 2, 3) ankles
    elbows: F64  # (..., 2, 3) directions in the chest's frame
    knees: F64  # (..., 2, 3) directions
    soles: F64  # (..., 2, 3, 3) rotation of the feet

    def moved(self, yaw_deg: float, x: float, y: float) -> Pose:
        """Turn about the vertical through the origin, then shift."""
        r, shift = turn(yaw=yaw_deg), np.array([x, y, 0.0])
        return replace(
            self, root=self.root @ r.T + shift, hands=self.hands @ r.T + shift,
            feet=self.feet @ r.T + shift, knees=self.knees @ r.T,
            **{name: r @ getattr(self, name) for name in _ROTATIONS},
        )  # fmt: skip

    def shifted(self, by: Any) -> Pose:
        """Translate by (3,) or (T, 3)."""
        by = np.asarray(by, float)
        each = by[..., None, :]
        return replace(self, root=self.root + by, hands=self.hands + each, feet=self.feet + each)

    def mirrored(self) -> Pose:
        """Swap left and right across the plane x = 0."""
        out = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("root", "hands", "feet", "elbows", "knees"):
            out[name] = out[name] * np.array([-1.0, 1, 1])
        for name in _ROTATIONS:
            out[name] = _MIRROR @ out[name] @ _MIRROR
        for name in _SIDED:
            axis = -3 if name == "soles" else -2
            out[name] = np.flip(out[name], axis)
        return Pose(**out)

    def at(self, index: int) -> Pose:
        """One moment of a track."""
        return Pose(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def repeated(self, count: int) -> Pose:
        """Return a track of ``count`` equal poses."""
        return Pose(
            **{f.name: np.repeat(getattr(self, f.name)[None], count, 0) for f in fields(self)}
        )


def interpolate(a: Pose, b: Pose, s: F64) -> Pose:
    """Blend two poses: ``s`` (T,) in 0..1 -> a track of T."""
    out = {}
    for f in fields(Pose):
        x, y = getattr(a, f.name), getattr(b, f.name)
        w = s.reshape(-1, *[1] * x.ndim)
        if f.name in _ROTATIONS:
            share = np.broadcast_to(s.reshape(-1, *[1] * (x.ndim - 2)), (len(s), *x.shape[:-2]))
            out[f.name] = slerp(x[None], np.broadcast_to(y, (len(s), *y.shape)), share)
        else:
            out[f.name] = (1 - w) * x + w * y
    return Pose(**out)


@dataclass(frozen=True, slots=True)
class Motion:
    """Solved frames: rotations (T, S, 3, 3) as in ``scene.Actor`` and root (T, 3)."""

    rotations: F64
    root: F64

    def __len__(self) -> int:
        return len(self.root)

    def cut(self, start: int, stop: int | None = None) -> Motion:
        """Frames start..stop."""
        return Motion(self.rotations[start:stop], self.root[start:stop])


def joined(parts: list[Motion]) -> Motion:
    """Concatenate in time."""
    return Motion(
        np.concatenate([p.rotations for p in parts]), np.concatenate([p.root for p in parts])
    )


def solve(body: Body, track: Pose) -> Motion:
    """Inverse kinematics of a track (T frames): trunk as given, limbs bent to reach."""
    rotations = np.empty((len(track.root), len(SEGMENTS), 3, 3))
    for name in ("pelvis", "chest", "head"):
        rotations[:, SEGMENT[name]] = getattr(track, name)
    for i, side in _LIMBS:
        rotations[:, SEGMENT[f"upper_arm_{side}"]] = track.chest
        rotations[:, SEGMENT[f"foot_{side}"]] = track.soles[:, i]
        for part in ("forearm", "hand", "thigh", "shank"):
            rotations[:, SEGMENT[f"{part}_{side}"]] = EYE
    _reach_hands(body, track, rotations)  # twice: the collar bones follow the arms
    places = _reach_hands(body, track, rotations)
    for i, side in _LIMBS:
        hip = places[:, GROUP[f"thigh_{side}"]]
        pole = track.knees[:, i]
        knee, ankle = two_bone(hip, track.feet[:, i], body.thigh, body.shank, pole)
        back = -(knee - (hip + ankle) / 2) - 1e-3 * pole
        rotations[:, SEGMENT[f"thigh_{side}"]] = segment_rotation(knee - hip, back)
        rotations[:, SEGMENT[f"shank_{side}"]] = segment_rotation(ankle - knee, back)
    return Motion(rotations, np.array(track.root, float))


def _reach_hands(body: Body, track: Pose, rotations: F64) -> F64:
    _, places = body.fk(rotations, track.root)
    for i, side in _LIMBS:
        shoulder = places[:, GROUP[f"upper_arm_{side}"]]
        pole = np.einsum("tij,tj->ti", track.chest, track.elbows[:, i])
        elbow, wrist = two_bone(shoulder, track.hands[:, i], body.upper_arm, body.forearm, pole)
        back = elbow - (shoulder + wrist) / 2 + 1e-3 * pole
        rotations[:, SEGMENT[f"upper_arm_{side}"]] = segment_rotation(elbow - shoulder, back)
        forearm = segment_rotation(wrist - elbow, back)
        rotations[:, SEGMENT[f"forearm_{side}"]] = forearm
        rotations[:, SEGMENT[f"hand_{side}"]] = forearm
    return places


def pose_of(body: Body, motion: Motion, frame: int = -1) -> Pose:
    """Read the control pose back from a solved or simulated frame."""
    rotations, root = motion.rotations[frame], motion.root[frame]
    _, places = body.fk(rotations[None], root[None])
    at = places[0]
    seg = {name: rotations[i] for name, i in SEGMENT.items()}
    elbow = [seg[f"upper_arm_{s}"][:, 1] + seg[f"forearm_{s}"][:, 1] for s in "lr"]
    knee = [-seg[f"thigh_{s}"][:, 1] - seg[f"shank_{s}"][:, 1] for s in "lr"]
    return Pose(
        root=root, pelvis=seg["pelvis"], chest=seg["chest"], head=seg["head"],
        hands=np.stack([at[GROUP[f"hand_{s}"]] for s in "lr"]),
        feet=np.stack([at[GROUP[f"foot_{s}"]] for s in "lr"]),
        elbows=np.stack(elbow) @ seg["chest"], knees=np.stack(knee),
        soles=np.stack([seg[f"foot_{s}"] for s in "lr"]),
    )  # fmt: skip


def joint(body: Body, pose: Pose, name: str) -> F64:
    """(3,) where a joint of the trunk, head or shoulders is in a pose."""
    motion = solve(body, pose.repeated(1))
    return np.asarray(body.fk(motion.rotations, motion.root)[1][0, GROUP[name]])


def lowest(body: Body, motion: Motion, share: float = 0.0, stride: int = 37) -> F64:
    """Return the height (T,) with ``share`` of a sample of the skin below it; 0: the lowest."""
    turned, places = body.fk(motion.rotations, motion.root)
    offset = places - np.einsum("tgij,gj->tgi", turned, body.joints)
    weights = body.weights[:SKIN_VERTICES:stride]
    row = np.concatenate([turned[:, :, 2], offset[:, :, 2:]], -1)  # the world's z only
    flat = np.einsum("vg,tgk->tvk", weights, row, optimize=True)
    rest = np.concatenate([body.vertices[:SKIN_VERTICES:stride], np.ones((len(weights), 1))], 1)
    return np.asarray(np.quantile(np.einsum("tvk,vk->tv", flat, rest), share, axis=1))


def grounded(body: Body, pose: Pose, height: float = 0.0) -> Pose:
    """Shift a pose vertically until the body just touches the height."""
    gap = height - float(lowest(body, solve(body, pose.repeated(1)))[0])
    return pose.shifted([0.0, 0.0, gap])
