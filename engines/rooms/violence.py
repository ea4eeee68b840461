"""Two people fighting: strikes with wind-up and contact, grappling, and what the victim does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engines.rooms import poses
from engines.rooms.floor import fall
from engines.rooms.gait import heading
from engines.rooms.kinematics import RIGHT, Pose, joint
from engines.rooms.performer import Performer, Place
from engines.rooms.rotations import F64, rotvec_matrices, turn, unit

ACTION = "violence"
UPRIGHT = ("punch", "punch", "slap", "kick", "push", "shove")
DOWNWARD = ("hammer", "hammer", "stamp", "slap")
MODES = ("beating", "beating", "beating", "grapple", "seated", "floor", "knock_down")
SHOUTS = ("leave me alone!", "stop it!", "no! stop!", "get off me!", "shut up!")


@dataclass(frozen=True, slots=True)
class Pair:
    """Attacker and victim; both timelines always end at the same time."""

    attacker: Performer
    victim: Performer

    @property
    def facing(self) -> Place:
        """The attacker's spot, facing the victim."""
        here = self.attacker.place
        root = self.victim.pose.root
        return Place(here.x, here.y, heading(here, float(root[0]), float(root[1])))


def fight(pair: Pair, seconds: float, mode: str) -> None:
    """Fill the time with violence of a mode (one of MODES); the attacker's spans are the truth."""
    rng = pair.attacker.rng
    until = pair.attacker.t + seconds
    if rng.random() < 0.6:
        cry = rng.random() < 0.4
        text = None if cry else str(rng.choice(SHOUTS))
        pair.victim.sound("scream" if cry else "quarrel", rng.uniform(0.2, 1.0), 1.0, text)
    if mode == "grapple":
        _grapple(pair, seconds)
        return
    down = mode in ("seated", "floor")
    knock = mode == "knock_down"
    first = True
    while until - pair.attacker.t > 0.3:
        kinds = DOWNWARD if down else UPRIGHT
        kind = str(rng.choice(kinds))
        if mode == "seated" and kind == "stamp":
            kind = "push"
        if knock and (not first or rng.random() < 0.5):
            _strike(pair, str(rng.choice(("push", "punch", "shove"))), knock_down=True)
            down, knock, mode = True, False, "floor"
        else:
            _strike(pair, kind, lying=mode == "floor", seated=mode == "seated")
        first = False


def _guard(actor: Performer, here: Place, lean: float = 8.0) -> Pose:
    stand = poses.standing(actor.body, actor.style, actor.rng)
    high = stand.root[2]
    return here.world(replace(
        stand, root=stand.root * [1, 1, 0.965], chest=turn(lean, yaw=-10), head=turn(5),
        feet=stand.feet + np.array([[0.03, -0.16, 0], [-0.03, 0.16, 0]]),
        hands=np.array([[0.16, -0.34, high + 0.36], [-0.14, -0.26, high + 0.34]]),
        elbows=np.array([[0.6, 0.3, -1], [-0.6, 0.3, -1.0]]),
    ))  # fmt: skip


def _target(pair: Pair, kind: str, lying: bool) -> F64:
    victim = pair.victim
    names = {"push": "chest", "shove": "chest", "kick": "pelvis", "stamp": "pelvis"}
    part = joint(victim.body, victim.pose, names.get(kind, "head"))
    lift = {"punch": 0.06, "slap": 0.05, "push": 0.12, "shove": 0.1, "kick": -0.05}.get(kind, 0.1)
    return np.asarray(part + np.array([0, 0, 0.12 if lying else lift]))


