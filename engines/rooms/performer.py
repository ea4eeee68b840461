"""One person's timeline: appended motions stay continuous and leave truth and sounds behind."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engines.rooms.bodies import SEGMENT, Body
from engines.rooms.kinematics import Motion, Pose, interpolate, joined, lowest, solve
from engines.rooms.poses import Style
from engines.rooms.rotations import F64, matrices_rotvec, minimum_jerk, rotvec_matrices
from engines.rooms.scene import FPS, Actor, SoundEvent, Span

_BLEND_S = 0.35
_BURIED = 0.02  # of the skin: a hand in the floor is hidden, a floating body is not


@dataclass(frozen=True, slots=True)
class Place:
    """A spot to act at: local poses face -y of this frame."""

    x: float
    y: float
    yaw_deg: float

    def world(self, pose: Pose) -> Pose:
        """Bring a local pose into the room."""
        return pose.moved(self.yaw_deg, self.x, self.y)

    def local(self, pose: Pose) -> Pose:
        """Bring a pose of the room into this frame."""
        return pose.moved(0.0, -self.x, -self.y).moved(-self.yaw_deg, 0.0, 0.0)

    def point(self, x: float, y: float, z: float = 0.0) -> F64:
        """(3,) a local point in the room."""
        c, s = np.cos(np.radians(self.yaw_deg)), np.sin(np.radians(self.yaw_deg))
        return np.array([self.x + c * x - s * y, self.y + s * x + c * y, z])


def place_of(pose: Pose) -> Place:
    """Where a person stands and faces (horizontally)."""
    facing = -pose.pelvis[:, 1]
    yaw = float(np.degrees(np.arctan2(facing[0], -facing[1])))
    return Place(float(pose.root[0]), float(pose.root[1]), yaw)


class Performer:
    """Builds an actor; every method appends a whole number of frames."""

    def __init__(self, body: Body, style: Style, rng: np.random.Generator, start: Pose) -> None:
        self.body, self.style, self.rng = body, style, rng
        self.pose = start
        self.sounds: list[SoundEvent] = []
        self.spans: list[Span] = []
        self.held: tuple[str, float, float] | None = None
        self._parts: list[Motion] = []
        self._count = 0
        self._phase = rng.uniform(0, 2 * np.pi, (4, 3))
        self._rate = rng.uniform(0.2, 0.6, (4, 3))

    @property
    def t(self) -> float:
        """Seconds performed so far."""
        return self._count / FPS

    @property
    def place(self) -> Place:
        """Where the person is now."""
        return place_of(self.pose)

    def go(self, target: Pose, seconds: float, action: str, stir: float = 1.0) -> None:
        """Move to a key pose with minimum jerk."""
        n = max(1, round(seconds * FPS))
        s = minimum_jerk(np.arange(1, n + 1) / n)
        self.play(interpolate(self.pose, target, s), action, stir)
        self.pose = target

    def hold(self, seconds: float, action: str, stir: float = 1.0) -> None:
        """Stay, with small movements."""
        n = round(seconds * FPS)
        if n > 0:
            self.play(self.pose.repeated(n), action, stir)

    def play(self, track: Pose, action: str, stir: float = 1.0) -> None:
        """Append a track of control poses."""
        self.pose = track.at(-1)
        motion = solve(self.body, self._stirred(track, stir * self.style.restlessness))
        self.add(motion, action)

    def add(self, motion: Motion, action: str) -> None:
        """Append solved frames; a jump against the last frame fades out over 0.35 s."""
        if self._parts:
            motion = _faded(self._parts[-1], motion)
        start = self.t
        self._parts.append(motion)
        self._count += len(motion)
        if self.spans and self.spans[-1].action == action:
            self.spans[-1] = replace(self.spans[-1], end_s=self.t)
        else:
            self.spans.append(Span(action, start, self.t))

    def last(self) -> Motion:
        """Return the two most recent frames, small movements included."""
        if not self._parts:
            return solve(self.body, self.pose.repeated(2))
        return joined(self._parts[-3:]).cut(-2)

    def sound(
        self, kind: str, after_s: float = 0.0, strength: float = 1.0, text: str | None = None
    ) -> None:
        """Note a sound ``after_s`` seconds from now."""
        self.sounds.append(SoundEvent(self.t + after_s, kind, strength, text))

    def relabel(self, start_s: float, action: str, until: float | None = None) -> None:
        """Rewrite the truth of a stretch of time (to now when ``until`` is not given)."""
        end_s = self.t if until is None else until
        kept = [replace(s, end_s=min(s.end_s, start_s)) for s in self.spans if s.start_s < start_s]
        after = [replace(s, start_s=max(s.start_s, end_s)) for s in self.spans if s.end_s > end_s]
        self.spans = [*kept, Span(action, start_s, end_s), *after]

    def lead_in(self, frames: int) -> None:
        """Prepend the first pose, with its action, when a performance is too short."""
        first = self._parts[0]
        self._parts.insert(
            0, Motion(first.rotations[:1].repeat(frames, 0), first.root[:1].repeat(frames, 0))
        )
        self._count += frames
        by = frames / FPS
        self.sounds = [replace(s, t_s=s.t_s + by) for s in self.sounds]
        self.spans = [replace(s, start_s=s.start_s + by, end_s=s.end_s + by) for s in self.spans]
        still = "stand" if self.spans[0].action == "walk" else self.spans[0].action
        if still == self.spans[0].action:
            self.spans[0] = replace(self.spans[0], start_s=0.0)
        else:
            self.spans.insert(0, Span(still, 0.0, by))
        if self.held is not None:
            self.held = (self.held[0], self.held[1] + by, self.held[2] + by)

    def nearest(self, other: Performer) -> float:
        """Return the least horizontal distance of the hips to another's, m."""
        mine, theirs = joined(self._parts).root, joined(other._parts).root
        n = min(len(mine), len(theirs))
        return float(np.linalg.norm((mine[:n] - theirs[:n])[:, :2], axis=1).min())

    def actor(self, looks_seed: int, start: int, frames: int) -> Actor:
        """Cut ``frames`` frames from frame ``start`` on (the last pose is held when short)."""
        self.hold(
            (start + frames - self._count) / FPS, self.spans[-1].action if self.spans else "stand"
        )
        motion = _above_floor(self.body, joined(self._parts).cut(start, start + frames))
        held = None
        if self.held is not None:
            held = (self.held[1] - start / FPS, self.held[2] - start / FPS)
        return Actor(
            body=self.body.index, looks_seed=looks_seed,
            rotations=motion.rotations, root=motion.root,
            held_in=self.held[0] if self.held else None, held_s=held,
        )  # fmt: skip

    def _stirred(self, track: Pose, amount: float) -> Pose:
        t = self.t + np.arange(1, len(track.root) + 1) / FPS

        def wave(i: int, size: float) -> F64:
            angle = 2 * np.pi * self._rate[i] * t[:, None] + self._phase[i]
            return np.asarray(size * amount * np.sin(angle))

        hands = np.stack([wave(3, 0.012), wave(3, 0.012)[:, ::-1]], 1)
        return replace(
            track, root=track.root + wave(0, 0.005) * np.array([1, 1, 0.3]),
            chest=rotvec_matrices(wave(1, 0.025)) @ track.chest,
            head=rotvec_matrices(wave(2, 0.1)) @ track.head, hands=track.hands + hands,
        )  # fmt: skip


