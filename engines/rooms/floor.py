"""Falling, lying on the floor, and getting up from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.rooms import poses
from engines.rooms.bodies import GROUP, Body
from engines.rooms.kinematics import Motion, Pose, grounded, joint, pose_of
from engines.rooms.performer import Performer, Place, pelvis_forward
from engines.rooms.ragdoll import Box, Contact, Fall, simulate
from engines.rooms.rotations import F64, turn
from engines.rooms.scene import FPS

CALLS = (
    "help! please help me!",
    "help me, please!",
    "I have fallen! help!",
    "please, somebody help!",
)
FLOOR_KINDS = ("supine", "prone", "left", "right", "propped", "hugging", "aside")
_DOWN_M = 0.36
_MAX_FALL_S = 3.0


class NotFallenError(Exception):
    """The physics kept the person off the floor, for instance slumped in the chair; try another."""


def fall(actor: Performer, kind: str | None = None, boxes: tuple[Box, ...] = (),
         seated: bool = False, direction: F64 | None = None, push: float = 1.0) -> str:  # fmt: skip
    """Fall from the current frame, then be on the floor; returns the kind or NotFallenError."""
    rng = actor.rng
    kinds = ("push", "collapse") if seated else ("trip", "slip", "push", "collapse")
    kind = kind or str(rng.choice(kinds))
    start = actor.last()
    harder = push * (1.4 if seated else 1.0)
    best: tuple[Motion, tuple[Contact, ...]] | None = None
    for attempt in range(6):
        way = (
            _direction(start, kind, seated, rng) if direction is None or attempt > 3 else direction
        )
        velocity = (start.root[-1] - start.root[0]) * FPS * np.array([1, 1, 0])
        plan = Fall(
            kind, way, velocity, push=rng.uniform(0.8, 1.3) * (1 + 0.25 * attempt) * harder,
            tone=float(rng.uniform(0.3, 0.7) if seated else rng.uniform(0.4, 0.9)),
            delay_s=float(rng.uniform(0.02, 0.25)), guards=bool(rng.random() < 0.7),
        )  # fmt: skip
        motion, contacts = simulate(actor.body, start, plan, _MAX_FALL_S, rng, boxes)
        badness = _upright(actor.body, motion)
        if best is None or badness < _upright(actor.body, best[0]):
            best = motion, contacts
        if badness <= 0:
            break
        kind = "push" if seated else kind
    if best is None or _upright(actor.body, best[0]) > 0.15:
        raise NotFallenError(kind)
    _take_over(actor, *best)
    return kind


def _upright(body: Body, motion: Motion) -> float:
    """How far from lying or half sitting on the floor a fall has ended, m; 0 is down."""
    _, places = body.fk(motion.rotations[-1:], motion.root[-1:])
    hips, chest, head = (places[0, GROUP[name]] for name in ("pelvis", "chest", "head"))
    folded = max(0.0, 0.3 - float(np.hypot(*(head - hips)[:2]))) if head[2] < hips[2] + 0.3 else 0.0
    above = max(0.0, float(hips[2]) - _DOWN_M) + max(0.0, float(max(head[2], chest[2])) - 0.75)
    return above + folded + max(0.0, float(hips[2] - chest[2]) - 0.12)


def _take_over(actor: Performer, motion: Motion, contacts: tuple[Contact, ...]) -> None:
    for contact in contacts:
        actor.sound("thud", contact.t_s, contact.force_n / 1000)
    end = landed(actor.body, motion)
    actor.add(motion.cut(0, end), "fall")
    if end < len(motion):
        actor.add(motion.cut(end), "on_floor")
    actor.pose = pose_of(actor.body, motion)


def landed(body: Body, motion: Motion) -> int:
    """Return the frame from which hips and head stay where they come to rest, at most 2.2 s."""
    _, places = body.fk(motion.rotations, motion.root)
    head = places[:, GROUP["head"]]
    moving = (motion.root[:, 2] > _DOWN_M) | (np.abs(head[:, 2] - head[-1, 2]) > 0.2)
    moving |= np.abs(motion.root[:, 2] - motion.root[-1, 2]) > 0.1
    late = np.flatnonzero(moving)
    return int(min(late[-1] + 2 if len(late) else 1, round(2.2 * FPS), len(motion)))


def _direction(start: Motion, kind: str, seated: bool, rng: np.random.Generator) -> F64:
    ahead = pelvis_forward(start) * np.array([1, 1, 0])
    spread = {"trip": (0, 45), "slip": (180, 50), "push": (0, 180), "collapse": (0, 180)}[kind]
    if seated:  # off the seat, not into its back
        spread = (0, 100)
    angle = spread[0] + rng.uniform(-spread[1], spread[1])
    way = turn(yaw=float(angle)) @ ahead
    return np.asarray(way / (np.linalg.norm(way) + 1e-9))


def lie_on_floor(actor: Performer, seconds: float, calls: bool = False) -> None:
    """Stay down after a fall: still, or with weak movements of the arms, the head or a leg."""
    rng = actor.rng
    rest = grounded_calm(actor)
    if calls:
        actor.sound("call_for_help", 0.3, 1.0, str(rng.choice(CALLS)))
    while seconds > 0.05:
        some = min(seconds, float(rng.uniform(0.6, 1.6)))
        if seconds - some < 0.3:
            some = seconds
        if rng.random() < 0.5:
            hands = rest.hands + rng.normal(0, 0.07, (2, 3)) * [1, 1, 0.4] + [0, 0, 0.03]
            head = turn(*rng.uniform(-9, 9, 3)) @ rest.head
            feet = rest.feet + rng.normal(0, 0.03, (2, 3)) * [1, 1, 0.2]
            actor.go(replace(rest, hands=hands, head=head, feet=feet), some, "on_floor", stir=0.5)
        else:
            actor.hold(some, "on_floor", stir=0.4)
        seconds -= some


def lie_still(actor: Performer, seconds: float) -> None:
    """Stay down and barely move."""
    actor.pose = grounded_calm(actor)
    actor.hold(seconds, "on_floor", stir=0.12)


def sit_on_floor(actor: Performer) -> None:
    """Let oneself down to the floor by way of a knee, slowly and on purpose; then sit there."""
    how = str(actor.rng.choice(("propped", "hugging", "aside")))
    _kneel_down(actor, "sit_down")
    here = actor.place
    target = here.world(poses.floor_sitting(actor.body, actor.rng, how))
    actor.go(target, _slowly(actor, 1.0, 1.8), "sit_down")


def lie_down_on_floor(actor: Performer) -> None:
    """Lie down on the floor slowly and on purpose: kneel, sit aside, lean back."""
    rng = actor.rng
    _kneel_down(actor, "lie_down")
    here = actor.place
    how = str(rng.choice(("aside", "propped")))
    sitting = here.world(poses.floor_sitting(actor.body, rng, how))
    actor.go(sitting, _slowly(actor, 1.0, 1.6), "lie_down")
    kind = str(rng.choice(("supine", "supine", "left", "right")))
    lying = floor_pose(actor, kind, Place(here.x, here.y, here.yaw_deg - 90))  # feet stay in front
    actor.go(lying, _slowly(actor, 1.3, 2.2), "lie_down")


def _kneel_down(actor: Performer, action: str) -> None:
    rng, here = actor.rng, actor.place
    lean = float(rng.uniform(10, 35))
    low = poses.kneeling(actor.body, rng, lean, both=bool(rng.random() < 0.4))
    actor.go(here.world(low.shifted([0, -0.1, 0])), _slowly(actor, 1.0, 1.7), action)
    if rng.random() < 0.5:
        actor.hold(float(rng.uniform(0.2, 0.8)), action)


def _slowly(actor: Performer, low_s: float, high_s: float) -> float:
    return float(actor.rng.uniform(low_s, high_s)) * (1.5 - 0.5 * actor.style.pace)


def grounded_calm(actor: Performer) -> Pose:
    """Return the current pose, resting on the floor."""
    return grounded(actor.body, actor.pose, -0.02)


def floor_pose(actor: Performer, kind: str, here: Place) -> Pose:
    """Return a way of being on the floor without having fallen in view."""
    if kind in ("propped", "hugging", "aside"):
        return here.world(poses.floor_sitting(actor.body, actor.rng, kind))
    return here.world(poses.lying(actor.body, actor.rng, kind))


def _faces_up(pose: Pose) -> bool:
    return bool(-pose.chest[2, 1] > -0.25)


def rising_place(actor: Performer) -> Place:
    """Return where somebody on the floor will get up, and which way they will then face."""
    pose = actor.pose
    head = joint(actor.body, pose, "head")
    along = (pose.root - head) * (1 if _faces_up(pose) else -1)
    if pose.chest[2, 2] > 0.6:  # sits already
        along = -pose.chest[:, 1]
    yaw = float(np.degrees(np.arctan2(along[0], -along[1])))
    return Place(float(pose.root[0]), float(pose.root[1]), yaw)


def get_up_from_floor(actor: Performer) -> None:
    """Sit up or turn to all fours, kneel, stand; whichever way the body lies."""
    rng = actor.rng
    slow = 1.5 - 0.5 * actor.style.pace
    face_up = _faces_up(actor.pose)
    here = rising_place(actor)
    if face_up:
        prop = str(rng.choice(("propped", "aside")))
        sitting = here.world(poses.floor_sitting(actor.body, rng, prop))
        actor.go(sitting, rng.uniform(0.8, 1.4) * slow, "get_up")
    if not face_up or rng.random() < 0.3:
        actor.go(
            here.world(poses.all_fours(actor.body, rng)), rng.uniform(0.9, 1.4) * slow, "get_up"
        )
    kneel = poses.kneeling(actor.body, rng, float(rng.uniform(20, 40))).shifted([0, -0.15, 0])
    kneel = replace(kneel, hands=np.array([kneel.hands[0], kneel.feet[0] + [-0.05, -0.05, 0.42]]))
    if rng.random() < 0.5:
        kneel = kneel.mirrored()
    actor.go(here.world(kneel), rng.uniform(0.9, 1.4) * slow, "get_up")
    up = poses.standing(actor.body, actor.style, rng).shifted([0, -0.4, 0])
    actor.go(here.world(up), rng.uniform(0.8, 1.3) * slow, "get_up")
