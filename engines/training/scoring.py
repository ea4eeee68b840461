"""Runs clips through the runtime's own pipeline and keeps what every way of fusing says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from edge.compose import make_window
from edge.errors import GatehouseError, MediaError
from edge.models import Models, open_models
from edge.pipeline import Pipeline
from edge.replay import until_ticks
from edge.settings import ModelSettings, WindowSettings
from edge.stages import Fusion
from edge.values import F32, Decision, Fused, FusedBatch, Mask, WindowFeatures
from edge.vocabulary import MODALITIES, Modality
from engines.training.datasets import open_row
from engines.training.manifest import Row
from engines.training.truth import read_truth, truth_file

AUDIO = MODALITIES.index(Modality.AUDIO)
VIEWS = (*(m.value for m in MODALITIES), "mean", "gate", "gate_sound_dropped")
"""Ways of judging a clip: each modality alone, the mean of the experts that are present, the gate,
and the gate with the sound taken from half of the clips, whatever their label."""


@dataclass(frozen=True, slots=True)
class ClipScores:
    """What was said of one clip; K decisions."""

    row: Row
    problem: str | None = None
    times_s: tuple[float, ...] = ()
    actions: dict[str, F32] = field(default_factory=dict)  # view -> (K, A); NaN: no opinion
    sounds: F32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # (K, S) or NaN
    gate: F32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # (K, M)
    true_actions: tuple[str | None, ...] | None = None  # of each decision, with ground truth
    true_sounds: F32 | None = None  # (K, S) 1, 0 or NaN

    @property
    def has_sound(self) -> bool:
        """Whether any decision had usable sound."""
        return bool(np.isfinite(self.sounds).any())


class Listener:
    """Satisfies stages.Fusion and stages.Decider; remembers what passes through."""

    def __init__(self, fusion: Fusion) -> None:
        self._fusion = fusion
        self.windows: list[WindowFeatures] = []
        self.batches: list[FusedBatch] = []
        self.fused: list[Fused] = []

    def fuse(self, window: WindowFeatures) -> FusedBatch:
        """See stages.Fusion."""
        batch = self._fusion.fuse(window)
        self.windows.append(window)
        self.batches.append(batch)
        return batch

    def decide(self, fused: Fused) -> Decision:
        """See stages.Decider."""
        self.fused.append(fused)
        return Decision(fused, ())


def score_clips(rows: Sequence[Row], models_dir: Path | None) -> list[ClipScores]:
    """Judge clips with the models of a directory (None: the shipped ones).  Raises: ModelError."""
    import cv2

    cv2.setNumThreads(1)
    models = open_models(ModelSettings(directory=models_dir))
    results = []
    for row in rows:
        try:
            results.append(score_clip(row, models))
        except GatehouseError as error:
            results.append(ClipScores(row, problem=str(error)))
    return results


def score_clip(row: Row, models: Models) -> ClipScores:
    """Judge one clip.  Raises: MissingFileError, MediaError."""
    source = open_row(row)
    listener = Listener(models.fusion)
    pipeline = Pipeline(models.encoders, listener, {"clip": listener}, models.finder)
    grid = make_window(source.streams, WindowSettings())
    for items in until_ticks(source, grid):
        pipeline.feed([("clip", item) for item in items])
    if not listener.fused:
        raise MediaError(f"{row.path}: holds nothing to judge; check that it is not empty")
    return summary(row, listener, models.fusion)


def summary(row: Row, heard: Listener, fusion: Fusion) -> ClipScores:
    """All views of one clip."""
    times = tuple((f.t_ns - f.origin_ns) / 1e9 for f in heard.fused)
    present: Mask = np.concatenate([w.present for w in heard.windows])
    experts = np.concatenate([b.experts for b in heard.batches])
    actions = {m.value: _or_nan(experts[:, i], present[:, i]) for i, m in enumerate(MODALITIES)}
    anything: Mask = np.asarray(present.any(axis=1), np.bool_)
    count = np.maximum(present.sum(axis=1, keepdims=True), 1)
    actions["mean"] = _or_nan(experts.sum(axis=1) / count, anything)
    fused = np.concatenate([b.actions for b in heard.batches])
    actions["gate"] = _or_nan(fused, anything)
    actions["gate_sound_dropped"] = (
        _deaf(heard.windows, fusion) if deafened(row) else actions["gate"]
    )
    sounds = np.concatenate([b.sounds for b in heard.batches])
    truth = read_truth(truth_file(row.path)) if truth_file(row.path).exists() else None
    return ClipScores(
        row,
        None,
        times,
        actions,
        _or_nan(sounds, present[:, AUDIO]),
        np.concatenate([b.gate for b in heard.batches]),
        None if truth is None else tuple(truth.action_at(t) for t in times),
        None if truth is None else np.stack([truth.sounds_at(t) for t in times]),
    )


def deafened(row: Row) -> bool:
    """A coin that knows the clip's name and nothing else."""
    return sha256(f"deaf|{row.name}".encode()).digest()[0] % 2 == 0


def _deaf(windows: Sequence[WindowFeatures], fusion: Fusion) -> F32:
    rows = []
    for window in windows:
        present = window.present.copy()
        present[:, AUDIO] = False
        batch = fusion.fuse(WindowFeatures(window.features, window.valid, present, window.quality))
        rows.append(_or_nan(batch.actions, np.asarray(present.any(axis=1))))
    return np.concatenate(rows)


def _or_nan(scores: F32, present: Mask) -> F32:
    """scores: (K, N)   present: (K,)"""
    return np.where(present[:, None], scores, np.float32(np.nan))
