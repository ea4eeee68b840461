"""A scene as pure data: what the script decides and what renderer, soundtrack and writer consume.

World frame: metres, Z up, the room's floor is centred on the origin at z = 0. A person facing yaw 0
looks along -y, their left is +x. Yaw turns counter-clockwise about +z, in degrees.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

FPS = 15
"""Frames a second of every rendered scene; the grid of the runtime."""

SEGMENTS: tuple[str, ...] = (
    "pelvis", "chest", "head",
    "upper_arm_l", "forearm_l", "hand_l", "upper_arm_r", "forearm_r", "hand_r",
    "thigh_l", "shank_l", "foot_l", "thigh_r", "shank_r", "foot_r",
)  # fmt: skip
"""Order of the segment axis S of a motion."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera without roll."""

    position: F64  # (3,) m
    target: F64  # (3,) m, a point on the optical axis
    hfov_deg: float


@dataclass(frozen=True, slots=True)
class Light:
    """One lamp or a sun through the window, with ambient light from above and below."""

    position: F64  # (3,) m
    colour: F64  # (3,) linear intensity
    ambient_sky: F64  # (3,)
    ambient_floor: F64  # (3,)
    is_sun: bool


@dataclass(frozen=True, slots=True)
class Furniture:
    """A piece of furniture that the script placed; the renderer chooses its looks from ``seed``."""

    kind: str  # chair, wheelchair, couch, long_couch, bed, table, wardrobe, shelf, ...
    x: float
    y: float
    yaw_deg: float
    height: float  # m: of the seat, the mattress or the table top
    seed: int
    side: int = 1  # beds: +1 or -1, where the head is along local -x * side


@dataclass(frozen=True, slots=True)
class Actor:
    """A person and everything they do, one row a frame."""

    body: int  # index into the body library
    looks_seed: int  # clothes, hair, skin
    rotations: F64  # (T, S, 3, 3) world rotation of each segment against the arms-hanging pose
    root: F64  # (T, 3) m, midpoint of the hips
    held_in: str | None = None  # "hand_l" or "hand_r" while a cup is held
    held_s: tuple[float, float] | None = None  # from, to: when it is held; None means throughout


@dataclass(frozen=True, slots=True)
class Prop:
    """A small object on the floor or a table."""

    x: float
    y: float
    z: float
    seed: int


@dataclass(frozen=True, slots=True)
class SoundEvent:
    """Something audible, from physics contacts, foot plants or the script."""

    t_s: float
    kind: str  # step, thud, slap, scrape, clink, speech, call_for_help, scream, cough, door, ...
    strength: float = 1.0  # thud: contact force / 1000 N; else relative loudness
    text: str | None = None  # words, for speech and calls


@dataclass(frozen=True, slots=True)
class Span:
    """Ground truth: the observed person does ``action`` from ``start_s`` to ``end_s``."""

    action: str  # one of edge.vocabulary.ACTIONS
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything about one recording before it is rendered. T = round(duration_s * FPS) frames."""

    seed: int
    room_m: tuple[float, float, float]  # width (x), depth (y), height (z)
    dark: bool
    camera: Camera
    light: Light
    furniture: tuple[Furniture, ...]
    clutter: int  # how many more pieces the renderer may strew where nothing stands
    actors: tuple[Actor, ...]  # the observed person first; then bystanders
    props: tuple[Prop, ...]
    sounds: tuple[SoundEvent, ...]
    truth: tuple[Span, ...]
    duration_s: float
    keep_clear: tuple[
        tuple[float, float, float], ...
    ] = ()  # (x, y, radius) discs clutter must avoid
    notes: dict[str, str] = field(
        default_factory=dict
    )  # e.g. the kind of fall, bystander, occluder

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return round(self.duration_s * FPS)
