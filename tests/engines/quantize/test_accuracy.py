"""The judge: the same inputs and the same gate, encoders of either precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.values import F32, FEATURE_DIM, FusedBatch, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, Modality
from engines.quantize.accuracy import (
    FP32,
    INT8,
    Judge,
    TaskScore,
    mixtures,
    worst_loss,
)
from engines.training.cache import Clip
from engines.training.datasets import ClipInputs, Part, save_inputs
from engines.training.labels import Label
from engines.training.manifest import Row

SECOND = 1_000_000_000


class Constant:
    """An engine that has one opinion of everything."""

    def __init__(self, value: float) -> None:
        self._value = value

    def run(self, batch: NDArray[Any]) -> F32:
        return np.full((len(batch), FEATURE_DIM), self._value, np.float32)


class Loudest:
    """A gate that names an action by the depth features, and hears nothing."""

    def fuse(self, window: WindowFeatures) -> FusedBatch:
        rooms = len(window.features)
        depth = window.features[:, MODALITIES.index(Modality.DEPTH), :, 0].max(axis=1)
        actions = np.eye(len(ACTIONS), dtype=np.float32)[depth.astype(int)]
        experts = np.repeat(actions[:, None], len(MODALITIES), axis=1)
        gate = np.full((rooms, len(MODALITIES)), 0.25, np.float32)
        return FusedBatch(gate, actions, experts, np.zeros((rooms, len(SOUNDS)), np.float32))


def make_clip(folder: Path, action: str) -> Clip:
    """Three seconds of one action, with ground truth."""
    spans = [{"action": action, "start_s": 0.0, "end_s": 3.0}]
    path = folder / f"{action}.mcap"
    path.with_suffix(".truth.json").write_text(json.dumps({"spans": spans, "sounds": []}))
    frames = np.arange(0, 3 * SECOND, SECOND // 5)
    part = Part(
        np.zeros((len(frames), 80, 80, 2), np.int16),
        np.arange(len(frames)),
        np.zeros((len(frames), 2), np.float32),
    )
    ticks = np.arange(1, 7) * (SECOND // 2)
    inputs = ClipInputs(frames, ticks, np.ones(6, np.bool_), {Modality.DEPTH: part})
    save_inputs(folder / f"{action}.npz", inputs)
    row = Row(path, path.name, "rooms", "depth", action, action)
    return Clip(row, Label(), folder / f"{action}.npz")


def judged(folder: Path, int8_says: str) -> dict[str, list[TaskScore]]:
    walk = float(ACTIONS.index("walk"))
    int8 = Constant(float(ACTIONS.index(int8_says)))
    judge = Judge({Modality.DEPTH: {"fp32": Constant(walk), "int8": int8}}, Loudest())
    for action in ("walk", "fall"):
        judge.add(make_clip(folder, action))
    return judge.scores()


def test_every_encoder_is_also_swapped_alone() -> None:
    found = mixtures([Modality.RGB, Modality.AUDIO])
    assert list(found) == [FP32, "rgb", "audio", INT8]
    assert found["rgb"] == {**dict.fromkeys(MODALITIES, "fp32"), Modality.RGB: "int8"}
    assert found[INT8] == {**found["rgb"], Modality.AUDIO: "int8"}


def test_encoders_that_say_the_same_lose_nothing(tmp_path: Path) -> None:
    scores = judged(tmp_path, "walk")
    assert worst_loss(scores) == 0
    (decisions,) = (score for score in scores[INT8] if score.task == "decisions")
    assert decisions.balanced_accuracy == 0.5  # of walk and fall, one is always named
    assert decisions.items == 12


def test_encoders_that_see_something_else_lose_points(tmp_path: Path) -> None:
    scores = judged(tmp_path, "sit")
    assert worst_loss(scores) == pytest.approx(50)
    assert scores["depth"] == scores[INT8]


def test_the_worst_question_decides() -> None:
    scores = {
        FP32: [TaskScore("a", "decisions", 0.8, 100), TaskScore("b", "fall", 0.9, 100)],
        INT8: [TaskScore("a", "decisions", 0.9, 100), TaskScore("b", "fall", 0.88, 100)],
    }
    assert worst_loss(scores) == pytest.approx(2.0)
