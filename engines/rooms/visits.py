"""Somebody comes in and is kind: passes by, shakes hands, hugs, helps up. Never violence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.rooms import actions, floor, poses
from engines.rooms.gait import heading
from engines.rooms.kinematics import RIGHT, Pose, joint
from engines.rooms.performer import Performer, Place
from engines.rooms.setting import Setting, come_in, go_out, go_to, wait

_ARM_M = 0.72


def pass_by(s: Setting) -> None:
    """A visitor walks in, stays a moment at the other side of the room, and leaves."""
    who, rng = s.who, s.rng
    go_to(who, Place(float(rng.uniform(-0.9, -0.5)), float(rng.uniform(-0.9, -0.3)), 0.0))
    visitor = s.visitor()
    come_in(visitor, Place(float(rng.uniform(0.6, 1.1)), float(rng.uniform(-0.9, -0.3)), 0.0))
    actions.stand(visitor, float(rng.uniform(1.5, 4)), "talk")
    go_out(visitor)
    kinds = ("hang", "talk", "look", "phone")
    while visitor.t - who.t > 4.0:
        actions.stand(who, float(rng.uniform(2, 4)), str(rng.choice(kinds)))
    actions.stand(who, visitor.t - who.t, "hang")


def shake_hands(s: Setting) -> None:
    """A visitor greets the observed person with a handshake, and leaves."""
    visitor = _met(s)
    who, rng = s.who, s.rng
    middle = 0.5 * (who.pose.root + visitor.pose.root) + [0, 0, 0.12]
    before = who.pose, visitor.pose
    visitor.sound("speech", 0.0, 0.8, "good morning")
    for lift in (0.0, *([0.05, -0.05] * int(rng.integers(2, 5))), 0.0):
        seconds = 0.7 if lift == 0.0 else float(rng.uniform(0.15, 0.28))
        for actor in (who, visitor):
            actor.go(_reaching(actor.pose, middle + np.array([0, 0, lift])), seconds, "stand")
    _part(s, visitor, before)


def hug(s: Setting) -> None:
    """A visitor hugs the observed person, lets go, and leaves."""
    visitor = _met(s)
    who, rng = s.who, s.rng
    before = who.pose, visitor.pose
    step = (who.pose.root - visitor.pose.root) * [1, 1, 0]
    step = step * (1 - 0.34 / float(np.linalg.norm(step)))
    close = visitor.pose.shifted(step)
    pairs = ((who, who.pose, close, 0.1), (visitor, close, who.pose, -0.02))
    holds = [_around(actor, own, other, rise) for actor, own, other, rise in pairs]
    for actor, pose in zip((who, visitor), holds, strict=True):
        actor.go(pose, 1.1, "stand")
    for _ in range(int(rng.integers(2, 5))):
        sway = np.array([*rng.normal(0, 0.015, 2), 0.0])
        for actor, pose in zip((who, visitor), holds, strict=True):
            actor.go(replace(pose, root=pose.root + sway, hands=pose.hands + sway), 0.6, "stand")
    _part(s, visitor, before)


def helped_up(s: Setting) -> None:
    """The observed person sits on the floor; a visitor comes, bends down and helps them up."""
    who, rng = s.who, s.rng
    go_to(who, Place(float(rng.uniform(-0.6, 0.0)), float(rng.uniform(-0.6, -0.2)), 0.0))
    floor.sit_on_floor(who)
    floor.lie_still(who, float(rng.uniform(0.5, 2.5)))
    fetch_up(s)


def fetch_up(s: Setting) -> None:
    """A visitor comes to the person on the floor, helps them up, stays a moment and leaves."""
    who = s.who
    visitor = s.visitor()
    rising = floor.rising_place(who)
    sides = [rising.point(x, -0.3) for x in (-_ARM_M, _ARM_M)]
    here = visitor.place
    spot = min(sides, key=lambda p: float(np.hypot(p[0] - here.x, p[1] - here.y)))
    come_in(visitor, Place(float(spot[0]), float(spot[1]), 0.0))
    face = heading(visitor.place, rising.x, rising.y)
    actions.turn_towards(visitor, face)
    floor.lie_still(who, visitor.t - who.t)
    upright, place = visitor.pose, visitor.place
    low = poses.bending(visitor.body, place.local(upright), s.rng, float(s.rng.uniform(45, 70)))
    visitor.go(_holding(place.world(low), who), 0.9, "stand")
    floor.lie_still(who, visitor.t - who.t)
    begin = who.t
    floor.get_up_from_floor(who)
    seconds = who.t - begin
    up = poses.bending(visitor.body, place.local(upright), s.rng, 12.0)
    visitor.go(_holding(place.world(up), who), seconds, "stand")
    visitor.go(upright, 0.8, "stand")
    go_out(visitor)
    actions.stand(who, visitor.t - who.t, "hang")


def _met(s: Setting) -> Performer:
    """Bring the visitor face to face with the observed person; both have the same time."""
    who = s.who
    go_to(who, Place(float(s.rng.uniform(-0.5, 0.2)), float(s.rng.uniform(-0.5, 0.0)), 0.0))
    visitor = s.visitor()
    here = who.place
    door = heading(here, visitor.place.x, visitor.place.y)
    near = Place(here.x, here.y, door).point(0.0, -_ARM_M)
    come_in(visitor, Place(float(near[0]), float(near[1]), 0.0))
    actions.face(who, visitor.place.x, visitor.place.y)
    actions.face(visitor, who.place.x, who.place.y)
    wait(visitor, who.t)
    actions.stand(who, visitor.t - who.t, "hang")
    return visitor


def _part(s: Setting, visitor: Performer, before: tuple[Pose, Pose]) -> None:
    for actor, pose in zip((s.who, visitor), before, strict=True):
        actor.go(pose, 0.8, "stand")
    actions.stand(s.who, 1.0, "talk")
    wait(visitor, s.who.t)
    go_out(visitor)
    actions.stand(s.who, visitor.t - s.who.t, "hang")


def _reaching(pose: Pose, point: np.ndarray) -> Pose:
    hands = pose.hands.copy()
    hands[RIGHT] = point
    return replace(pose, hands=hands)


def _around(actor: Performer, own: Pose, other: Pose, rise: float) -> Pose:
    """Lean in, arms round the other's back."""
    way = (other.root - own.root) * [1, 1, 0]
    way = way / (float(np.linalg.norm(way)) + 1e-9)
    left = np.array([-way[1], way[0], 0.0])
    chest = joint(actor.body, own, "chest")
    back = chest + way * 0.38 + [0, 0, rise]
    hands = np.stack([back + 0.14 * left, back - 0.14 * left - [0, 0, 0.08]])
    out = np.array([[1, 0.1, -0.1], [-1, 0.1, -0.1]])
    return replace(own, hands=hands, elbows=out)


def _holding(pose: Pose, other: Performer) -> Pose:
    """Both hands at the other's upper arm."""
    arms = [joint(other.body, other.pose, f"upper_arm_{side}") for side in "lr"]
    near = min(arms, key=lambda p: float(np.linalg.norm(p - pose.root)))
    return replace(pose, hands=near + np.array([[0, 0, -0.05], [0, 0, -0.2]]))
