from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.vocabulary import Modality
from engines.benchmarks.items import Fold, Items
from engines.benchmarks.opinions import spoken
from engines.benchmarks.postures.machines import judged

pytest.importorskip("torch", reason="needs the extra: train")


def windows(groups: str, seed: int, shift: float = 2.0) -> Items:
    """Twelve windows a group; flow knows the class, rgb nothing."""
    rng = np.random.default_rng(seed)
    count = 12 * len(groups)
    labels = np.arange(count) % 3
    features = rng.normal(size=(count, 2, 1, 8))
    features[np.arange(count), 1, 0, labels] += shift
    return Items(
        modalities=(Modality.RGB, Modality.FLOW),
        classes=("x", "y", "z"),
        features=features.astype(np.float16),
        valid=np.ones((count, 2, 1), np.bool_),
        quality=np.ones((count, 2, 3), np.float32),
        labels=labels.astype(np.int64),
        groups=tuple(g for g in groups for _ in range(12)),
        names=tuple(f"{seed}-{i}" for i in range(count)),
    )


def test_machines_say_probabilities_that_are_right_where_something_is_to_be_seen() -> None:
    fold = judged(Fold(windows("abcdef", 0, 4.0), windows("q", 1, 4.0)))
    said = spoken(fold.test)
    assert said.sum(axis=2) == pytest.approx(1, abs=1e-3)
    right = said.argmax(axis=2) == fold.test.labels[:, None]
    assert right[:, 1].mean() == 1
    assert right[:, 0].mean() < 0.9


def test_a_training_window_is_judged_by_a_machine_that_has_not_seen_its_group() -> None:
    train, test = windows("abc", 2), windows("q", 3)
    own = np.array([group == "a" for group in train.groups])
    other = train.labels.copy()
    other[own] = (other[own] + 1) % 3
    said, again = (
        spoken(judged(Fold(replace(train, labels=labels), test)).train)
        for labels in (train.labels, other)
    )
    assert np.array_equal(said[own], again[own])
    assert not np.allclose(said[~own], again[~own])


def test_who_is_not_there_says_nothing() -> None:
    test = windows("q", 5).without(Modality.RGB)
    fold = judged(Fold(windows("ab", 4), test))
    assert not fold.test.features[:, 0].any()
    assert not fold.test.valid[:, 0].any()
    assert fold.test.valid[:, 1].all()