def _faded(before: Motion, after: Motion) -> Motion:
    """Carry the offset where two motions meet and let it decay; the second keeps its velocity."""
    n = min(len(after), max(2, round(_BLEND_S * FPS)))
    left = 1 - minimum_jerk(np.arange(1, n + 1) / (n + 1))
    # One frame of real motion lies between the two, so a small difference is no jump.
    offset = before.root[-1] - after.root[0]
    turned = matrices_rotvec(before.rotations[-1] @ after.rotations[0].swapaxes(-1, -2))
    if np.abs(offset).max() < 0.08 and np.abs(turned).max() < 0.35:
        return after
    root, rotations = after.root.copy(), after.rotations.copy()
    root[:n] += left[:, None] * offset
    rotations[:n] = rotvec_matrices(left[:, None, None] * turned) @ rotations[:n]
    return Motion(rotations, root)


def _above_floor(body: Body, motion: Motion) -> Motion:
    """Lift whoever sinks into the floor; the lift is smooth in time and never cuts a peak."""
    sunk = np.maximum(0.0, -lowest(body, motion, _BURIED))
    padded = np.pad(sunk, 2, "edge")
    wide = np.max([padded[i : i + len(sunk)] for i in range(5)], axis=0)
    lift = np.convolve(np.pad(wide, 1, "edge"), [0.25, 0.5, 0.25], "valid")
    return Motion(motion.rotations, motion.root + lift[:, None] * np.array([0.0, 0, 1]))


def pelvis_forward(motion: Motion) -> F64:
    """(3,) where the pelvis faces in the last frame."""
    return -np.asarray(motion.rotations[-1, SEGMENT["pelvis"], :, 1])
