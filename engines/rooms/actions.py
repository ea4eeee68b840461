"""Everyday actions: each makes a performer do one thing and leaves them ready for the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from engines.rooms import poses
from engines.rooms.gait import duration, heading, path_to, perform, turn_to
from engines.rooms.kinematics import RIGHT, Pose, joint
from engines.rooms.performer import Performer, Place
from engines.rooms.rotations import F64, minimum_jerk, rotvec_matrices, turn
from engines.rooms.scene import FPS

STAND_KINDS = ("hang", "hang", "cross", "hips", "phone", "talk", "look")
CROUCH_KINDS = ("squat", "bend", "kneel", "tie_shoe", "look_under", "all_fours")


def walk_to(actor: Performer, end: Place, eased: bool = True) -> None:
    """Walk to a place and face its way."""
    perform(actor, path_to(actor.body, actor.style, actor.place, end, eased))


def stroll(actor: Performer, end: Place, seconds: float, start_s: float) -> None:
    """Show only a part of a walk, at speed throughout when the path is long enough."""
    travel = path_to(actor.body, actor.style, actor.place, end, eased=False)
    last = min(duration(travel), start_s + seconds)
    perform(actor, travel, cut_s=(max(0.0, last - seconds), last))


def turn_towards(actor: Performer, yaw_deg: float, shift: F64 | None = None) -> None:
    """Turn on the spot with small steps; it counts as walking."""
    perform(actor, turn_to(actor.style, actor.place, yaw_deg, shift))


def face(actor: Performer, x: float, y: float) -> None:
    """Turn towards a point."""
    turn_towards(actor, heading(actor.place, x, y))


def _gesture(actor: Performer, seconds: float, action: str,
             shape: Callable[[Pose, F64], Pose], enter_s: float = 0.5) -> None:  # fmt: skip
    """Blend from the current pose into a moving one and stay there."""
    n = round(seconds * FPS)
    if n < 1:
        return
    t = np.arange(1, n + 1) / FPS
    track = shape(actor.pose.repeated(n), t)
    base = actor.pose
    s = minimum_jerk(t / enter_s)[:, None, None]
    hands = (1 - s) * base.hands + s * track.hands
    elbows = (1 - s) * base.elbows + s * track.elbows
    actor.play(replace(track, hands=hands, elbows=elbows), action)


def stand(actor: Performer, seconds: float, kind: str | None = None) -> None:
    """Idle upright in one of STAND_KINDS."""
    kind = kind or str(actor.rng.choice(STAND_KINDS))
    before = actor.pose
    _idle(actor, seconds, "stand", kind)
    actor.pose = replace(actor.pose, hands=actor.pose.hands if kind == "cross" else before.hands)


def sit(actor: Performer, seconds: float, kind: str | None = None) -> None:
    """Stay seated with one of the idle gestures."""
    kind = kind or str(actor.rng.choice(("hang", "hang", "cross", "phone", "talk", "look", "nod")))
    before = actor.pose
    _idle(actor, seconds, "sit", kind)
    actor.pose = replace(actor.pose, hands=before.hands)


def _idle(actor: Performer, seconds: float, action: str, kind: str) -> None:
    rng, base = actor.rng, actor.pose
    chest, head = joint(actor.body, base, "chest"), joint(actor.body, base, "head")
    p = rng.uniform(0, 2 * np.pi, 4)
    if kind == "talk":
        actor.sound("speech", 0.2, 0.7, str(rng.choice(_REMARKS)))

    def shape(track: Pose, t: F64) -> Pose:
        hands, n = track.hands.copy(), len(t)
        if kind == "cross":
            hands[:] = (
                chest + (base.chest @ np.array([[-0.08, -0.24, 0.02], [0.08, -0.25, 0.05]]).T).T
            )
        elif kind == "hips":
            hands[:] = base.root + (base.chest @ np.array([[0.22, 0, 0.1], [-0.22, 0, 0.1]]).T).T
        elif kind == "phone":
            hands[:, RIGHT] = head + base.head @ np.array([-0.13, -0.02, 0.03])
        elif kind == "talk":
            wander = np.sin(np.array([4, 3, 5, 3.3]) * t[:, None] + p)
            right = np.array([-0.18, -0.3, 0]) + wander[:, :3] * [0.08, 0.08, 0.1]
            left = np.array([0.2, -0.28, 0]) + wander[:, 1:] * [0.06, 0.08, 0.08]
            hands = chest + np.einsum("ij,tkj->tki", base.chest, np.stack([left, right], 1))
        elif kind in ("look", "nod"):
            aside = np.sin(2 * np.pi * t / rng.uniform(2, 5) + p[0])[:, None]
            axis = np.array([0, 0, 0.7]) if kind == "look" else base.head[:, 0] * 0.25
            return replace(track, head=rotvec_matrices(aside * axis) @ track.head)
        elbows = track.elbows
        if kind in ("cross", "hips"):
            out = np.array([[1, 0.4, -0.3], [-1, 0.4, -0.3]])
            elbows = np.broadcast_to(out, (n, 2, 3))
        return replace(track, hands=hands, elbows=elbows)

    _gesture(actor, seconds, action, shape)


_REMARKS = ("good morning", "how are you today?", "yes, thank you", "I will be right back",
            "it is quite warm in here", "did you sleep well?")  # fmt: skip


def seat_pose(actor: Performer, seat: Place, kind: str, height: float) -> tuple[Pose, Place]:
    """Return a sitting pose on a piece of furniture in the room, and the frame of its hips."""
    spot = seat.point(0.0, poses.SIT_Y[kind])
    frame = Place(float(spot[0]), float(spot[1]), seat.yaw_deg)
    choice = ("lap", "arms", "lap") if kind != "bed" else ("lap",)
    local = poses.sitting(actor.body, actor.rng, height, str(actor.rng.choice(choice)))
    return frame.world(local), frame


def before_seat(actor: Performer, sitting: Pose, frame: Place) -> Pose:
    """Return the standing pose from which somebody sits down, feet already in place."""
    local = poses.standing_at(actor.body, actor.style, actor.rng, frame.local(sitting))
    return frame.world(local)


def sit_down(actor: Performer, sitting: Pose, frame: Place, scrape: bool = False) -> None:
    """From standing before the seat: lean, lower, settle."""
    rng = actor.rng
    slow = 1.4 - 0.5 * actor.style.pace
    mid = frame.world(poses.rising(actor.body, rng, frame.local(sitting)))
    if scrape:
        actor.sound("scrape", 0.9 * slow, float(rng.uniform(0.4, 1.0)))
    actor.go(
        replace(mid, hands=0.5 * (mid.hands + actor.pose.hands)),
        rng.uniform(0.5, 0.9) * slow,
        "sit_down",
    )
    actor.go(sitting, rng.uniform(0.6, 1.1) * slow, "sit_down")


def drop_into_seat(actor: Performer, sitting: Pose, frame: Place) -> None:
    """Sit down as heavily as people do whose legs give way: quick, with a thump, but no fall."""
    rng = actor.rng
    mid = frame.world(poses.rising(actor.body, rng, frame.local(sitting)))
    actor.go(mid, float(rng.uniform(0.35, 0.55)), "sit_down")
    seconds = float(rng.uniform(0.22, 0.35))
    actor.sound("thud", seconds - 0.05, float(rng.uniform(0.4, 1.4)))
    actor.go(sitting, seconds, "sit_down")
    actor.hold(0.4, "sit_down", stir=1.5)


def drop_something(actor: Performer) -> None:
    """Let a thing fall while standing, look, and pick it up: a thud without a fall."""
    rng = actor.rng
    stand(actor, float(rng.uniform(1.0, 2.5)), "talk" if rng.random() < 0.2 else "hang")
    kind = str(rng.choice(("thud", "thud", "clink", "hit")))
    actor.sound(kind, -0.3, float(rng.uniform(0.3, 1.3)))
    stand(actor, float(rng.uniform(0.4, 1.2)), "hang")
    crouch(actor, float(rng.uniform(2.2, 3.5)), str(rng.choice(("bend", "squat", "kneel"))))


def stand_up(actor: Performer, frame: Place, scrape: bool = False) -> None:
    """From a seat to upright stance over the same feet."""
    rng = actor.rng
    slow = 1.5 - 0.6 * actor.style.pace
    local = frame.local(actor.pose)
    if scrape:
        actor.sound("scrape", 0.4 * slow, float(rng.uniform(0.4, 1.0)))
    actor.go(
        frame.world(poses.rising(actor.body, rng, local)), rng.uniform(0.5, 1.0) * slow, "stand_up"
    )
    up = poses.standing_at(actor.body, actor.style, rng, local)
    actor.go(frame.world(up), rng.uniform(0.5, 0.9) * slow, "stand_up")


def drink(actor: Performer, seconds: float) -> None:
    """Bring a cup (or food) to the mouth again and again with the right hand."""
    rng, base = actor.rng, actor.pose
    lips = poses.mouth(actor.body, base)
    low = base.root + base.chest @ np.array(
        [rng.uniform(-0.24, -0.1), -0.36, rng.uniform(0.16, 0.3)]
    )
    rest = low if rng.random() < 0.7 else base.hands[RIGHT]
    period, sip, ahead = rng.uniform(1.5, 2.8), rng.uniform(0.15, 0.35), rng.uniform(0, 0.15)
    begun = actor.t
    for k in range(int(seconds / period) + 1):
        at = (k + 0.3 - ahead) * period
        if 0 < at < seconds - 0.2:
            actor.sound("clink", at + (0.3 + sip) * period, float(rng.uniform(0.2, 0.6)))

    def shape(track: Pose, t: F64) -> Pose:
        u = (t / period + ahead) % 1
        s = minimum_jerk(u / 0.3) - minimum_jerk((u - 0.3 - sip) / 0.35)
        out = base.chest @ np.array([0, -1.0, 0])
        hands, elbows = track.hands.copy(), track.elbows.copy()
        way = rest + s[:, None] * (lips - rest) + 0.06 * np.sin(np.pi * s)[:, None] * out
        hands[:, RIGHT], elbows[:, RIGHT] = way, np.array([-0.8, 0.4, -0.7])
        tip = rotvec_matrices(s[:, None] * np.array([np.radians(-14), 0, 0]))
        return replace(track, hands=hands, elbows=elbows, head=track.head @ tip)

    _gesture(actor, seconds, "drink_eat", shape)
    if actor.held is None:
        actor.held = ("hand_r", begun, actor.t)
    actor.pose = replace(actor.pose, head=base.head)


def wave(actor: Performer, seconds: float, calls: bool = False) -> None:
    """Wave one or both hands, upright or lying."""
    rng, base = actor.rng, actor.pose
    both = rng.random() < 0.4
    rate, wide, high = rng.uniform(0.8, 1.7), rng.uniform(0.1, 0.25), rng.uniform(0.25, 0.5)
    forward, phase = rng.uniform(-0.3, 0.0), rng.uniform(0, 2 * np.pi)
    up = base.chest[:, 2] if base.chest[2, 2] > 0.5 else np.array([0.0, 0, 1])
    if calls:
        actor.sound("speech", 0.3, 1.0, "hello! over here!")

    def shape(track: Pose, t: F64) -> Pose:
        hands, elbows = track.hands.copy(), track.elbows.copy()
        for side, sign in ((0, 1), (1, -1)) if both else ((1, -1),):
            shoulder = joint(actor.body, base, f"upper_arm_{'lr'[side]}")
            sweep = sign * (0.12 + wide * np.sin(2 * np.pi * rate * t + phase))
            away = sweep[:, None] * base.chest[:, 0] - forward * base.chest[:, 1] * -1
            hands[:, side] = shoulder + up * high + away
            elbows[:, side] = [sign, 0.2, -0.3]
        return replace(track, hands=hands, elbows=elbows)

    _gesture(actor, seconds, "wave", shape)
    actor.pose = base


def crouch(actor: Performer, seconds: float, kind: str | None = None) -> None:
    """Go down for something and come up again: what is most easily mistaken for a fall."""
    rng, up, here = actor.rng, actor.pose, actor.place
    kind = kind or str(rng.choice(CROUCH_KINDS))
    down_s, up_s = rng.uniform(0.6, 1.1), rng.uniform(0.7, 1.1)
    low = here.world(_low_pose(actor, here.local(up), kind))
    stay = max(0.3, seconds - down_s - up_s)
    actor.go(low, down_s, "crouch_pick_up")
    side = int(rng.integers(2))
    reach = low.hands.copy()
    floor = here.point(
        rng.uniform(-0.35, 0.35), rng.uniform(-0.6, -0.35), rng.choice([0.04, 0.06, 0.3])
    )
    if kind != "all_fours":
        reach[side] = floor
    busy = replace(low, hands=reach)
    while stay > 0.25:
        some = min(stay, float(rng.uniform(0.35, 0.8)))
        target = replace(busy, hands=busy.hands + rng.normal(0, 0.04, (2, 3)) * [1, 1, 0.3])
        actor.go(target, some, "crouch_pick_up")
        stay -= some
    if rng.random() < 0.3:
        actor.sound("clink", 0.0, 0.3)
    actor.go(up, up_s, "crouch_pick_up")


def _low_pose(actor: Performer, local: Pose, kind: str) -> Pose:
    rng, body = actor.rng, actor.body
    if kind == "squat":
        return poses.squatting(body, local, rng, float(rng.uniform(0.5, 1.0)))
    if kind == "bend":
        return poses.bending(body, local, rng, float(rng.uniform(50, 95)))
    ahead = np.array([0, -0.1, 0.0])
    if kind == "tie_shoe":
        low = poses.kneeling(body, rng, float(rng.uniform(45, 65))).shifted(ahead)
        shoe = low.feet[0] + np.array([[0.06, -0.08, 0.06], [-0.06, -0.08, 0.06]])
        return replace(low, hands=shoe)
    if kind in ("look_under", "all_fours"):
        low = poses.all_fours(body, rng).shifted(ahead)
        if kind == "look_under":
            low = replace(low, head=turn(20, 25), hands=low.hands * [1, 1, 0.7])
        return low
    return poses.kneeling(
        body, rng, float(rng.uniform(5, 40)), both=bool(rng.random() < 0.4)
    ).shifted(ahead)
