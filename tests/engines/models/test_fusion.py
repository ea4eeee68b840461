from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from edge.fusion.parameters import QUALITY_CUES, FusionParameters
from edge.fusion.reference import ReferenceFusion
from edge.values import AUDIO_STEPS, FEATURE_DIM, VIDEO_STEPS, WindowFeatures
from edge.vocabulary import MODALITIES, Modality

torch = pytest.importorskip("torch", reason="needs the extra: train")

OUTPUTS = ("gate", "actions", "experts", "sounds")


def random_window(seed: int, rooms: int = 6) -> WindowFeatures:
    rng = np.random.default_rng(seed)
    m = len(MODALITIES)
    valid = rng.random((rooms, m, VIDEO_STEPS)) < 0.7
    valid[:, MODALITIES.index(Modality.AUDIO), AUDIO_STEPS:] = False
    valid[0] = False
    valid[1, 2] = False
    return WindowFeatures(
        features=rng.exponential(1, (rooms, m, VIDEO_STEPS, FEATURE_DIM)).astype(np.float32),
        valid=valid,
        present=rng.random((rooms, m)) < 0.8,
        quality=rng.random((rooms, m, len(QUALITY_CUES))).astype(np.float32),
    )


def as_tensors(window: WindowFeatures) -> list[torch.Tensor]:
    arrays = (window.features, window.valid, window.present, window.quality)
    return [torch.from_numpy(array) for array in arrays]


@pytest.mark.parametrize("seed", range(5))
def test_the_torch_fusion_computes_the_reference_formula(seed: int) -> None:
    from engines.models.fusion import FusionNet

    torch.manual_seed(seed)
    net, window = FusionNet(), random_window(seed)
    expected = ReferenceFusion(net.to_parameters()).fuse(window)
    with torch.no_grad():
        got = net(*as_tensors(window))
    for name in OUTPUTS:
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), atol=1e-5)


def test_parameters_survive_the_way_to_edge_and_back() -> None:
    from engines.models.fusion import FusionNet, from_parameters

    net = FusionNet(hidden=7)
    again = from_parameters(net.to_parameters()).to_parameters()
    for field in fields(FusionParameters):
        expected = getattr(net.to_parameters(), field.name)
        np.testing.assert_array_equal(getattr(again, field.name), expected)


def test_gradients_stay_finite_when_a_room_has_nothing() -> None:
    from engines.models.fusion import FusionNet

    net, window = FusionNet(), random_window(0)
    net(*as_tensors(window)).actions.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)
