from __future__ import annotations

import numpy as np
import pytest

from edge.fusion.reference import ReferenceFusion
from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import MODALITIES

torch = pytest.importorskip("torch", reason="needs the extra: train")

from engines.models.temporal import TEMPORAL, Convolution  # noqa: E402

COUNT, DIM = 3, 16
every_stage = pytest.mark.parametrize("name", TEMPORAL)


def stage_of(name: str, steps: int, dim: int = DIM) -> torch.nn.Module:
    torch.manual_seed(1)
    stage = TEMPORAL[name](COUNT, steps, dim)
    with torch.no_grad():
        for parameter in stage.parameters():
            parameter.add_(torch.randn_like(parameter))
    return stage


def window(steps: int, dim: int = DIM, items: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(2)
    valid = (torch.rand(items, COUNT, steps, generator=random) < 0.7).float()
    valid[0], valid[1] = 0, 1
    return torch.randn(items, COUNT, steps, dim, generator=random) * valid[..., None], valid


@every_stage
@pytest.mark.parametrize("steps", [1, 2, 7, 15])
@pytest.mark.parametrize("dim", [6, 16])
def test_any_number_of_steps_and_channels_is_pooled(name: str, steps: int, dim: int) -> None:
    x, valid = window(steps, dim)
    pooled = stage_of(name, steps, dim)(x, valid)
    assert pooled.shape == (len(x), COUNT, dim)
    assert pooled.isfinite().all()
    assert (pooled[0] == 0).all()


@pytest.mark.parametrize("name", ["mean", "attention"])
def test_a_pool_of_equal_steps_is_that_step(name: str) -> None:
    _, valid = window(9)
    value = torch.randn(COUNT, DIM)
    x = value[:, None] * valid[..., None]
    pooled = stage_of(name, 9)(x, valid)
    expected = torch.where(valid.any(dim=2)[..., None], value, torch.zeros(()))
    assert torch.allclose(pooled, expected, atol=1e-5)


def test_attention_begins_as_the_mean_and_then_leaves_it() -> None:
    x, valid = window(9)
    mean = TEMPORAL["mean"](COUNT, 9, DIM)(x, valid)
    assert torch.allclose(TEMPORAL["attention"](COUNT, 9, DIM)(x, valid), mean, atol=1e-5)
    assert not torch.allclose(stage_of("attention", 9)(x, valid), mean, atol=1e-2)


def test_age_is_counted_from_the_end_of_the_window() -> None:
    stage = TEMPORAL["attention"](COUNT, 9, DIM)
    with torch.no_grad():
        stage.age[:, :, 0] = 50  # the newest alone
    x, valid = torch.randn(4, COUNT, 9, DIM), torch.ones(4, COUNT, 9)
    assert torch.allclose(stage(x, valid), x[:, :, -1], atol=1e-5)


def test_a_convolution_never_looks_ahead() -> None:
    torch.manual_seed(0)
    stage = Convolution(COUNT, DIM)
    x, valid = torch.randn(4, COUNT, 9, DIM), torch.ones(4, COUNT, 9)
    later = x.clone()
    later[:, :, 6:] += 1
    before, after = stage(x, valid), stage(later, valid)
    assert torch.allclose(before[:, :, :6], after[:, :, :6], atol=1e-6)
    assert not torch.allclose(before[:, :, 6:], after[:, :, 6:])


@pytest.mark.parametrize("name", ["conv", "conv_attention"])
def test_the_stages_compute_the_runtimes_formula(name: str) -> None:
    from engines.models.fusion import FusionNet

    torch.manual_seed(0)
    net, m = FusionNet(), len(MODALITIES)
    stage = TEMPORAL[name](m, VIDEO_STEPS, FEATURE_DIM)
    with torch.no_grad():
        net.temporal_bias.normal_()
        stage.convolution.kernel.copy_(net.temporal_kernel)
        stage.convolution.bias.copy_(net.temporal_bias)
        if name == "conv_attention":
            stage.pool.query.normal_(std=0.2)
            stage.pool.age.normal_()
            net.temporal_query.copy_(stage.pool.query.flatten(1))
            net.temporal_age.copy_(stage.pool.age.flip(2))  # the runtime's begins with the oldest
    random = torch.Generator().manual_seed(3)
    valid = torch.rand(3, m, VIDEO_STEPS, generator=random) < 0.7
    x = torch.randn(3, m, VIDEO_STEPS, FEATURE_DIM, generator=random) * valid[..., None]
    got = stage(x, valid.float())
    assert torch.allclose(got, net.temporal(x, valid.float()), atol=1e-4)
    reference = ReferenceFusion(net.to_parameters())
    for row in range(len(x)):
        for k in range(m):
            expected = reference._temporal(k, x[row, k].numpy(), valid[row, k].numpy())
            np.testing.assert_allclose(got[row, k].detach().numpy(), expected, atol=1e-4)
