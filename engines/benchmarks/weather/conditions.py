"""The troubles of the robustness suite, what each of them hurts, and the spoilers that make them.

The kinds are those of training (engines/training/spoilers.py), made by the same code; strengths are
fixed here and drawn there, and everything random is drawn anew. Recorded noise is never trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from edge.values import Step, Tick
from edge.vocabulary import Modality
from engines.benchmarks.weather.noise import Noise, recorded_noise
from engines.training.datasets import Spoiler
from engines.training.manifest import Row
from engines.training.spoilers import NO_DEPTH, make_spoiler

CLEAN = "clean"
HOUSEHOLD = "household_noise"
"""A recorded household noise as loud as the clip's own sound (0 dB)."""

PICTURE = (Modality.RGB, Modality.FLOW)
HURTS: Mapping[str, tuple[Modality, ...]] = {
    "dark": PICTURE,
    "blurred": PICTURE,
    "frozen": PICTURE,
    "late_picture": PICTURE,
    "depth_holes": (Modality.DEPTH,),
    "depth_frozen": (Modality.DEPTH,),
    "noisy_sound": (Modality.AUDIO,),
    "late_sound": (Modality.AUDIO,),
    HOUSEHOLD: (Modality.AUDIO,),
}
"""Kind -> the modalities whose own signal it falsifies; the crop of the others may suffer, too."""

NO_CAMERA = "no_camera"
ABSENT: Mapping[str, tuple[Modality, ...]] = {
    NO_DEPTH: (Modality.DEPTH,),
    NO_CAMERA: PICTURE,
}
"""Sensors that are not there, as far as others feel it: the crop follows from motion and depth."""

GRADED = ("dark", "depth_holes", "noisy_sound")
"""Kinds whose curve over strength is drawn."""

BAD, MILD = 0.9, 0.4
GRADES = (0.2, MILD, 0.65, BAD)
STRENGTHLESS = ("frozen", "late_picture", "depth_frozen", "late_sound", HOUSEHOLD)


@dataclass(frozen=True, slots=True)
class Condition:
    """One trouble of one strength."""

    kind: str  # in HURTS or ABSENT
    strength: float | None = None  # 0 mild ... 1 bad; None: has none, or drawn as in training
    training: bool = False  # with the draws of the training cache

    @property
    def name(self) -> str:
        """For folders and tables, unique."""
        ending = "" if self.strength is None else f"-{self.strength:g}"
        return f"{'training-' if self.training else ''}{self.kind}{ending}"

    @property
    def hurts(self) -> tuple[Modality, ...]:
        """See HURTS and ABSENT."""
        return {**HURTS, **ABSENT}[self.kind]

    @property
    def is_sound(self) -> bool:
        """Whether pictures stay as they are, crop and all."""
        return self.hurts == (Modality.AUDIO,)

    def seed(self, row: Row) -> int:
        """Of a clip's draws; for training the one of engines/training/cache.py."""
        told = row.name if self.training else f"{self.name}|{row.name}"
        return int(sha256(told.encode()).hexdigest()[:8], 16)


def at_strength(kind: str, strength: float) -> Condition:
    """A kind as a condition, with its strength if it has one."""
    return Condition(kind, None if kind in STRENGTHLESS else strength)


def bad_conditions(kinds: tuple[str, ...] = tuple(HURTS)) -> tuple[Condition, ...]:
    """Every kind once, as bad as it gets in the table."""
    return tuple(at_strength(kind, BAD) for kind in kinds)


def graded_conditions() -> tuple[Condition, ...]:
    """The points of the curves."""
    return tuple(Condition(kind, grade) for kind in GRADED for grade in GRADES)


def spoiler_of(condition: Condition, row: Row, noise: Noise | None, own_rms: float) -> Spoiler:
    """What makes this condition of this clip.

    noise: household sounds, needed for HOUSEHOLD alone   own_rms: of the clip's sound, [0, 1]
    Raises: ValueError without noise where it is needed.
    """
    if condition.kind == HOUSEHOLD:
        if noise is None:
            raise ValueError("household noise was asked for, and none is at hand")
        return recorded_noise(noise.draw(condition.seed(row)), own_rms)
    if condition.kind == NO_CAMERA:
        return blinded
    spoil = make_spoiler(condition.kind, condition.seed(row), condition.strength)
    return hearing_only(spoil) if condition.is_sound else spoil


def blinded(item: Step | Tick) -> Step | Tick:
    """No picture from the colour camera."""
    return item if isinstance(item, Tick) else replace(item, rgb=None)


def hearing_only(spoil: Spoiler) -> Spoiler:
    """The same without any picture, so that no time is spent on what stays as it is."""

    def hear(item: Step | Tick) -> Step | Tick:
        if isinstance(item, Tick):
            return spoil(item)
        return replace(item, rgb=None, depth_mm=None)

    return hear
