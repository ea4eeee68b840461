"""Recorded household noise of the testing side: no head, gate or encoder ever learned from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.errors import MissingFileError
from edge.values import AUDIO_RATE_HZ, F32, PATCH_SAMPLES, Sample, Step, Stream, Tick
from engines.training.datasets import AUDIO_FULL_SCALE, Spoiler, open_row
from engines.training.manifest import Row
from engines.training.split import side_of

STEADY: Mapping[str, frozenset[str]] = {
    "noise_of_life": frozenset({"HairDryer", "ElectricalShaver", "Water"}),
    "kitchen20": frozenset({"water-flowing", "microwave"}),
}
"""Sounds of a home that go on for a while, by data set."""

QUIETEST = 1e-3  # of RMS; a recording below is no noise
MOST = 40  # recordings that are decoded


@dataclass(frozen=True, slots=True)
class Noise:
    """Some recordings of household noise, each of RMS 1."""

    sounds: tuple[F32, ...]  # (N,) at AUDIO_RATE_HZ

    def draw(self, seed: int) -> F32:
        """One of them, from a random place on."""
        rng = np.random.default_rng([seed, 5])
        sound = self.sounds[int(rng.integers(len(self.sounds)))]
        return np.roll(sound, int(rng.integers(len(sound))))


def noise_rows(rows: Sequence[Row]) -> list[Row]:
    """Rows of a manifest that are such noise and are for testing."""
    return [
        row for row in rows if row.label in STEADY.get(row.dataset, ()) and side_of(row) == "test"
    ]


def load_noise(rows: Sequence[Row]) -> Noise:
    """Decode some of ``noise_rows``, spread evenly.  Raises: MissingFileError without any."""
    chosen = [rows[i * len(rows) // MOST] for i in range(MOST)] if len(rows) > MOST else rows
    heard = [sound_of(list(open_row(row).samples())) for row in chosen]
    steady = [sound / rms(sound) for sound in heard if rms(sound) > QUIETEST]
    if not steady:
        raise MissingFileError("no recorded household noise for testing is at hand; see --data")
    return Noise(tuple(sound.astype(np.float32) for sound in steady))


def sound_of(samples: Sequence[Sample]) -> F32:
    """All sound of a source, one piece after another, in [-1, 1]."""
    pieces = [sample.data for sample in samples if sample.stream is Stream.AUDIO]
    whole = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    return np.asarray(whole / np.float32(AUDIO_FULL_SCALE), np.float32)


def rms(sound: F32) -> float:
    """Root of the mean square, 0 for none.  sound: (N,)"""
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if len(sound) else 0.0


def recorded_noise(noise: F32, level: float) -> Spoiler:
    """Lay a noise over a clip's whole sound, the same samples under every patch; no pictures.

    noise: (N,) of RMS 1, goes round   level: RMS that it gets
    """

    def add(item: Step | Tick) -> Step | Tick:
        if not isinstance(item, Tick):
            return replace(item, rgb=None, depth_mm=None)
        if item.audio is None:
            return item
        end = round((item.t_ns - item.origin_ns) * AUDIO_RATE_HZ / 1e9)
        at = np.arange(end - PATCH_SAMPLES, end)
        under = np.where(at >= 0, noise[at % len(noise)] * np.float32(level), np.float32(0))
        return replace(item, audio=np.clip(item.audio + under, -1, 1).astype(np.float32))

    return add
