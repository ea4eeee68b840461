"""What INT8 costs on labelled clips: the gate's balanced accuracy with encoders swapped.

Every clip is decoded once; encoders of both precisions see the same inputs, and the model's own
fusion reads their features. Judged by the rules of ``engines.training.tasks``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.encoders.engine import Engine
from edge.encoders.spec import Precision
from edge.stages import Fusion
from edge.values import WindowFeatures
from edge.vocabulary import MODALITIES, SOUNDS, Modality
from engines.training.cache import Clip, decision_times
from engines.training.datasets import ClipInputs, encoder_batch, load_inputs
from engines.training.features import windows_of
from engines.training.labels import Label
from engines.training.metrics import score
from engines.training.scoring import AUDIO, ClipScores
from engines.training.tasks import (
    Judged,
    binary_tasks,
    judge_contained,
    judge_sound,
    judge_windows,
)

BATCH = 16
FP32, INT8 = "fp32", "int8"
Engines = Mapping[Modality, Mapping[Precision, Engine]]
Scored = tuple[ClipScores, Label]


@dataclass(frozen=True, slots=True)
class TaskScore:
    """One question asked of one data set, for one choice of encoders."""

    dataset: str
    task: str
    balanced_accuracy: float
    items: int


def mixtures(quantised: Sequence[Modality]) -> dict[str, dict[Modality, Precision]]:
    """Choices of encoders: all FP32, each one INT8 alone, all INT8."""
    plain: dict[Modality, Precision] = dict.fromkeys(MODALITIES, "fp32")
    each: dict[str, dict[Modality, Precision]] = {
        m.value: {**plain, m: "int8"} for m in MODALITIES if m in quantised
    }
    every: dict[Modality, Precision] = dict.fromkeys(quantised, "int8")
    return {FP32: plain, **each, INT8: {**plain, **every}}


class Judge:
    """Scores clips one by one with every mixture of encoders; keeps scores only."""

    def __init__(self, engines: Engines, fusion: Fusion) -> None:
        """engines: of every modality FP32, and INT8 of those that have it"""
        self._engines, self._fusion = engines, fusion
        self._mixtures = mixtures([m for m, own in engines.items() if "int8" in own])
        self._scored: dict[str, list[Scored]] = {name: [] for name in self._mixtures}

    def add(self, clip: Clip) -> None:
        """Judge one decoded clip."""
        inputs = load_inputs(clip.inputs)
        encoded = {
            (m, precision): _encode(engine, m, part.tensors)
            for m, part in inputs.parts.items()
            for precision, engine in self._engines[m].items()
        }
        for name, choice in self._mixtures.items():
            features = {m: encoded[m, choice[m]] for m in inputs.parts}
            found = score_windows(clip, inputs, features, self._fusion)
            if found is not None:
                self._scored[name].append((found, clip.label))

    def scores(self) -> dict[str, list[TaskScore]]:
        """Every task that the labels can judge, by mixture."""
        return {name: task_scores(scored) for name, scored in self._scored.items()}


def _encode(engine: Engine, modality: Modality, tensors: NDArray[Any]) -> NDArray[np.float16]:
    parts = [
        engine.run(encoder_batch(modality, tensors[start : start + BATCH]))
        for start in range(0, len(tensors), BATCH)
    ]
    return np.concatenate(parts).astype(np.float16)


def score_windows(
    clip: Clip, inputs: ClipInputs, features: dict[Modality, NDArray[np.float16]], fusion: Fusion
) -> ClipScores | None:
    """What the gate says at every decision of a clip; None when it never decides."""
    windows = windows_of(inputs, features, decision_times(inputs))
    if not windows:
        return None
    times = tuple(t_ns / 1e9 for t_ns, _ in windows)
    valid = np.stack([row[1] for _, row in windows])
    batch = WindowFeatures(
        features=np.stack([row[0] for _, row in windows]),
        valid=valid,
        present=np.asarray(valid.any(axis=2)),
        quality=np.stack([row[2] for _, row in windows]),
    )
    fused = fusion.fuse(batch)
    heard = batch.present[:, AUDIO, None]
    truth = clip.truth()
    return ClipScores(
        clip.row,
        times_s=times,
        actions={"gate": fused.actions},
        sounds=np.where(heard, fused.sounds, np.float32(np.nan)),
        true_actions=None if truth is None else tuple(truth.action_at(t) for t in times),
        true_sounds=None if truth is None else np.stack([truth.sounds_at(t) for t in times]),
    )


def task_scores(scored: Sequence[Scored]) -> list[TaskScore]:
    """Actions and alarms one by one; sounds together, their mean, for each is rare."""
    found = []
    for dataset in sorted({clip.row.dataset for clip, _ in scored}):
        own = [pair for pair in scored if pair[0].row.dataset == dataset]
        asked: dict[str, Callable[[Sequence[Scored], str], Judged | None]] = {
            "decisions": judge_windows,
            "clip action": judge_contained,
            **{task.action: task.judge for task in binary_tasks()},
        }
        for name, judge in asked.items():
            judged = judge(own, "gate")
            if judged is not None:
                found.append(TaskScore(dataset, name, _accuracy(judged), len(judged.true)))
        sounds = [judged for s in SOUNDS if (judged := judge_sound(own, s)) is not None]
        if sounds:
            mean = float(np.mean([_accuracy(judged) for judged in sounds]))
            most = max(len(judged.true) for judged in sounds)
            found.append(TaskScore(dataset, f"{len(sounds)} sounds", mean, most))
    return found


def _accuracy(judged: Judged) -> float:
    return score(judged.true, judged.hits, judged.groups).balanced_accuracy


def worst_loss(scores: Mapping[str, Sequence[TaskScore]]) -> float:
    """Points of balanced accuracy that INT8 loses where it loses most; negative: it gains."""
    pairs = zip(scores[FP32], scores[INT8], strict=True)
    return max(100 * (a.balanced_accuracy - b.balanced_accuracy) for a, b in pairs)
