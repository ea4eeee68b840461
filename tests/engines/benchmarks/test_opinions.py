from __future__ import annotations

import numpy as np
import pytest

from edge.vocabulary import Modality
from engines.benchmarks.items import Fold, Items
from engines.benchmarks.opinions import machines, spoken, told


def items(probabilities: list[list[list[float]]]) -> Items:
    """One step an item; all zeros: not there."""
    said = np.array(probabilities, np.float32)[:, :, None]
    count = len(said)
    return Items(
        modalities=(Modality.DEPTH, Modality.FLOW),
        classes=("a", "b"),
        features=told(said),
        valid=said.any(axis=3),
        quality=np.ones((count, 2, 3), np.float32),
        labels=np.zeros(count, np.int64),
        groups=("g",) * count,
        names=tuple(map(str, range(count))),
    )


def test_what_is_told_often_is_read_back_once() -> None:
    both = items([[[0.75, 0.25], [0.5, 0.5]]])
    assert both.features.shape == (1, 2, 1, 256)
    assert spoken(both)[0].tolist() == [[0.75, 0.25], [0.5, 0.5]]


def test_the_product_multiplies_odds_and_forgets_who_is_not_there() -> None:
    asked = items([[[0.75, 0.25], [0.75, 0.25]], [[0.75, 0.25], [0, 0]], [[0, 0], [0, 0]]])
    fold = Fold(asked, asked)
    said = machines(asked)["product of the machines"](fold).scores
    assert said[0].tolist() == pytest.approx([0.9, 0.1], abs=1e-3)
    assert said[1].tolist() == pytest.approx([0.75, 0.25], abs=1e-3)
    assert said[2].tolist() == [0, 0]


def test_each_machine_is_a_baseline_of_its_own() -> None:
    asked = items([[[0.75, 0.25], [0.25, 0.75]]])
    said = machines(asked)
    assert said["depth machine alone"](Fold(asked, asked)).scores[0].tolist() == [0.75, 0.25]
    assert said["flow machine alone"](Fold(asked, asked)).scores[0].tolist() == [0.25, 0.75]
