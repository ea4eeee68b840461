"""Encoder inputs from clips: decoded once by the runtime's own preprocessing, a sample of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import MediaError, MissingFileError
from edge.models import ModelStore, read_finder
from edge.preprocess.finder import FINDER_FILE
from edge.sources.recording import is_recording
from edge.vocabulary import MODALITIES, Modality
from engines.benchmarks.code import DECODING, code_digest
from engines.training.cache import Clip, cache_clips, cached_path, is_current
from engines.training.datasets import encoder_batch, load_inputs
from engines.training.labels import Label
from engines.training.manifest import Row, read_manifest

DATASET = "calibration"
INPUTS = ".npz"
"""Clips that ``python -m engines train`` has decoded already."""

MEDIA = frozenset({".mp4", ".mkv", ".webm", ".mov", ".avi", ".wav", ".ogg", ".flac", ".mp3"})
BATCH = 8
Tracked = Callable[[Iterable[Any], int], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One modality's inputs: for ranges, and others, from between those, for checking."""

    ranges: tuple[NDArray[Any], ...]  # batches (B, *input_shape), B <= BATCH
    checks: tuple[NDArray[Any], ...]

    @property
    def count(self) -> int:
        """Frames or patches for ranges."""
        return sum(len(batch) for batch in self.ranges)

    def joined(self, other: Sample) -> Sample:
        """Both."""
        return Sample(self.ranges + other.ranges, self.checks + other.checks)


Samples = Mapping[Modality, Sample]


def demo_recording() -> Path:
    """The recording that ships: a rendered room with all sensors."""
    return Path(str(files("edge") / "data" / "demo.mcap"))


def rows_of(paths: Sequence[Path]) -> list[Row]:
    """Clips that were named: recordings, media, decoded inputs, folders of them, or manifests.

    Raises: MissingFileError when one is not there; MediaError when a folder holds none.
    """
    rows: list[Row] = []
    for path in paths:
        if not path.exists():
            raise MissingFileError(f"{path}: no such file or folder; name recordings or media")
        if path.suffix == ".csv":
            rows += read_manifest(path)
            continue
        found = sorted(filter(_is_clip, path.rglob("*"))) if path.is_dir() else [path]
        if not found:
            raise MediaError(f"{path}: holds no recording or media file; name another folder")
        rows += [_row(one) for one in found]
    return rows


def _is_clip(path: Path) -> bool:
    if path.suffix in MEDIA or path.suffix == INPUTS:
        return True
    return path.suffix == ".mcap" and is_recording(path)


def _row(path: Path) -> Row:
    return Row(path, str(path.resolve()), DATASET, "", "", path.stem)


def decoded_in(work: Path, store: ModelStore) -> Path:
    """Folder of inputs as today's code and this model's finder of people cut them.

    Raises: ModelError.
    """
    finder = sha256(read_finder(store) or b"").hexdigest()[:8]
    return work / "inputs" / f"{code_digest(DECODING)}-{finder}"


def decode(
    rows: Sequence[Row], work: Path, store: ModelStore, workers: int, progress: Tracked
) -> tuple[list[Path], list[str]]:
    """Each clip's file of inputs, and a line for each clip that could not be read.

    What is in ``decoded_in`` is not decoded again.  Raises: ModelError.
    """
    inputs = decoded_in(work, store)
    finder = store.directory / FINDER_FILE if FINDER_FILE in store.manifest.digests else None
    ready = [row.path for row in rows if row.path.suffix == INPUTS]
    clips = [
        Clip(row, Label(), cached_path(inputs, row)) for row in rows if row.path.suffix != INPUTS
    ]
    for clip in clips:
        if clip.row.path.exists() and not is_current(clip.inputs, clip.row.path):
            clip.inputs.unlink(missing_ok=True)
    problems = cache_clips(clips, workers, progress, finder)
    return [*ready, *(clip.inputs for clip in clips if clip.inputs.exists())], problems


def sample(inputs: Sequence[Path], most: int) -> dict[Modality, Sample]:
    """Up to ``most`` frames a modality for ranges and as many for checking, evenly over clips.

    Modalities that no clip has are left out.  Raises: MediaError for a file of something else.
    """
    return {m: found for m in MODALITIES if (found := _sample_of(m, inputs, most)) is not None}


def _sample_of(modality: Modality, inputs: Sequence[Path], most: int) -> Sample | None:
    each = max(1, most // max(1, len(inputs)))
    ranges, checks = [], []
    for path in inputs[:: max(1, -(-len(inputs) // most))]:
        part = _part(path, modality)
        if part is None:
            continue
        places = np.linspace(0, len(part) - 1, min(2 * each, len(part))).astype(np.int64)
        ranges.append(encoder_batch(modality, part[places[::2]]))
        checks.append(encoder_batch(modality, part[places[1::2]]))
    if not ranges or not sum(map(len, checks)):
        return None
    return Sample(_batches(np.concatenate(ranges)), _batches(np.concatenate(checks)))


def _part(path: Path, modality: Modality) -> NDArray[np.generic] | None:
    try:
        part = load_inputs(path, frozenset({modality})).parts.get(modality)
    except (OSError, ValueError, KeyError) as error:
        raise MediaError(f"{path}: no inputs of encoders; delete it, or name clips") from error
    return None if part is None or not len(part.tensors) else part.tensors


def _batches(frames: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    return tuple(frames[start : start + BATCH] for start in range(0, len(frames), BATCH))
