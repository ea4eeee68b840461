"""Falls by physics: a jointed body whose muscle tone fails, pushed, tripping or collapsing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from engines.rooms.bodies import GROUP, SEGMENT, Body
from engines.rooms.kinematics import Motion
from engines.rooms.rotations import F64
from engines.rooms.scene import FPS, SEGMENTS

KINDS = ("trip", "slip", "push", "collapse")
_STEP_S = 1 / 330  # a whole number of steps a frame
_AUDIBLE_N = 350.0

_BALLS = {
    "spine": ("pelvis", "chest", 120.0), "neck": ("chest", "head", 25.0),
    "shoulder_l": ("chest", "upper_arm_l", 12.0), "shoulder_r": ("chest", "upper_arm_r", 12.0),
    "hip_l": ("pelvis", "thigh_l", 90.0), "hip_r": ("pelvis", "thigh_r", 90.0),
    "ankle_l": ("shank_l", "foot_l", 40.0), "ankle_r": ("shank_r", "foot_r", 40.0),
}  # fmt: skip
_HINGES = {
    "elbow_l": ("upper_arm_l", "forearm_l", -1, 8.0),
    "elbow_r": ("upper_arm_r", "forearm_r", -1, 8.0),
    "knee_l": ("thigh_l", "shank_l", 1, 90.0),
    "knee_r": ("thigh_r", "shank_r", 1, 90.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Box:
    """A fixed obstacle: a seat, a back rest, a mattress."""

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    yaw_deg: float


@dataclass(frozen=True, slots=True)
class Contact:
    """A part of the body hits the floor or furniture."""

    t_s: float
    part: str
    force_n: float


@dataclass(frozen=True, slots=True)
class Fall:
    """What to simulate; the direction is horizontal, in the world."""

    kind: str  # one of KINDS
    direction: F64  # (3,)
    velocity: F64  # (3,) m/s at the start
    push: float = 1.0
    tone: float = 0.7  # muscle tone: 1 stiff, 0.3 limp
    delay_s: float = 0.1  # before balance is lost
    guards: bool = True  # arms reach out


def simulate(body: Body, start: Motion, fall: Fall, seconds: float, rng: np.random.Generator,
             boxes: tuple[Box, ...] = ()) -> tuple[Motion, tuple[Contact, ...]]:  # fmt: skip
    """Fall from the last frame of ``start``: the frames after it, and what was hit when."""
    import mujoco

    model = mujoco.MjModel.from_xml_string(_mjcf(body, boxes))
    model.opt.timestep = _STEP_S
    data = mujoco.MjData(model)
    _set_pose(model, data, start.rotations[-1], start.root[-1])
    data.qvel[:3] = fall.velocity
    muscles = _Muscles(model, fall, rng, start.rotations[-1][0])
    bodies = [model.body(_body_name(s)).id for s in SEGMENTS]
    heard: dict[int, float] = {}
    contacts: list[Contact] = []
    rotations, roots = [], []
    mujoco.mj_forward(model, data)
    every = round(1 / FPS / _STEP_S)
    for i in range(round(seconds * FPS) * every):
        muscles.act(data, i)
        mujoco.mj_step(model, data)
        if data.ncon:
            contacts += _listen(mujoco, model, data, i * _STEP_S, heard)
        if i % every == every - 1:
            rotations.append(data.xmat[bodies].reshape(-1, 3, 3).copy())
            roots.append(data.xpos[bodies[0]].copy())
    return Motion(np.stack(rotations), np.stack(roots)), tuple(contacts)


class _Muscles:
    """Springs that hold the posture and give way when balance is lost, and the outer force."""

    def __init__(self, model: Any, fall: Fall, rng: np.random.Generator, pelvis: F64) -> None:
        self._model, self._fall = model, fall
        self._start = round(fall.delay_s / _STEP_S)
        self._mass = float(model.body_subtreemass[1])
        self._chest = model.body("chest").id
        self._feet = [model.body("foot_l").id, model.body("foot_r").id]
        self._knee, self._hip = float(rng.uniform(0.6, 1.6)), float(rng.uniform(0.3, 1.2))
        self._crumple = float(rng.uniform(0.3, 1.0))
        self._give_way = float(rng.uniform(0.25, 0.6))
        self._reach = rng.uniform(0.6, 1.6, 2)
        self._rest = rng.uniform(0.05, 0.7, 2)
        self._forward = float(fall.direction @ -pelvis[:, 1])
        self._set_tone(fall.tone)

    def act(self, data: Any, step: int) -> None:
        """Apply what happens at this step."""
        since = step - self._start
        if since == round(0.05 / _STEP_S):
            self._lose_balance()
        elif since == round(0.9 / _STEP_S):
            self._go_limp()
        if since == 0 or since == round(0.35 / _STEP_S):
            data.xfrc_applied[:] = 0
            if since == 0:
                self._shove(data)

    def _shove(self, data: Any) -> None:
        fall = self._fall
        force = fall.direction * self._mass
        if fall.kind != "collapse":
            scale = 1.0 if fall.kind == "push" else 0.6
            data.xfrc_applied[self._chest, :3] = force * 2.6 * fall.push * scale
        against = {"slip": 1.6, "trip": 0.8}.get(fall.kind, 0.0)
        for foot in self._feet:
            data.xfrc_applied[foot, :3] = -force * against

    def _lose_balance(self) -> None:
        kind = self._fall.kind
        if kind != "slip":
            for side in "lr":
                fold = 1.0 if kind == "collapse" else self._crumple
                self._aim_hinge(f"knee_{side}", self._knee * fold)
                self._aim_ball(f"hip_{side}", -self._hip * (0.5 if kind == "push" else 1.0))
        if self._fall.guards:
            way = 1.0 if self._forward > -0.2 else -0.4
            for i, side in enumerate("lr"):
                self._aim_ball(f"shoulder_{side}", -self._reach[i] * way)
                self._aim_hinge(f"elbow_{side}", 0.4)
        limp = 0.35 if kind == "collapse" else 1.0
        self._set_tone(self._fall.tone * self._give_way * limp)

    def _go_limp(self) -> None:
        """Stretch out weakly, so that nobody rests folded in two."""
        self._aim_ball("spine", 0.1)
        for side, bend in zip("lr", self._rest, strict=True):
            self._aim_ball(f"hip_{side}", -bend)
            self._aim_hinge(f"knee_{side}", 1.3 * bend)
            self._aim_ball(f"shoulder_{side}", -0.5 * bend)
        self._set_tone(self._fall.tone * 0.3)

    def _set_tone(self, tone: float) -> None:
        for name, spring in _BALLS.items():
            self._model.jnt_stiffness[self._model.joint(name).id] = spring[2] * tone
        for name, hinge in _HINGES.items():
            self._model.jnt_stiffness[self._model.joint(name).id] = hinge[3] * tone

    def _aim_hinge(self, name: str, angle: float) -> None:
        self._model.qpos_spring[self._model.jnt_qposadr[self._model.joint(name).id]] = angle

    def _aim_ball(self, name: str, pitch: float) -> None:
        at = self._model.jnt_qposadr[self._model.joint(name).id]
        self._model.qpos_spring[at : at + 4] = [np.cos(pitch / 2), np.sin(pitch / 2), 0, 0]


def _listen(mujoco: Any, model: Any, data: Any, t: float, heard: dict[int, float]) -> list[Contact]:
    """Collect hard contacts of anything but the feet; one part is heard at most every 0.25 s."""
    out = []
    geoms = data.contact.geom
    owners = model.geom_bodyid[geoms]
    for c in np.flatnonzero((owners == 0).any(1)):
        part = int(owners[c].max())
        name = model.body(part).name
        if name.startswith("foot") or t - heard.get(part, -9.0) < 0.25:
            continue
        force = np.zeros(6)
        mujoco.mj_contactForce(model, data, int(c), force)
        if force[0] > _AUDIBLE_N:
            heard[part] = t
            out.append(Contact(t, name, float(force[0])))
    return out


def _body_name(segment: str) -> str:
    return segment.replace("hand", "forearm")  # hands are stiff


def _set_pose(model: Any, data: Any, rotations: F64, root: F64) -> None:
    def quaternion(m: F64) -> F64:
        return np.asarray(Rotation.from_matrix(m).as_quat())[[3, 0, 1, 2]]

    data.qpos[:3] = root
    data.qpos[3:7] = quaternion(rotations[0])
    for name, (near, far, _) in _BALLS.items():
        at = model.jnt_qposadr[model.joint(name).id]
        data.qpos[at : at + 4] = quaternion(rotations[SEGMENT[near]].T @ rotations[SEGMENT[far]])
    for name, (near, far, sign, _) in _HINGES.items():
        bend = Rotation.from_matrix(
            rotations[SEGMENT[near]].T @ rotations[SEGMENT[far]]
        ).as_rotvec()
        data.qpos[model.jnt_qposadr[model.joint(name).id]] = np.clip(bend[0] * sign, 0, 2.5)
    model.qpos_spring[:] = data.qpos


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{x:.3f}" for x in values)


def _capsule(a: tuple[float, ...], b: tuple[float, ...], radius: float, mass: float) -> str:
    ends = _numbers((*a, *b))
    return f'<geom type="capsule" fromto="{ends}" size="{radius:.3f}" mass="{mass:.2f}"/>'


def _ball(name: str, damping: float, limit: float) -> str:
    return (
        f'<joint name="{name}" type="ball" damping="{damping}" range="0 {limit}" limited="true"/>'
    )


def _arm(body: Body, side: str, shoulder: F64, mass: float, k: float) -> str:
    upper, lower = body.upper_arm, body.forearm
    return f"""<body name="upper_arm_{side}" pos="{_numbers(shoulder)}">
      {_ball(f"shoulder_{side}", 1.2, 2.6)}
      {_capsule((0, 0, 0), (0, 0, -upper), 0.042 * k, mass * 0.03)}
      <body name="forearm_{side}" pos="0 0 {-upper:.3f}">
        <joint name="elbow_{side}" type="hinge" axis="-1 0 0" range="0 2.53" damping="0.8"/>
        {_capsule((0, 0, 0), (0, 0, -lower - 0.1), 0.035 * k, mass * 0.025)}</body></body>"""


def _leg(body: Body, side: str, hip: F64, mass: float, k: float) -> str:
    thigh, shank = body.thigh, body.shank
    sole = -(body.ankle - 0.03 * k)
    return f"""<body name="thigh_{side}" pos="{_numbers(hip)}">
      {_ball(f"hip_{side}", 3, 1.9)}{_capsule((0, 0, -0.03), (0, 0, -thigh), 0.07 * k, mass * 0.10)}
      <body name="shank_{side}" pos="0 0 {-thigh:.3f}">
        <joint name="knee_{side}" type="hinge" axis="1 0 0" range="0 2.53" damping="2"/>
        {_capsule((0, 0, 0), (0, 0, -shank), 0.05 * k, mass * 0.05)}
        <body name="foot_{side}" pos="0 0 {-shank:.3f}">{_ball(f"ankle_{side}", 1, 0.7)}
          <geom type="box" size="{_numbers((0.045 * k, 0.11 * k, 0.03 * k))}"
            mass="{mass * 0.015:.2f}" pos="0 {-0.06 * k:.3f} {sole:.3f}"/></body></body></body>"""


def _mjcf(body: Body, boxes: tuple[Box, ...]) -> str:
    at = {name: body.joints[i] for name, i in GROUP.items()}
    k, mass = body.height / 1.7, 22 * body.height**2
    chest, head = at["chest"] - at["pelvis"], at["head"] - at["chest"]
    arms = "".join(_arm(body, s, at[f"upper_arm_{s}"] - at["chest"], mass, k) for s in "lr")
    legs = "".join(_leg(body, s, at[f"thigh_{s}"] - at["pelvis"], mass, k) for s in "lr")
    fixed = "".join(
        f'<geom type="box" pos="{_numbers(b.centre)}" '
        f'size="{_numbers(b.half)}" '
        f'euler="0 0 {np.radians(b.yaw_deg):.4f}" friction="0.7"/>'
        for b in boxes
    )
    return f"""<mujoco><option gravity="0 0 -9.81" integrator="implicitfast"/>
    <compiler angle="radian" eulerseq="XYZ"/>
    <default><geom friction="0.8 0.01 0.001" solref="0.02 1" condim="3"/></default>
    <worldbody><geom name="floor" type="plane" size="10 10 1"/>{fixed}
    <body name="pelvis" pos="0 0 1"><freejoint/>
      {_capsule((-0.08, 0, 0.02), (0.08, 0, 0.02), 0.1 * k, mass * 0.16)}
      <body name="chest" pos="{_numbers(chest)}">{_ball("spine", 6, 0.9)}
        {_capsule((-0.09, 0, -0.05), (0.09, 0, -0.05), 0.115 * k, mass * 0.16)}
        {_capsule((-0.1, 0, 0.1), (0.1, 0, 0.1), 0.1 * k, mass * 0.14)}
        <body name="head" pos="{_numbers(head)}">{_ball("neck", 1.5, 0.8)}
          <geom type="sphere" size="{0.1 * k:.3f}" pos="0 -0.02 {0.1 * k:.3f}"
            mass="{mass * 0.07:.2f}"/>
        </body>{arms}</body>{legs}</body></worldbody></mujoco>"""
