"""What a model says of items by its own temporal stage, experts and gate; nothing is learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.fusion.cpu import CpuFusion
from edge.models import load_fusion_parameters
from edge.stages import Fusion
from edge.values import FusedBatch, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES
from engines.benchmarks.features import model_store
from engines.benchmarks.heads import MEAN
from engines.benchmarks.items import Fold, Given, Items, Prediction, Question, Workbench

BATCH = 256
GATE = "gate"
NOTE = (
    "the model as it ships: the experts of its encoders' own training, which are better than those "
    "of the other questions, under its own gate, the mean, and alone"
)


def shipped_question(
    name: str, title: str, items: Items, bench: Workbench, notes: Sequence[str], by_tag: bool
) -> Question:
    """What the model's gate, the mean of its experts and each of them say of the items."""
    fusion = CpuFusion(load_fusion_parameters(model_store(bench)))
    return Question(
        name,
        title,
        (Fold(items.pick([]), items),),
        notes=(NOTE, *notes),
        given=answers(fusion, items),
        by_tag=by_tag,
    )


def answers(fusion: Fusion, items: Items) -> dict[str, Given]:
    """Of items with all MODALITIES, all ACTIONS and the runtime's window, by method name."""
    if items.modalities != MODALITIES or items.classes != ACTIONS:
        raise ValueError("the fusion stage judges items of all modalities and all actions")
    parts = [fuse(fusion, items, start) for start in range(0, len(items), BATCH)]
    gate, actions, experts = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("gate", "actions", "experts")
    )
    there = items.valid.any(axis=2)
    uniform = there / np.maximum(there.sum(axis=1, keepdims=True), 1)
    mean = np.asarray((uniform[:, :, None] * experts).sum(axis=1), np.float32)
    singles = {
        m.value: Given(m.value, "single", Prediction(experts[:, i], experts=experts))
        for i, m in enumerate(MODALITIES)
    }
    return {
        **singles,
        MEAN: Given("mean of experts", "rule", Prediction(mean, experts=experts)),
        GATE: Given("gate", "gate", Prediction(actions, gate, experts), simplex=True),
    }


def fuse(fusion: Fusion, items: Items, start: int) -> FusedBatch:
    """One batch."""
    rows = slice(start, start + BATCH)
    valid = items.valid[rows]
    features = items.features[rows].astype(np.float32)
    present = np.asarray(valid.any(axis=2), np.bool_)
    return fusion.fuse(WindowFeatures(features, valid, present, items.quality[rows]))
