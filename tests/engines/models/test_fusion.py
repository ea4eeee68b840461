from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge.fusion.parameters import QUALITY_CUES, FusionParameters
from edge.fusion.reference import ReferenceFusion
from edge.values import AUDIO_STEPS, FEATURE_DIM, VIDEO_STEPS, WindowFeatures
from edge.vocabulary import MODALITIES, Modality

if TYPE_CHECKING:
    from engines.models.fusion import FusionNet

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


def random_net(seed: int, power: float = 0.3) -> FusionNet:
    from engines.models.fusion import FusionNet

    torch.manual_seed(seed)
    net = FusionNet()
    with torch.no_grad():
        net.temporal_query.normal_(0, 0.3)
        net.temporal_age.normal_(0, 1)
        net.pool_power.fill_(power)
        net.pool_independence.fill_(0.7)
    return net


@pytest.mark.parametrize("seed", range(5))
def test_the_torch_fusion_computes_the_reference_formula(seed: int) -> None:
    net, window = random_net(seed, power=(1.0, 0.5, 0.05)[seed % 3]), random_window(seed)
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
    net, window = random_net(0), random_window(0)
    net(*as_tensors(window)).actions.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


def test_what_stands_where_nothing_is_valid_does_not_matter() -> None:
    net, window = random_net(1), random_window(1)
    loud = window.features.copy()
    loud[~(window.valid & window.present[..., None])] = np.nan
    with torch.no_grad():
        expected, got = net(*as_tensors(window)), net(*as_tensors(replace(window, features=loud)))
    for name in OUTPUTS:
        assert torch.equal(getattr(got, name), getattr(expected, name))


def test_an_untrained_temporal_stage_is_a_mean_and_the_pool_a_plain_mixture() -> None:
    from engines.models.fusion import FusionNet

    net, window = FusionNet(), random_window(2)
    with torch.no_grad():
        net.temporal_kernel.zero_()
        features, valid, _, _ = as_tensors(window)
        pooled = net.temporal(features, valid.float())
        said = net(*as_tensors(window))
    mask = valid.float()[..., None]
    mean = (features * mask).sum(dim=2) / mask.sum(dim=2).clamp(min=1)
    torch.testing.assert_close(pooled, mean, atol=1e-5, rtol=1e-5)
    mixture = (said.gate[:, :, None] * said.experts).sum(dim=1)
    torch.testing.assert_close(said.actions, mixture, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("modality", range(len(MODALITIES)))
def test_one_modality_alone_gets_what_it_gets_among_all(modality: int) -> None:
    net, window = random_net(3), random_window(3)
    features, valid, _, _ = as_tensors(window)
    steps = valid.float()
    with torch.no_grad():
        alone = net.temporal_of(modality, features[:, modality], steps[:, modality])
        torch.testing.assert_close(alone, net.temporal(features, steps)[:, modality])


def test_gradients_reach_query_and_age_from_where_they_begin() -> None:
    from engines.models.fusion import FusionNet

    net = FusionNet()
    net(*as_tensors(random_window(4))).actions[1:, 0].sum().backward()
    assert net.temporal_query.grad.abs().max() > 0
    assert net.temporal_age.grad.abs().max() > 0