def _strike(
    pair: Pair, kind: str, lying: bool = False, seated: bool = False, knock_down: bool = False
) -> None:
    """One blow: step in, wind up, hit, recover; the victim reacts from the moment of contact."""
    attacker, victim = pair.attacker, pair.victim
    rng, here = attacker.rng, pair.facing
    target = _target(pair, kind, lying)
    arm = (attacker.body.upper_arm + attacker.body.forearm) * 0.95
    reach = {"kick": attacker.body.leg * 0.85, "stamp": 0.3, "hammer": 0.42}.get(kind, arm + 0.16)
    gap = float(np.hypot(target[0] - here.x, target[1] - here.y))
    apart = float(np.hypot(*(victim.pose.root - attacker.pose.root)[:2]))
    forward = min(float(np.clip(gap - reach, -0.45, 0.6)), apart - (0.62 if seated else 0.48))
    spot = here.point(0.0, -forward)
    near = Place(float(spot[0]), float(spot[1]), here.yaw_deg)
    far_in = _local_point(near, target)
    guard = _guard(attacker, near)
    wound, hit = _blow(attacker, near.local(guard), kind, far_in)
    if rng.random() < 0.5 and kind not in ("kick", "stamp"):
        wound, hit = _other_hand(attacker, near.local(guard), kind, far_in)
    wind_s, hit_s = float(rng.uniform(0.28, 0.5)), float(rng.uniform(0.13, 0.24))
    back_s = float(rng.uniform(0.25, 0.5))
    begin = attacker.t
    attacker.go(near.world(wound), wind_s, ACTION)
    attacker.go(near.world(hit), hit_s, ACTION)
    contact = attacker.t
    hard = kind in ("kick", "push", "shove", "stamp")
    attacker.sound("thud" if hard else "slap", 0.0, float(rng.uniform(0.5, 1.3)))
    attacker.go(guard, back_s, ACTION)
    victim.hold(contact - begin - 1 / 15, _stance(lying, seated))
    if knock_down:
        away = near.point(float(rng.normal(0, 0.3)), -1.0) - near.point(0, 0)
        fall(victim, "push", direction=away / np.linalg.norm(away), push=1.3)
        attacker.hold(max(0.0, victim.t - attacker.t - float(rng.uniform(1.2, 1.9))), ACTION)
        level(pair)
        return
    _react(pair, near, kind, lying, seated, attacker.t - victim.t)


def level(pair: Pair) -> None:
    """Wait for each other."""
    pair.attacker.hold(pair.victim.t - pair.attacker.t, ACTION)
    pair.victim.hold(pair.attacker.t - pair.victim.t, pair.victim.spans[-1].action)


def _stance(lying: bool, seated: bool) -> str:
    return "on_floor" if lying else "sit" if seated else "stand"


def _local_point(place: Place, point: F64) -> F64:
    a = np.radians(-place.yaw_deg)
    x, y = point[0] - place.x, point[1] - place.y
    return np.array([np.cos(a) * x - np.sin(a) * y, np.sin(a) * x + np.cos(a) * y, point[2]])


def _other_hand(actor: Performer, guard: Pose, kind: str, target: F64) -> tuple[Pose, Pose]:
    flip = target * np.array([-1, 1, 1])
    wound, hit = _blow(actor, guard.mirrored(), kind, flip)
    return wound.mirrored(), hit.mirrored()


def _blow(actor: Performer, guard: Pose, kind: str, target: F64) -> tuple[Pose, Pose]:
    """Wind-up and contact pose in the attacker's frame, striking with the right side."""
    rng, high = actor.rng, guard.root[2]
    ready, end = guard.hands.copy(), guard.hands.copy()
    step = np.array([0, -0.08, -0.02])
    if kind in ("kick", "stamp"):
        return _kick(guard, kind, target)
    if kind in ("push", "shove"):
        return _push(guard, target, float(rng.uniform(14, 26)))
    if kind == "hammer":
        ready[RIGHT] = [-0.2, -0.12, high + 0.85]
        end[RIGHT] = target
        lean = float(np.clip(75 * (1.25 - target[2]), 15, 70))
        wound = replace(guard, hands=ready, chest=turn(lean * 0.25, yaw=-15))
        low = guard.root + np.array([0, 0.05, -0.12 * lean / 70])
        return wound, replace(
            guard, hands=end, chest=turn(lean, yaw=15), pelvis=turn(lean * 0.5), root=low
        )
    ready[RIGHT] = [-0.55, -0.08, high + 0.5] if kind == "slap" else [-0.26, 0.06, high + 0.34]
    end[RIGHT] = target
    lean = float(np.clip(70 * (1.35 - target[2]), 8, 70))
    wound = replace(
        guard,
        hands=ready,
        chest=turn(4, yaw=-38),
        pelvis=turn(0, yaw=-12),
        root=guard.root - step / 2,
    )
    hit = replace(
        guard,
        hands=end,
        chest=turn(lean, yaw=32),
        pelvis=turn(lean * 0.4, yaw=12),
        root=guard.root + step,
    )
    return wound, hit


def _push(guard: Pose, target: F64, lean: float) -> tuple[Pose, Pose]:
    step, high = np.array([0, -0.08, -0.02]), guard.root[2]
    ready = np.array([[0.18, -0.16, high + 0.33], [-0.18, -0.16, high + 0.33]])
    end = target + np.array([[0.14, 0, 0], [-0.14, 0, 0]])
    wound = replace(guard, hands=ready, chest=turn(-4), root=guard.root - step)
    hit = replace(guard, hands=end, chest=turn(lean), pelvis=turn(lean / 2))
    return wound, replace(hit, root=guard.root + step * 2)


