"""From rows of a manifest to items: decoded and encoded once, by the runtime's own preprocessing.

Inputs of encoders and features are kept in the work folder, in folders named after the code that
decodes and the encoders' files: what two versions made never mixes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.encoders.spec import ENCODERS
from edge.errors import MediaError
from edge.fusion.parameters import QUALITY_CUES
from edge.models import ModelStore, read_finder
from edge.preprocess.finder import FINDER_FILE
from edge.values import F32, FEATURE_DIM, VIDEO_STEPS, Mask
from edge.vocabulary import MODALITIES, Modality
from engines.benchmarks.code import DECODING, code_digest
from engines.benchmarks.items import Items, Workbench
from engines.processes import worker_pool
from engines.training.cache import Clip, cache_clips, cached_path, decision_times, is_current
from engines.training.datasets import VIDEO, ClipInputs
from engines.training.features import (
    encode_clips,
    feature_path,
    load_inputs_light,
    windows_of,
)
from engines.training.labels import Label
from engines.training.manifest import Row

CHUNK = 16
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One clip's features with their times, without pictures and sounds."""

    row: Row
    group: str
    inputs: ClipInputs
    features: dict[Modality, NDArray[np.float16]]  # (n, FEATURE_DIM), at inputs.parts[m].places

    @property
    def seconds(self) -> float:
        """Length of the clip: to its last frame or tick."""
        ends = [t[-1] for t in (self.inputs.frames_ns, self.inputs.ticks_ns) if len(t)]
        return max(ends, default=0) / 1e9


@dataclass(frozen=True, slots=True)
class EncodedSet:
    """What could be read of some rows."""

    clips: tuple[Encoded, ...]
    problems: tuple[str, ...]  # one line for each clip that could not be read

    def seconds(self) -> dict[str, float]:
        """Length by clip name."""
        return {clip.row.name: clip.seconds for clip in self.clips}


def encoder_digest(bench: Workbench) -> str:
    """Name the four encoders by their files.  Raises: ModelError."""
    digests = model_store(bench).manifest.digests
    told = "|".join(digests[ENCODERS[m].file] for m in MODALITIES)
    return sha256(told.encode()).hexdigest()[:12]


def model_store(bench: Workbench) -> ModelStore:
    """The model whose encoders are the backbones.  Raises: ModelError."""
    return ModelStore(None if bench.models is None else Path(bench.models))


def encode_rows(rows: Sequence[Row], bench: Workbench, progress: Progress) -> EncodedSet:
    """Decode and encode; what is in the work folder already is used.

    Raises: ModelError; MediaError when no clip can be read.
    """
    store = model_store(bench)
    for m in MODALITIES:
        store.read(ENCODERS[m].file)  # raises when a file is damaged
    finder = read_finder(store)
    decoding = f"{code_digest(DECODING)}-{sha256(finder or b'').hexdigest()[:8]}"
    features = Path(bench.work) / "features" / f"{encoder_digest(bench)}-{decoding}"
    inputs = Path(bench.work) / "inputs" / decoding
    clips = [Clip(row, Label(), cached_path(inputs, row)) for row in rows]
    for clip in clips:
        if clip.row.path.exists() and not is_current(clip.inputs, clip.row.path):
            clip.inputs.unlink(missing_ok=True)
    file = None if finder is None else store.directory / FINDER_FILE
    problems = cache_clips(clips, bench.workers, _follow("decode", progress), file)
    there = [clip for clip in clips if clip.inputs.exists()]
    if rows and not there:
        raise MediaError(f"none of {len(rows)} clips can be read, the first: {problems[0]}")
    _encode(there, store.directory, features, bench.workers, progress)
    return EncodedSet(tuple(load_encoded(clip, features) for clip in there), tuple(problems))


def _follow(task: str, progress: Progress) -> Callable[[Iterable[object], int], Iterable[object]]:
    def follow(items: Iterable[object], total: int) -> Iterator[object]:
        for number, item in enumerate(items):
            yield item
            progress(task, number + 1, total)

    return follow


def _encode(
    clips: Sequence[Clip], models: Path, features: Path, workers: int, progress: Progress
) -> None:
    todo = [c for c in clips if not is_current(feature_path(c, features), c.inputs)]
    chunks = [todo[i : i + CHUNK] for i in range(0, len(todo), CHUNK)]
    if not chunks:
        return
    with worker_pool(min(workers, len(chunks))) as pool:
        jobs = [pool.submit(encode_clips, chunk, models, features) for chunk in chunks]
        for number, job in enumerate(as_completed(jobs)):
            job.result()
            progress("encode", number + 1, len(jobs))


