from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the trunk needs torch")

from edge.vocabulary import MODALITIES, Modality  # noqa: E402
from engines.benchmarks.items import Items  # noqa: E402
from engines.benchmarks.pretexts.trunk import (  # noqa: E402
    PretextSettings,
    Unlabelled,
    contrast,
    frozen_reader,
    new_trunk,
    pretrained,
    reader,
    scale_of,
)

AUDIO = MODALITIES.index(Modality.AUDIO)
Many = Callable[..., Items]


def test_the_gate_of_a_trunk_ignores_what_is_missing(items: Many) -> None:
    windows = items(4)
    deaf = windows.without(Modality.AUDIO)
    scale, trunk = scale_of(windows), new_trunk(windows.features.shape[3], 0)
    read = reader(trunk, scale)
    loud = replace(deaf, features=deaf.features.copy())
    loud.features[:, AUDIO] = 9
    assert np.array_equal(read(deaf)["gated"], read(loud)["gated"])
    assert not read(deaf)["audio"].any()
    assert not np.allclose(read(deaf)["gated"], read(windows)["gated"])


def test_frozen_features_are_averaged_over_valid_steps(items: Many) -> None:
    windows = items(3)
    scale = scale_of(windows)
    before = frozen_reader(scale)(windows)["rgb"]
    windows.valid[:, 0, 7:] = False
    after = frozen_reader(scale)(windows)["rgb"]
    own = (windows.features[:, 0, :7].astype(np.float32) - scale.mean[0].numpy()) / scale.spread[
        0
    ].numpy()
    assert np.allclose(after, own.mean(axis=1), atol=1e-3)
    assert not np.allclose(before, after)


def test_the_contrast_falls_when_modalities_of_a_window_agree() -> None:
    each = torch.nn.functional.one_hot(torch.arange(6), 16).float()[:, None].repeat(1, 4, 1)
    there = torch.ones(6, 4)
    mixed = each.clone()
    mixed[:, 0] = mixed[torch.arange(5, -1, -1), 0]
    assert contrast(each, there, 0.1) < 0.01 < contrast(mixed, there, 0.1)


def test_a_pretext_learns_and_a_seed_repeats(items: Many) -> None:
    rng = np.random.default_rng(0)
    windows = replace(items(60), classes=("a", "b"), labels=rng.integers(0, 2, 60))
    told = windows.features.copy()
    told[windows.labels == 1, :, :, 0] += 3
    windows = replace(windows, features=told)
    data, scale = Unlabelled(windows, windows, windows), scale_of(windows)
    how = PretextSettings(steps=25, batch=20, rate=5e-3)
    first, again = (pretrained(data, scale, how, 4) for _ in range(2))
    assert torch.equal(first.weight, again.weight)
    gap = [
        np.linalg.norm(z[windows.labels == 1].mean(axis=0) - z[windows.labels == 0].mean(axis=0))
        / z.std(axis=0).mean()
        for z in (reader(t, scale)(windows)["gated"] for t in (new_trunk(256, 4), first))
    ]
    assert gap[1] > 1.2 * gap[0]
