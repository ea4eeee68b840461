from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.vocabulary import ACTIONS
from engines.training.cache import Clip, Target
from engines.training.labels import Label
from engines.training.manifest import Row
from engines.training.sampling import balanced_weights, class_name


def window(dataset: str, *names: str) -> tuple[Clip, Target]:
    row = Row(Path("x"), "x", dataset, "rgb", "x", "g")
    mask = Label(frozenset(names)).action_mask()
    return Clip(row, Label(), Path("x")), Target(mask, np.zeros(10, np.float32))


def test_rare_classes_are_drawn_as_often_as_frequent_ones() -> None:
    pairs = [window("rooms", "walk")] * 9 + [window("rooms", "fall")]
    pairs += [window("surv_fight", "violence")] * 2
    clips, targets = zip(*pairs, strict=True)
    weights = balanced_weights(clips, targets, {"rooms": 0.6, "surv_fight": 0.4})
    assert weights.sum() == pytest.approx(1)
    assert weights[:9].sum() == pytest.approx(weights[9])
    assert weights[10:].sum() == pytest.approx(0.4)


def test_classes_are_named_by_what_they_allow() -> None:
    assert class_name(window("x", "fall")[1]) == "fall"
    assert class_name(window("x", *ACTIONS)[1]) == "unknown"
    assert class_name(window("x", *ACTIONS[:-1])[1]) == "not violence"