def load_encoded(clip: Clip, features: Path) -> Encoded:
    """Read one clip's features back."""
    with np.load(feature_path(clip, features)) as arrays:
        own = {m: arrays[m.value] for m in MODALITIES if m.value in arrays}
    return Encoded(clip.row, clip.group, load_inputs_light(clip), own)


@dataclass(frozen=True, slots=True)
class Piece:
    """One window, or a whole clip, as the heads see it."""

    clip: Encoded
    t_s: float  # its end, from the clip's start
    features: F32  # (M, T, D), all modalities
    valid: Mask  # (M, T)
    quality: F32  # (M, Q)


def decision_windows(clip: Encoded, every_frames: int = 0) -> list[Piece]:
    """What the runtime would decide on: at its ticks, and at every n-th frame after 1 s."""
    return windows_at(clip, decision_times(clip.inputs, every_frames))


def last_window(clip: Encoded) -> list[Piece]:
    """The clip's last 2.0 s."""
    return windows_at(clip, decision_times(clip.inputs)[-1:])


def windows_at(clip: Encoded, times_ns: Sequence[int]) -> list[Piece]:
    """The last 2.0 s at each of some rising times that have anything."""
    return [
        Piece(clip, t_ns / 1e9, *window)
        for t_ns, window in windows_of(clip.inputs, clip.features, times_ns)
    ]


def whole_clip(clip: Encoded, steps: int = VIDEO_STEPS) -> list[Piece]:
    """The clip as one item: its frames at their places from the end, thinned evenly to ``steps``.

    A clip without anything gives nothing.
    """
    features = np.zeros((len(MODALITIES), steps, FEATURE_DIM), np.float32)
    valid = np.zeros((len(MODALITIES), steps), np.bool_)
    quality = np.zeros((len(MODALITIES), len(QUALITY_CUES)), np.float32)
    for m, modality in enumerate(MODALITIES):
        part, own = clip.inputs.parts.get(modality), clip.features.get(modality)
        times = clip.inputs.frames_ns if modality in VIDEO else clip.inputs.ticks_ns
        if part is None or own is None or not len(own):
            continue
        kept = thinned(len(times), steps)
        row_of = {int(place): row for row, place in enumerate(part.places)}
        for slot, place in enumerate(kept, start=steps - len(kept)):
            if place in row_of:
                features[m, slot], valid[m, slot] = own[row_of[place]], True
        quality[m, :2] = part.cues.mean(axis=0)
        quality[m, 2] = len(part.places) / len(times)
    return [Piece(clip, clip.seconds, features, valid, quality)] if valid.any() else []


def thinned(count: int, most: int) -> list[int]:
    """At most ``most`` of ``count`` places, evenly spread, first and last among them."""
    if count <= most:
        return list(range(count))
    return [int(place) for place in np.rint(np.linspace(0, count - 1, most))]


def items_of(
    pieces: Iterable[Piece],
    classes: Sequence[str],
    modalities: Sequence[Modality],
    label_of: Callable[[Piece], str | None],
    tag_of: Callable[[Piece], str] | None = None,
) -> Items:
    """Pieces as items of some modalities; those whose label is None or unseen are left out.

    Pieces of which none of these modalities is left are left out, too.  Raises: ValueError for a
    label that is no class.
    """
    axis = [MODALITIES.index(m) for m in modalities]
    rows = [(p, label) for p in pieces if (label := label_of(p)) is not None]
    rows = [(p, label) for p, label in rows if p.valid[axis].any()]
    steps = rows[0][0].valid.shape[1] if rows else VIDEO_STEPS
    m = len(axis)
    return Items(
        modalities=tuple(modalities),
        classes=tuple(classes),
        features=np.array([p.features[axis] for p, _ in rows], np.float16).reshape(
            -1, m, steps, FEATURE_DIM
        ),
        valid=np.array([p.valid[axis] for p, _ in rows], np.bool_).reshape(-1, m, steps),
        quality=np.array([p.quality[axis] for p, _ in rows], np.float32).reshape(
            -1, m, len(QUALITY_CUES)
        ),
        labels=np.array([list(classes).index(label) for _, label in rows], np.int64),
        groups=tuple(p.clip.group for p, _ in rows),
        names=tuple(p.clip.row.name for p, _ in rows),
        tags=() if tag_of is None else tuple(tag_of(p) for p, _ in rows),
    )
