"""Lying down on a bed or a long couch, resting there, and getting up again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.rooms import poses
from engines.rooms.kinematics import Pose
from engines.rooms.performer import Performer, Place
from engines.rooms.rotations import turn


def lying_pose(
    actor: Performer, bed: Place, kind: str, height: float, side: int, mode: str | None = None
) -> Pose:
    """Return a pose on a bed or long couch in the room."""
    mode = mode or str(actor.rng.choice(("supine", "supine", "supine", "left", "right", "prone")))
    local = poses.lying(actor.body, actor.rng, mode, height, side)
    middle = actor.body.leg * 0.02 * side
    return bed.world(local.shifted([middle, poses.LIE_Y[kind], 0.0]))


def _bed_middle(
    actor: Performer, bed: Place, height: float, side: int, sitting: Pose, kind: str
) -> Pose:
    """Half way between sitting on the edge and lying: propped on an arm, legs coming up."""
    local = bed.local(sitting)
    y = 0.5 * (poses.SIT_Y[kind] + poses.LIE_Y[kind])
    root = np.array([0.02 * side, y, height + 0.11])
    feet = np.array([[side * 0.55, y - 0.3, height + 0.1], [side * 0.5, y - 0.15, height + 0.12]])
    prop = np.array([-side * 0.42, y, height + 0.06])
    free = np.array([side * 0.1, y - 0.25, height + 0.3])
    hands = np.stack([free, prop] if side > 0 else [prop, free])
    yaw = 45 * side
    pelvis = turn(-20, yaw=yaw)
    return bed.world(replace(
        local, root=root, pelvis=pelvis, chest=turn(-28, yaw=yaw), head=turn(-5, yaw=yaw),
        hands=hands, feet=feet, knees=np.array([[side * 0.5, -0.5, 0.8]] * 2),
        soles=np.stack([turn(-15, yaw=yaw)] * 2),
    ))  # fmt: skip


def lie_down(
    actor: Performer, bed: Place, kind: str, height: float, side: int, lying: Pose
) -> None:
    """From sitting on the edge of a bed to lying."""
    slow = 1.4 - 0.5 * actor.style.pace
    mid = _bed_middle(actor, bed, height, side, actor.pose, kind)
    actor.go(mid, actor.rng.uniform(0.7, 1.1) * slow, "lie_down")
    actor.go(lying, actor.rng.uniform(0.7, 1.1) * slow, "lie_down")


def lie(actor: Performer, seconds: float) -> None:
    """Rest: barely a movement, now and then an arm."""
    if actor.rng.random() < 0.4 and seconds > 1.5:
        side = int(actor.rng.integers(2))
        by = np.zeros((2, 3))
        by[side] = actor.rng.uniform([-0.1, -0.1, 0.02], [0.1, 0.1, 0.15])
        rest = actor.pose
        actor.go(replace(rest, hands=rest.hands + by), 0.7, "lie", stir=0.4)
        actor.go(rest, 0.7, "lie", stir=0.4)
        seconds -= 1.4
    actor.hold(seconds, "lie", stir=0.4)


def get_up_from_bed(
    actor: Performer, bed: Place, kind: str, height: float, side: int, sitting: Pose
) -> None:
    """From lying to sitting on the edge."""
    slow = 1.5 - 0.5 * actor.style.pace
    mid = _bed_middle(actor, bed, height, side, sitting, kind)
    actor.go(mid, actor.rng.uniform(0.7, 1.2) * slow, "get_up")
    actor.go(sitting, actor.rng.uniform(0.7, 1.1) * slow, "get_up")
