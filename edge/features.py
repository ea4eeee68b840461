"""One room's memory: the features of the last 2.0 s, a ring per modality."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.fusion.parameters import QUALITY_CUES
from edge.values import (
    AUDIO_STEPS,
    F32,
    FEATURE_DIM,
    GRID_HZ,
    VIDEO_STEPS,
    WINDOW_NS,
    Mask,
    Reason,
)
from edge.vocabulary import MODALITIES, Modality

FEATURE_PERIOD = 2 * 1_000_000_000  # in units of 1 / GRID_HZ ns, so that slots need no rounding
JITTER_NS = 2


@dataclass(frozen=True, slots=True)
class FeatureForm:
    """What a feature is on its way from encoder to gate."""

    shape: tuple[int, ...]
    dtype: type[np.generic]


NUMBERS = FeatureForm((FEATURE_DIM,), np.float32)
TICKETS = FeatureForm((), np.int64)
"""The numbers stay on the device; see fusion/ring.py."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One encoded frame or patch, or the note that it is missing."""

    t_ns: int
    feature: NDArray[Any] | None  # of the ring's FeatureForm
    cues: F32 | None  # (2,) level and detail


@dataclass(frozen=True, slots=True)
class RoomWindow:
    """The gate's view of one room; see values.WindowFeatures for the batch of them."""

    features: NDArray[Any]  # (M, VIDEO_STEPS, *FeatureForm.shape)
    valid: Mask  # (M, VIDEO_STEPS)
    quality: F32  # (M, QUALITY_CUES)
    missing: Mapping[Modality, Reason]  # every modality with nothing in the window


class FeatureRing:
    """Entries of one modality, newest last; entries that leave the window are forgotten."""

    def __init__(self, modality: Modality) -> None:
        self._is_audio = modality is Modality.AUDIO
        self.steps = AUDIO_STEPS if self._is_audio else VIDEO_STEPS
        self._entries: deque[Entry] = deque(maxlen=self.steps)

    def add(self, entry: Entry) -> None:
        """Append the newest entry."""
        self._entries.append(entry)

    def slots(self, now_ns: int) -> dict[int, Entry]:
        """Valid entries of the window (now - 2.0 s, now] by slot, 0 oldest ... steps - 1 newest."""
        window = [e for e in self._entries if e.t_ns > now_ns - WINDOW_NS + JITTER_NS]
        if self._is_audio:  # patches are counted: the last one of a file ends off the 0.5 s beat
            placed = dict(enumerate(window, start=self.steps - len(window)))
        else:
            placed = {self.steps - 1 - self._age(now_ns - e.t_ns): e for e in window}
        return {slot: e for slot, e in placed.items() if slot >= 0 and e.feature is not None}

    @staticmethod
    def _age(elapsed_ns: int) -> int:
        return (max(elapsed_ns, 0) + JITTER_NS) * GRID_HZ // FEATURE_PERIOD


class RoomFeatures:
    """The rings of one room, and the reason for what is missing."""

    def __init__(self, enabled: frozenset[Modality], form: FeatureForm = NUMBERS) -> None:
        self._form = form
        self._rings = {m: FeatureRing(m) for m in MODALITIES}
        self._reasons: dict[Modality, Reason] = {
            m: Reason.STALE if m in enabled else Reason.DISABLED for m in MODALITIES
        }

    def add(self, modality: Modality, entry: Entry, reason: Reason | None) -> None:
        """Remember one entry; ``reason`` says why its feature is None."""
        self._rings[modality].add(entry)
        if reason is not None:
            self._reasons[modality] = reason

    def window(self, now_ns: int) -> RoomWindow:
        """The last 2.0 s as the gate sees them at ``now_ns``."""
        shape = (len(MODALITIES), VIDEO_STEPS, *self._form.shape)
        features = np.zeros(shape, self._form.dtype)
        valid = np.zeros((len(MODALITIES), VIDEO_STEPS), np.bool_)
        quality = np.zeros((len(MODALITIES), len(QUALITY_CUES)), np.float32)
        missing: dict[Modality, Reason] = {}
        for m, modality in enumerate(MODALITIES):
            ring = self._rings[modality]
            slots = ring.slots(now_ns)
            for slot, entry in slots.items():
                features[m, slot], valid[m, slot] = entry.feature, True
            if not slots:
                missing[modality] = self._reasons[modality]
                continue
            cues = [entry.cues for entry in slots.values() if entry.cues is not None]
            quality[m, :2] = np.mean(cues, axis=0) if cues else 0
            quality[m, 2] = len(slots) / ring.steps
        return RoomWindow(features, valid, quality, missing)
