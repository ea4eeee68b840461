from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge.vocabulary import MODALITIES, Modality
from engines.benchmarks.items import Items
from engines.benchmarks.pretexts.segments import ORDERS, in_segments, shuffled, side_by_side

AUDIO = MODALITIES.index(Modality.AUDIO)
Many = Callable[..., Items]


def test_a_third_is_the_mean_of_its_valid_steps(items: Many) -> None:
    windows = items(2)
    windows.valid[0, 0, 1] = False
    cut = in_segments(windows)
    kept = windows.features[0, 0, [0, 2, 3, 4]].astype(np.float64).mean(axis=0)
    assert np.allclose(cut.features[0, 0, 0], kept, atol=2e-3)
    assert cut.features.shape[2] == 3
    assert cut.valid.all()


def test_the_first_sound_patch_is_left_out(items: Many) -> None:
    windows = items(1)
    windows.features[0, AUDIO, 0] = 1000
    assert in_segments(windows).features[0, AUDIO].max() < 100


def test_side_by_side_keeps_the_order_and_fills_gaps_with_what_says_nothing(items: Many) -> None:
    cut = in_segments(items(1))
    cut.valid[0, 1, 0] = False
    flat = side_by_side(cut)
    dim = cut.features.shape[3]
    assert flat.features.shape[2:] == (1, 3 * dim)
    assert np.array_equal(flat.features[0, 0, 0], cut.features[0, 0].ravel())
    rest = cut.features[0, 1, 1:].astype(np.float64).mean(axis=0)
    assert np.allclose(flat.features[0, 1, 0, :dim], rest, atol=2e-3)


def test_every_window_comes_in_every_order(items: Many) -> None:
    cut = in_segments(items(3))
    asked = shuffled(cut)
    assert len(asked) == 3 * len(ORDERS) == len(asked.names) == len(asked.groups)
    for i, label in enumerate(asked.labels):
        back = np.argsort(ORDERS[label])
        assert np.array_equal(asked.features[i][:, back], cut.features[i % 3])
        assert asked.names[i] == cut.names[i % 3]
    assert np.bincount(asked.labels).tolist() == [3] * len(ORDERS)
