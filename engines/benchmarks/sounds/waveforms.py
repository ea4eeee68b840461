"""Sound files as 16 kHz waveforms, decoded once, and the patches of them that are not silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.compose import open_file
from edge.errors import GatehouseError, MediaError
from edge.values import AUDIO_RATE_HZ, F32, PATCH_SAMPLES, Stream
from engines.benchmarks.features import Progress
from engines.benchmarks.items import Workbench
from engines.training.cache import is_current
from engines.training.manifest import Row
from engines.training.split import group_of

FULL_SCALE = 32_768.0
SILENCE_DBFS = -70.0  # digital silence and what coding leaves of it
BELOW_LOUDEST_DB = 40.0
"""Patches this far below a clip's loudest say nothing of it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One sound file."""

    row: Row
    group: str
    pcm: Path  # of ``load``

    def load(self) -> F32:
        """(N,) in [-1, 1] at AUDIO_RATE_HZ"""
        wave: F32 = np.load(self.pcm).astype(np.float32) / np.float32(FULL_SCALE)
        return wave


@dataclass(frozen=True, slots=True)
class RecordingSet:
    """What could be read of some rows."""

    recordings: tuple[Recording, ...]
    problems: tuple[str, ...]


def hear(rows: Sequence[Row], bench: Workbench, progress: Progress) -> RecordingSet:
    """Decode all rows; what is in the work folder already is used.

    Raises: MediaError when none can be read.
    """
    folder, found, problems = Path(bench.work) / "pcm", [], []
    for number, row in enumerate(rows):
        name = sha256(f"{row.dataset}|{row.name}".encode()).hexdigest()[:16]
        path = folder / row.dataset / f"{name}.npy"
        try:
            if not is_current(path, row.path):
                _write(path, decoded(row.path))
            found.append(Recording(row, group_of(row), path))
        except (GatehouseError, OSError) as error:
            problems.append(str(error))
        progress("decode sound", number + 1, len(rows))
    if rows and not found:
        raise MediaError(f"none of {len(rows)} clips can be read, the first: {problems[0]}")
    return RecordingSet(tuple(found), tuple(problems))


def decoded(path: Path) -> NDArray[np.int16]:
    """The sound track, as the runtime decodes it.  Raises: MissingFileError, MediaError."""
    samples = [s.data for s in open_file(path).samples() if s.stream is Stream.AUDIO]
    if not samples or not sum(map(len, samples)):
        raise MediaError(f"{path}: has no sound; leave it out of the manifest")
    return np.concatenate(samples).astype(np.int16)


def _write(path: Path, pcm: NDArray[np.int16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npy")
    np.save(partial, pcm)
    partial.replace(path)


def audible_starts(wave: F32, hop: int) -> NDArray[np.int64]:
    """Where patches of PATCH_SAMPLES begin that are not silent; at least the loudest one.

    A wave that is shorter than a patch has one, at 0.
    """
    last = max(0, len(wave) - PATCH_SAMPLES)
    starts = np.unique(np.append(np.arange(0, last + 1, hop), last))
    power = np.cumsum(np.append(0.0, np.square(wave, dtype=np.float64)))
    ends = np.minimum(starts + PATCH_SAMPLES, len(wave))
    level = 10 * np.log10((power[ends] - power[starts]) / PATCH_SAMPLES + 1e-12)
    floor = max(SILENCE_DBFS, float(level.max()) - BELOW_LOUDEST_DB)
    kept = starts[level >= floor]
    return np.asarray(kept if len(kept) else starts[[int(level.argmax())]], np.int64)


def patches_at(wave: F32, starts: Sequence[int] | NDArray[np.int64]) -> F32:
    """(P, PATCH_SAMPLES), zeros after the end of the wave"""
    padded = np.pad(wave, (0, max(0, PATCH_SAMPLES - len(wave))))
    return np.stack([padded[s : s + PATCH_SAMPLES] for s in starts]).astype(np.float32)


def seconds(wave: F32) -> float:
    """Length."""
    return len(wave) / AUDIO_RATE_HZ


def silent_share(wave: F32) -> float:
    """Share of samples that are digital zeros, or nearly."""
    return float((np.abs(wave) < 1.5 / FULL_SCALE).mean())
