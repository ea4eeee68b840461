"""The gate that is fitted on what the experts say of clips they never saw."""

from __future__ import annotations

import numpy as np
import pytest

from edge.fusion.parameters import QUALITY_CUES
from edge.values import FEATURE_DIM
from edge.vocabulary import ACTIONS, MODALITIES
from engines.training.stacking import Stack, StackSettings, cross_validated, fit, loss_of

torch = pytest.importorskip("torch", reason="needs the extra: train")

M, A = len(MODALITIES), len(ACTIONS)
SETTINGS = StackSettings(candidates=(0, 200), folds=4, batch=64, drop=0.0)


def stack(cue_tells: bool, count: int = 400) -> Stack:
    """Of two experts one is right: the first when its level is high, if the cue tells at all."""
    rng = np.random.default_rng(0)
    level = rng.random(count) < 0.5
    first_is_right = level if cue_tells else rng.random(count) < 0.5
    experts = np.full((count, M, A), 1 / A, np.float32)
    right, wrong = np.zeros(A, np.float32), np.zeros(A, np.float32)
    right[0] = wrong[1] = 1
    experts[:, 0] = np.where(first_is_right[:, None], right, wrong)
    experts[:, 1] = np.where(first_is_right[:, None], wrong, right)
    quality = np.full((count, M, len(QUALITY_CUES)), 0.5, np.float32)
    quality[:, 0, 0] = level
    there = np.zeros((count, M), np.bool_)
    there[:, :2] = True
    allowed = np.zeros((count, A), np.bool_)
    allowed[:, 0] = True
    folds = np.arange(count) % SETTINGS.folds
    return Stack(experts, there, quality, allowed, np.ones(count, np.float32), folds)


def test_an_untrained_gate_is_the_plain_mean() -> None:
    data = stack(cue_tells=True)
    gate = fit(data, np.ones(len(data.weights), np.bool_), 0, SETTINGS)
    weights = gate.weights(torch.ones(3, M), torch.rand(3, M, len(QUALITY_CUES)))
    np.testing.assert_allclose(weights.numpy(), 1 / M)


def test_a_gate_learns_whom_to_trust_from_the_cues() -> None:
    losses = cross_validated(stack(cue_tells=True), SETTINGS)
    assert losses[200] < 0.5 * losses[0]


def test_where_the_cues_say_nothing_the_mean_is_as_good() -> None:
    losses = cross_validated(stack(cue_tells=False), SETTINGS)
    assert losses[0] <= losses[200]


def test_an_absent_modality_has_no_weight() -> None:
    data = stack(cue_tells=True)
    gate = fit(data, np.ones(len(data.weights), np.bool_), 50, SETTINGS)
    there = torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    weights = gate.weights(there, torch.ones(1, M, len(QUALITY_CUES))).numpy()
    assert weights[0, [1, 3]].tolist() == [0.0, 0.0]
    assert weights.sum() == pytest.approx(1)


def test_the_network_gets_the_same_gate_and_ignores_its_features() -> None:
    from engines.models.fusion import FusionNet

    data = stack(cue_tells=True)
    gate, net = fit(data, np.ones(len(data.weights), np.bool_), 50, SETTINGS), FusionNet()
    gate.write_to(net)
    there = torch.from_numpy(data.there[:8].astype(np.float32))
    quality = torch.from_numpy(data.quality[:8])
    with torch.no_grad():
        told = net.gate(torch.randn(8, M, FEATURE_DIM), there, quality)
    np.testing.assert_allclose(told.numpy(), gate.weights(there, quality).numpy(), atol=1e-6)


def test_loss_counts_only_windows_with_a_weight() -> None:
    data = stack(cue_tells=True)
    gate = fit(data, np.ones(len(data.weights), np.bool_), 0, SETTINGS)
    assert loss_of(gate, data, np.zeros(len(data.weights), np.bool_)) == 0.0
