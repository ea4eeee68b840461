"""Key poses. Local frame: the person faces -y, their left is +x; a seat is at the origin."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engines.rooms.bodies import Body
from engines.rooms.kinematics import ELBOWS, Pose, grounded, joint
from engines.rooms.rotations import F64, turn

SIT_Y = {"chair": -0.12, "wheelchair": -0.12, "couch": -0.12, "long_couch": -0.12, "bed": 0.08}
"""Where the hips are when somebody sits on a piece of furniture, along its local y."""

LIE_Y = {"bed": 0.38, "long_couch": 0.1}


@dataclass(frozen=True, slots=True)
class Style:
    """How a person carries themselves, constant through a scene."""

    stoop_deg: float
    stance: float  # m, half the distance between the feet
    toe_out_deg: float
    pace: float  # 1 = a brisk adult; elders 0.5-0.8
    restlessness: float  # scales the small movements of idling

    @classmethod
    def random(cls, rng: np.random.Generator) -> Style:
        """Most are old."""
        return cls(
            stoop_deg=float(rng.uniform(0, 20)), stance=float(rng.uniform(0.08, 0.13)),
            toe_out_deg=float(rng.uniform(2, 15)), pace=float(rng.uniform(0.55, 1.05)),
            restlessness=float(rng.uniform(0.6, 1.6)),
        )  # fmt: skip


def make(
    root: F64, pelvis: F64, chest: F64, head: F64, hands: F64, feet: F64,
    elbows: F64 | None = None, knees: F64 | None = None, soles: F64 | None = None,
) -> Pose:  # fmt: skip
    """Build a pose; elbows hang back, knees point where the pelvis faces, soles are flat."""
    forward = pelvis @ np.array([[0.12, -1, 0.1], [-0.12, -1, 0.1]]).T
    return Pose(
        np.asarray(root, float), pelvis, chest, head, np.asarray(hands, float),
        np.asarray(feet, float), ELBOWS if elbows is None else np.asarray(elbows, float),
        forward.T if knees is None else np.asarray(knees, float),
        np.stack([turn(yaw=8), turn(yaw=-8)]) if soles is None else soles,
    )  # fmt: skip


def standing(body: Body, style: Style, rng: np.random.Generator) -> Pose:
    """Upright with hanging arms."""
    stoop = style.stoop_deg
    root = np.array([0, 0, body.leg * rng.uniform(0.982, 0.992)])
    reach = np.array([0.0, -0.05 - stoop * 0.006, -0.04])
    stagger = rng.uniform(-0.05, 0.05)
    toes = style.toe_out_deg
    return make(
        root, turn(stoop * 0.25), turn(stoop), turn(stoop * 0.4 + rng.uniform(-5, 8)),
        hands=root + reach + np.array([[0.24, 0, 0], [-0.24, 0, 0]]),
        feet=np.array([[style.stance, 0.02, body.ankle],
                       [-style.stance, 0.02 + stagger, body.ankle]]),
        soles=np.stack([turn(yaw=toes), turn(yaw=-toes)]),
    )  # fmt: skip


def sitting(body: Body, rng: np.random.Generator, seat: float, hands: str = "lap",
            lean_deg: float | None = None) -> Pose:  # fmt: skip
    """On a seat of that height, hips above the origin; hands: lap, arms (of the chair), table."""
    lean = float(rng.uniform(-16, 10)) if lean_deg is None else lean_deg
    root = np.array([0, 0, seat + 0.09])
    out = -body.thigh * rng.uniform(0.8, 1.05)
    wide = rng.uniform(0.09, 0.16)
    feet = np.array([[wide, out + rng.uniform(-0.05, 0.05), body.ankle],
                     [-wide, out + rng.uniform(-0.05, 0.05), body.ankle]])  # fmt: skip
    if hands == "arms":
        at = np.array([[0.3, -0.2, seat + 0.23], [-0.3, -0.2, seat + 0.23]])
    elif hands == "table":
        at = np.array([[0.16, -0.42, seat + 0.34], [-0.16, -0.42, seat + 0.34]])
    else:
        at = np.array(
            [
                [rng.uniform(0.06, 0.18), rng.uniform(-0.36, -0.2), seat + 0.17],
                [-rng.uniform(0.06, 0.18), rng.uniform(-0.36, -0.2), seat + 0.17],
            ]
        )
    return make(
        root, turn(lean * 0.6), turn(lean + rng.uniform(0, 12)),
        turn(lean * 0.3 + rng.uniform(-5, 15)),
        at, feet, elbows=np.array([[0.6, 0.6, -0.6], [-0.6, 0.6, -0.6]]),
    )  # fmt: skip


def rising(body: Body, rng: np.random.Generator, seat: Pose) -> Pose:
    """Half way between sitting and standing: the trunk leans over the feet."""
    lean = float(rng.uniform(32, 48))
    root = seat.root + np.array([0, -0.13, 0.10])
    hands = root + np.array([[0.2, -0.3, 0.02], [-0.2, -0.3, 0.02]])
    if rng.random() < 0.4:  # pushes off the seat
        hands = seat.root + np.array([[0.27, -0.06, 0.06], [-0.27, -0.06, 0.06]])
    return replace(
        seat,
        root=root,
        pelvis=turn(lean * 0.7),
        chest=turn(lean),
        head=turn(lean * 0.35),
        hands=hands,
    )


def standing_at(body: Body, style: Style, rng: np.random.Generator, feet: Pose) -> Pose:
    """Stand over the feet of another pose (local frame)."""
    pose = standing(body, style, rng).shifted(
        [feet.feet[:, 0].mean(), feet.feet[:, 1].mean() + 0.05, 0]
    )
    return replace(pose, feet=feet.feet, soles=feet.soles)


def lying(
    body: Body, rng: np.random.Generator, mode: str, height: float = 0.0, side: int = 1
) -> Pose:
    """Along x with the head towards ``-side * x``; mode: supine, prone, left, right."""
    facing = {
        "supine": [0, 0, 1.0],
        "prone": [0, 0, -1.0],
        "left": [0, -1.0, 0],
        "right": [0, 1.0, 0],
    }
    up = np.array([-side, 0, 0.0])
    back = -np.array(facing[mode])
    axes = np.stack([np.cross(back, up), back, up], 1)
    leg = body.thigh + body.shank
    bent = rng.uniform(0, 0.12, 2) if mode in ("supine", "prone") else rng.uniform(0.08, 0.3, 2)
    aside = 0.0 if mode in ("supine", "prone") else -0.18
    hands = np.array(
        [[0.27, -0.03, rng.uniform(-0.05, 0.2)], [-0.27, -0.03, rng.uniform(-0.05, 0.2)]]
    )
    if mode in ("left", "right"):
        hands = np.array([[0.08, -0.32, 0.3], [-0.05, -0.34, 0.18]])
    elif rng.random() < 0.4:
        front = -0.2 if mode == "supine" else -0.02
        hands = np.array([[0.06, front, 0.14], [-0.06, front, 0.18]])
        hands[:, 0] *= 1 if mode == "supine" else 5
    feet = np.array([[0.11, aside, -leg * (1 - bent[0])], [-0.11, aside, -leg * (1 - bent[1])]])
    head = {"supine": turn(rng.uniform(5, 25), yaw=rng.uniform(-30, 30)),
            "prone": turn(-10, yaw=rng.choice([-60, 60]))}.get(mode, turn(8))  # fmt: skip
    pose = make(
        np.zeros(3), axes, axes @ turn(rng.uniform(0, 8)), axes @ head,
        hands @ axes.T, feet @ axes.T, knees=np.array([[0.25, -1, 0], [-0.25, -1, 0]]) @ axes.T,
        soles=np.stack([axes @ turn(35)] * 2),
    )  # fmt: skip
    return grounded(body, pose, height - 0.02)


def floor_sitting(body: Body, rng: np.random.Generator, how: str = "propped") -> Pose:
    """On the floor with legs out; how: propped (hands behind), hugging (knees up), aside."""
    root = np.array([0, 0, 0.11])
    leg = body.thigh + body.shank
    knees = np.array([[0.25, -0.4, 1.0], [-0.25, -0.4, 1.0]])
    if how == "hugging":
        feet = np.array([[0.1, -0.5 * leg, body.ankle], [-0.1, -0.52 * leg, body.ankle]])
        hands, lean = np.array([[0.1, -0.4, 0.38], [-0.1, -0.4, 0.36]]), 22.0
        soles = np.stack([turn(yaw=5), turn(yaw=-5)])
    else:
        stretch = rng.uniform(0.72, 0.96, 2)
        feet = np.array([[0.14, -stretch[0] * leg, 0.09], [-0.14, -stretch[1] * leg, 0.09]])
        hands, lean = np.array([[0.3, 0.26, 0.05], [-0.3, 0.26, 0.05]]), -22.0
        if how == "aside":
            hands, lean = np.array([[0.42, 0.1, 0.05], [-0.05, -0.3, 0.2]]), -5.0
        soles = np.stack([turn(-40), turn(-40)])
    roll = 14.0 if how == "aside" else 0.0
    pose = make(
        root,
        turn(lean, roll * 0.5),
        turn(lean * 0.5, roll),
        turn(10),
        hands,
        feet,
        knees=knees,
        soles=soles,
    )
    return grounded(body, pose)


def kneeling(body: Body, rng: np.random.Generator, lean_deg: float, both: bool = False) -> Pose:
    """Upon the right knee with the left foot forward, or upon both knees; hips above the origin."""
    high = body.thigh * 0.93 + 0.07
    root = np.array([0, 0, high if not both else high * rng.uniform(0.72, 1.0)])
    behind = [-0.1, body.shank * 0.9, 0.1]
    feet = np.array([[0.12, -0.36, body.ankle], behind])
    knees = np.array([[0.1, -1, 0.4], [-0.05, -0.7, -1.0]])
    soles = np.stack([turn(), turn(150)])
    if both:
        feet = np.array([[0.1, behind[1], 0.1], behind])
        knees, soles = np.array([[0.05, -0.7, -1], [-0.05, -0.7, -1.0]]), np.stack([turn(150)] * 2)
    hands = (
        root
        + turn(lean_deg * 0.6) @ np.array([0, -0.3, 0.05])
        + np.array([[0.18, 0, 0], [-0.18, 0, 0]])
    )
    return make(
        root,
        turn(lean_deg * 0.4),
        turn(lean_deg),
        turn(lean_deg * 0.6),
        hands,
        feet,
        knees=knees,
        soles=soles,
    )


def all_fours(body: Body, rng: np.random.Generator) -> Pose:
    """On hands and knees; hips above the origin."""
    root = np.array([0, 0, body.thigh * 0.97 + 0.06])
    tilt = float(rng.uniform(72, 92))
    feet = np.array([[0.11, body.shank * 0.95, 0.09], [-0.11, body.shank * 0.95, 0.09]])
    reach = -(body.joints[10, 2] - body.joints[0, 2]) * 0.95
    hands = np.array([[0.2, reach, 0.06], [-0.2, reach + rng.uniform(-0.08, 0.08), 0.06]])
    knees = np.array([[0.05, -0.6, -1], [-0.05, -0.6, -1.0]])
    return make(
        root,
        turn(tilt * 0.85),
        turn(tilt),
        turn(tilt * 0.6),
        hands,
        feet,
        knees=knees,
        soles=np.stack([turn(155)] * 2),
    )


def squatting(body: Body, stand: Pose, rng: np.random.Generator, depth: float) -> Pose:
    """Bend the knees by ``depth`` 0..1 (1: hips near the heels) over the feet of ``stand``."""
    low = body.ankle + (body.leg - body.ankle) * (1 - 0.72 * depth)
    lean = float(rng.uniform(15, 40) + 15 * depth)
    root = np.array([stand.root[0], stand.root[1] + 0.06 + 0.16 * depth, low])
    hands = root + np.array([[0.14, -0.42, 0.02], [-0.14, -0.42, 0.02]])
    tip = turn(25 * max(depth - 0.6, 0) * 2)
    return replace(
        stand, root=root, pelvis=turn(lean * 0.7), chest=turn(lean), head=turn(lean * 0.4),
        hands=hands, knees=stand.knees * np.array([2.5, 1, 1]), soles=tip @ stand.soles,
        feet=stand.feet + np.array([0, 0, 0.10 * max(depth - 0.6, 0)]),
    )  # fmt: skip


def bending(body: Body, stand: Pose, rng: np.random.Generator, angle_deg: float) -> Pose:
    """Stoop from the hips with nearly straight legs (local)."""
    share = angle_deg / 90
    root = stand.root + np.array([0, 0.14 * share, -body.leg * rng.uniform(0.02, 0.12) * share])
    hands = (
        root
        + turn(angle_deg * 0.8) @ np.array([0, -0.05, 0.45])
        + np.array([[0.16, 0, -0.45], [-0.16, 0, -0.45]])
    )
    return replace(
        stand,
        root=root,
        pelvis=turn(angle_deg * 0.6),
        chest=turn(angle_deg),
        head=turn(angle_deg * 0.75),
        hands=hands,
    )


def mouth(body: Body, pose: Pose) -> F64:
    """(3,) just before the lips."""
    lips: F64 = joint(body, pose, "head") + pose.head @ np.array([-0.04, -0.15, -0.02])
    return lips
