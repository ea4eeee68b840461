"""The values that travel between stages: frozen, with shape, unit and clock at the field.

Times called ``t_ns`` are capture times in nanoseconds of one monotonic clock (CLOCK_MONOTONIC for
live sources, the recording's own time line in replay). Wall-clock time appears in payloads only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.vocabulary import AlarmClass, Modality

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

AUDIO_RATE_HZ = 16_000
GRID_HZ = 15
DECISION_HZ = 2
WINDOW_NS = 2_000_000_000
PATCH_SAMPLES = 15_600
"""One audio patch: 96 analysis frames of 25 ms every 10 ms (YAMNet), that is 0.975 s at 16 kHz."""
VIDEO_STEPS = 15
AUDIO_STEPS = 4
FEATURE_DIM = 256


class Stream(str, Enum):
    """What a sensor delivers. Optical flow is computed from RGB, so it is not a stream."""

    RGB = "rgb"
    DEPTH = "depth"
    AUDIO = "audio"


class Reason(str, Enum):
    """Why a modality is not in the window."""

    ABSENT = "absent"  # the source never offered this stream
    DISABLED = "disabled"  # switched off by configuration or policy
    STALE = "stale"  # offered, but nothing recent enough
    UNHEALTHY = "unhealthy"  # delivered, but not fit to be used
    WARMING_UP = "warming_up"  # needs one more sample, as flow does at the first frame


@dataclass(frozen=True, slots=True)
class Sample:
    """One delivery from one sensor."""

    stream: Stream
    t_ns: int  # capture time; for AUDIO of the first sound sample in data
    data: NDArray[Any]
    # RGB (H, W, 3) uint8 sRGB; DEPTH (H, W) uint16 mm, 0 = no return; AUDIO (N,) int16 at 16 kHz
    depth_hfov_deg: float | None = None  # horizontal field of view of DEPTH; see Step


@dataclass(frozen=True, slots=True)
class Step:
    """One point of the 15 Hz grid: what a room's cameras showed there."""

    index: int  # grid point number; t_ns = origin + index / 15 s
    t_ns: int
    rgb: NDArray[np.uint8] | None  # (H, W, 3) sRGB
    depth_mm: NDArray[np.uint16] | None  # (H, W); 0 = no return
    missing: Mapping[Stream, Reason] = field(default_factory=dict)
    # of a pinhole with square pixels and its axis in the middle of depth_mm; None when unknown
    depth_hfov_deg: float | None = None

    @property
    def is_feature(self) -> bool:
        """Every second grid point is encoded (7.5 a second)."""
        return self.index % 2 == 0


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment of decision, every 0.5 s and once at the end of a file, with the sound up to it."""

    t_ns: int
    origin_ns: int  # capture time of the first sample of this source
    audio: F32 | None  # (PATCH_SAMPLES,) in [-1, 1], zero-padded at the start
    missing: Mapping[Stream, Reason] = field(default_factory=dict)
    decides: bool = (
        True  # the first tick only encodes: decisions start 1.0 s after the first sample
    )


@dataclass(frozen=True, slots=True)
class WindowFeatures:
    """What the encoders made of the last 2.0 s, for a batch of R rooms; the input of the gate."""

    # float32 (R, M, VIDEO_STEPS, FEATURE_DIM), oldest first; audio uses the first AUDIO_STEPS;
    # or int64 (R, M, VIDEO_STEPS) tickets of features on the device, see fusion/ring.py
    features: NDArray[Any]
    valid: Mask  # (R, M, VIDEO_STEPS) False where a step is missing
    present: Mask  # (R, M) False where a modality must get weight 0
    quality: F32  # (R, M, QUALITY_CUES) in [0, 1]


@dataclass(frozen=True, slots=True)
class FusedBatch:
    """What the gate made of a batch of R rooms."""

    gate: F32  # (R, M) on the simplex; all zero where nothing is present
    actions: F32  # (R, ACTIONS) sums to 1; zeros where nothing is present
    experts: F32  # (R, M, ACTIONS) each modality's own opinion; zeros where absent
    sounds: F32  # (R, SOUNDS) independent probabilities; zeros where audio is absent


@dataclass(frozen=True, slots=True)
class Fused:
    """One room's scores at one decision."""

    room: str
    t_ns: int
    origin_ns: int
    actions: F32 | None  # (ACTIONS,) sums to 1; None: no decision
    sounds: F32 | None  # (SOUNDS,); None: no sound to judge
    experts: F32 | None  # (M, ACTIONS)
    gate: Mapping[Modality, float]  # all four keys; 0 where missing
    missing: Mapping[Modality, Reason]


class AlarmState(str, Enum):
    """Life cycle of an alarm; see DESIGN in the docs."""

    CANDIDATE = "candidate"  # never leaves the box
    CONFIRMED = "confirmed"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"
    EXPIRED = "expired"

    @property
    def is_closed(self) -> bool:
        """Closed alarms are cleared from the broker's retained topics."""
        return self in (AlarmState.RESOLVED, AlarmState.FALSE_ALARM, AlarmState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm, whole: the latest state wins."""

    id: str  # uuid5(device, boot_id, seq)
    room: str
    alarm_class: AlarmClass
    state: AlarmState
    score: float  # of the decision that confirmed it
    onset_ns: int  # when the evidence began
    confirmed_ns: int | None
    updated_ns: int
    seq: int  # of the alarm within this boot
    revision: int  # rises by one with every published transition
    gate: Mapping[Modality, float]
    missing: Mapping[Modality, Reason]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one decision tick produced in one room: scores, and the alarms that changed."""

    fused: Fused
    changed: tuple[Alarm, ...]
