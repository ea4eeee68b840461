from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.vocabulary import Modality
from engines.benchmarks.items import Fold, Items

pytest.importorskip("torch", reason="needs the extra: train")


def test_a_vector_that_tells_the_class_is_read_and_noise_is_not(
    make_items: Callable[..., Items],
) -> None:
    from engines.benchmarks.sounds.logistic import logistic_on

    fold = Fold(
        make_items(60, 1, "train", (Modality.AUDIO,)), make_items(40, 2, "test", (Modality.AUDIO,))
    )
    rng = np.random.default_rng(0)
    tells, noise = {}, {}
    for items in (fold.train, fold.test):
        for name, label in zip(items.names, items.labels, strict=True):
            own = rng.normal(0, 1, 6).astype(np.float32)
            noise[name] = own
            tells[name] = own + np.array([6 * label, 0, 0, 0, 0, 0], np.float32)
    right = logistic_on(tells)(fold).scores.argmax(axis=1) == fold.test.labels
    chance = logistic_on(noise)(fold).scores.argmax(axis=1) == fold.test.labels
    assert right.mean() > 0.95
    assert 0.2 < chance.mean() < 0.8
    assert np.allclose(logistic_on(tells)(fold).scores.sum(axis=1), 1, atol=1e-5)
