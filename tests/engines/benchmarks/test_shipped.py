"""What the model as it ships says of items."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.fusion.cpu import CpuFusion
from edge.fusion.parameters import QUALITY_CUES
from edge.models import ModelStore, load_fusion_parameters
from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import ACTIONS, MODALITIES, Modality
from engines.benchmarks.items import Items
from engines.benchmarks.shipped import BATCH, answers


@pytest.fixture(scope="module")
def fusion() -> CpuFusion:
    return CpuFusion(load_fusion_parameters(ModelStore()))


def items(count: int) -> Items:
    rng = np.random.default_rng(0)
    shape = (count, len(MODALITIES), VIDEO_STEPS)
    return Items(
        modalities=MODALITIES,
        classes=ACTIONS,
        features=rng.standard_normal((*shape, FEATURE_DIM)).astype(np.float16),
        valid=rng.random(shape) < 0.8,
        quality=rng.random((*shape[:2], len(QUALITY_CUES)), np.float32),
        labels=rng.integers(len(ACTIONS), size=count),
        groups=tuple(f"person {i}" for i in range(count)),
        names=tuple(f"clip {i}" for i in range(count)),
    )


def test_every_item_is_judged_as_if_it_came_alone(fusion: CpuFusion) -> None:
    some = items(BATCH + 3)
    together = answers(fusion, some)
    for i in (0, BATCH - 1, BATCH, BATCH + 2):
        alone = answers(fusion, some.pick([i]))
        for name in together:
            np.testing.assert_allclose(
                together[name].prediction.scores[i], alone[name].prediction.scores[0], atol=1e-5
            )


def test_the_mean_is_of_who_is_there_and_the_gate_leaves_who_is_not(fusion: CpuFusion) -> None:
    said = answers(fusion, items(20).without(Modality.DEPTH))
    others = [said[m.value].prediction.scores for m in MODALITIES if m is not Modality.DEPTH]
    np.testing.assert_allclose(said["mean"].prediction.scores, np.mean(others, axis=0), atol=1e-6)
    assert (said["depth"].prediction.scores == 0).all()
    weights = said["gate"].prediction.weights
    assert weights is not None
    assert (weights[:, MODALITIES.index(Modality.DEPTH)] == 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)


def test_items_of_other_axes_are_refused(fusion: CpuFusion) -> None:
    with pytest.raises(ValueError, match="all modalities"):
        answers(fusion, replace(items(2), modalities=MODALITIES[::-1]))
