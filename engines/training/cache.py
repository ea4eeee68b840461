"""Decodes clips once: each becomes a file of encoder inputs, found again by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from edge.errors import GatehouseError
from edge.preprocess.finder import PersonFinder
from edge.values import F32, Mask
from engines.processes import worker_pool
from engines.training.datasets import ClipInputs, open_row, read_inputs, save_inputs
from engines.training.labels import Label
from engines.training.manifest import Row
from engines.training.split import group_of
from engines.training.spoilers import make_spoiler
from engines.training.truth import Truth, read_truth, truth_file


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of a training or held-out set, with its inputs in a file."""

    row: Row
    label: Label
    inputs: Path
    spoiled: str | None = None  # kind of spoiler, see spoilers.py

    @property
    def group(self) -> str:
        """See split.group_of."""
        return group_of(self.row)

    def truth(self) -> Truth | None:
        """Ground truth of a rendered clip; None for recordings of the real world."""
        path = truth_file(self.row.path)
        return read_truth(path) if path.exists() else None


@dataclass(frozen=True, slots=True)
class Target:
    """What is known of one window."""

    allowed: Mask  # (ACTIONS,) see labels.Label
    sounds: F32  # (SOUNDS,) 1, 0 or NaN


def target_at(label: Label, truth: Truth | None, t_s: float) -> Target:
    """The window that ends at ``t_s``: by ground truth when there is one, else by the label."""
    if truth is None:
        return Target(label.action_mask(), label.sound_targets())
    action = truth.action_at(t_s)
    allowed = Label(frozenset({action})) if action is not None else Label()
    return Target(allowed.action_mask(), truth.sounds_at(t_s))


def cached_path(directory: Path, row: Row, spoiled: str | None = None) -> Path:
    """Where a clip's inputs are kept: a name that follows from the clip's own."""
    digest = sha256(f"{row.dataset}|{row.name}|{spoiled or ''}".encode()).hexdigest()[:16]
    return directory / row.dataset / f"{digest}.npz"


def is_current(made: Path, source: Path) -> bool:
    """Whether what was made of a file is there and not older than that file."""
    return made.exists() and made.stat().st_mtime_ns >= source.stat().st_mtime_ns


def cache_clip(clip: Clip, finder: Path | None = None) -> str | None:
    """Decode one clip into its file unless it is there; returns what went wrong, or None.

    finder: file of the network that finds people, ONNX; None leaves the crop to motion
    """
    if clip.inputs.exists():
        return None
    spoil = None
    if clip.spoiled is not None:
        seed = int(sha256(clip.row.name.encode()).hexdigest()[:8], 16)
        spoil = make_spoiler(clip.spoiled, seed)
    try:
        people = PersonFinder(finder.read_bytes()) if finder else None
        save_inputs(clip.inputs, read_inputs(open_row(clip.row), spoil, people))
    except GatehouseError as error:
        return str(error)
    return None


def cache_clips(
    clips: Sequence[Clip],
    workers: int,
    progress: Callable[[Iterable[object], int], Iterable[object]],
    finder: Path | None = None,
) -> list[str]:
    """Decode all clips; returns one line for each that could not be read.

    finder: file of the network that finds people, ONNX; None leaves the crop to motion. Its bytes
    would fill the pipe to the workers, and then Python before 3.12 hangs when one of them dies.
    """
    todo = [clip for clip in clips if not clip.inputs.exists()]
    problems = []
    with worker_pool(workers) as pool:
        jobs = [pool.submit(cache_clip, clip, finder) for clip in todo]
        for job in progress(as_completed(jobs), len(jobs)):
            problem = job.result()  # type: ignore[attr-defined]
            if problem is not None:
                problems.append(problem)
    return problems


def decision_times(inputs: ClipInputs, every_frames: int = 0) -> list[int]:
    """When the clip is judged, in ns: at its deciding ticks, and every n-th frame after 1 s."""
    times = {int(t) for t in inputs.ticks_ns[inputs.decides]}
    if every_frames:
        late = inputs.frames_ns[inputs.frames_ns >= 1_000_000_000]
        times |= {int(t) for t in late[::every_frames]}
    return sorted(times)


def has_anything(inputs: ClipInputs) -> bool:
    """Whether the clip is judged at all."""
    return bool(np.any(inputs.decides))