def _kick(guard: Pose, kind: str, target: F64) -> tuple[Pose, Pose]:
    up = kind == "stamp"
    lifted, landed = guard.feet.copy(), guard.feet.copy()
    lifted[RIGHT] = [-0.1, -0.2, 0.5] if up else [-0.14, 0.4, 0.25]
    landed[RIGHT] = target
    soles = np.stack([turn(), turn(-10 if up else -25)])
    arms = guard.hands + np.array([[0.2, 0.1, -0.15], [-0.2, 0.15, -0.2]])
    knees = np.array([[0.1, -1, 0.1], [-0.1, -1, 0.6]])
    root = guard.root + np.array([0.03, 0, 0])
    wound = replace(guard, feet=lifted, hands=arms, chest=turn(5), root=root, knees=knees)
    back = turn(-4 if up else -14)
    return wound, replace(
        guard, feet=landed, hands=arms, chest=back, pelvis=turn(-8), soles=soles,
        root=root + np.array([0, -0.06, 0]), knees=knees,
    )  # fmt: skip


def _react(pair: Pair, near: Place, kind: str, lying: bool, seated: bool, seconds: float) -> None:
    """Recoil and shield for ``seconds``."""
    victim, rng = pair.victim, pair.victim.rng
    rest, action = victim.pose, _stance(lying, seated)
    away = near.point(0, -1) - near.point(0, 0)
    hard = {"push": 1.4, "shove": 1.6, "kick": 1.2}.get(kind, 0.8)
    head = joint(victim.body, rest, "head")
    shield = head + (rest.chest @ np.array([[0.1, -0.24, 0.05], [-0.1, -0.22, 0.0]]).T).T
    hands = shield if rng.random() < 0.7 else rest.hands + away * 0.1
    twist = turn(yaw=float(rng.normal(0, 14)))
    if lying:
        curled = replace(
            rest,
            hands=shield,
            feet=rest.feet + 0.25 * (rest.root - rest.feet),
            head=turn(*rng.uniform(-12, 12, 3)) @ rest.head,
        )
        victim.go(curled, seconds, action)
        return
    axis = np.cross([0, 0, 1.0], away)
    lean = _about(axis, float(rng.uniform(6, 16)) * hard)
    by = away * (0.02 if seated else 0.08 * hard)
    struck = replace(
        rest, chest=twist @ lean @ rest.chest, head=twist @ twist @ lean @ rest.head,
        hands=hands + by,
        root=rest.root + by + [0, 0, 0 if seated else -0.03],
        feet=rest.feet if seated else rest.feet + np.stack([away * 0.02, away * 0.16 * hard]),
    )  # fmt: skip
    quick = min(seconds * 0.6, 0.2)
    victim.go(struck, quick, action)
    settled = rest if seated else rest.shifted(by * 0.8)
    victim.go(
        replace(settled, hands=settled.hands * 0.3 + (shield + by) * 0.7), seconds - quick, action
    )
    victim.hold(pair.attacker.t - victim.t, action)


def _about(axis: F64, degrees: float) -> F64:
    return rotvec_matrices(unit(axis) * np.radians(degrees))


def _grapple(pair: Pair, seconds: float) -> None:
    """Hold on to each other, pull and shake."""
    attacker, victim, rng = pair.attacker, pair.victim, pair.attacker.rng
    here = pair.facing
    gap = float(np.hypot(*(victim.pose.root - attacker.pose.root)[:2]))
    spot = here.point(0.0, -(gap - 0.52))
    near = Place(float(spot[0]), float(spot[1]), here.yaw_deg)
    base_a, base_v = _guard(attacker, near, 16.0), victim.pose
    left = seconds
    while left > 0.05:
        some = min(left, float(rng.uniform(0.3, 0.55)))
        jolt = np.array([*rng.normal(0, 0.09, 2), -0.03])
        lean_a, lean_v = (turn(*(rng.normal(0, 9, 3) * [1, 1, 1.4])) for _ in range(2))
        v = replace(base_v.shifted(jolt), chest=lean_v @ base_v.chest, head=lean_v @ base_v.head,
                    feet=base_v.feet + jolt * [0.5, 0.5, 0])  # fmt: skip
        a = replace(base_a.shifted(jolt * 0.6), chest=lean_a @ base_a.chest,
                    feet=base_a.feet + jolt * [0.3, 0.3, 0])  # fmt: skip
        grip = [joint(victim.body, v, f"forearm_{s}") for s in "rl"]
        chest = joint(attacker.body, a, "chest")
        pushing = chest + (a.chest @ np.array([[-0.15, -0.15, 0], [0.15, -0.15, 0.0]]).T).T
        attacker.go(replace(a, hands=np.stack(grip)), some, ACTION)
        victim.go(replace(v, hands=pushing), some, "stand")
        if rng.random() < 0.4:
            attacker.sound("scrape", 0.0, 0.4)
        left -= some
    level(pair)
