"""Gate and pool that are fitted on what the experts say of clips they never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.fusion.parameters import QUALITY_CUES
from edge.values import FEATURE_DIM
from edge.vocabulary import ACTIONS, MODALITIES
from engines.training.stacked import Choice, StackedGate
from engines.training.stacking import (
    KNOWN,
    Stack,
    StackSettings,
    Worth,
    choose,
    cross_validated,
    fits,
    independence_for,
    joined,
    judged,
)

torch = pytest.importorskip("torch", reason="needs the extra: train")

M, A = len(MODALITIES), len(ACTIONS)
SETTINGS = StackSettings(
    candidates=(80,), powers=(1.0,), sights=(False,), folds=4, batch=64, rate=2e-2, drop=0.0
)
CUES, FEATURES = Choice(1.0), Choice(1.0, sees_features=True)


def stack(teller: str = "cue", count: int = 400) -> Stack:
    """Of two experts one is right, and a cue or a feature tells which, if anything does."""
    rng = np.random.default_rng(0)
    first_is_right = rng.random(count) < 0.5
    experts = np.full((count, M, A), 1 / A, np.float32)
    for m, is_right in enumerate((first_is_right, ~first_is_right)):
        sure = rng.uniform(0.9, 0.99, count)
        experts[:, m] = ((1 - sure) / (A - 1))[:, None]
        experts[np.arange(count), m, np.where(is_right, 0, 1)] = sure
    quality = np.full((count, M, len(QUALITY_CUES)), 0.5, np.float32)
    quality[:, 0, 0] = first_is_right if teller == "cue" else rng.random(count) < 0.5
    pooled = np.zeros((count, M, FEATURE_DIM), np.float32)
    pooled[:, 1, :16] = (first_is_right if teller == "feature" else rng.random(count))[:, None]
    there = np.zeros((count, M), np.bool_)
    there[:, :2] = True
    allowed = np.zeros((count, A), np.bool_)
    allowed[:, 0] = True
    weights = np.ones(count, np.float32)
    folds = np.arange(count) % SETTINGS.folds
    return Stack(pooled, experts, there, quality, allowed, weights, folds)


def everything(data: Stack) -> np.ndarray:
    return np.ones(len(data.weights), np.bool_)


def fitted(data: Stack, way: Choice, steps: int) -> StackedGate:
    (gate,) = fits(data, everything(data), way, (steps,), SETTINGS)
    return gate


def weights_of(gate: StackedGate, there: torch.Tensor) -> torch.Tensor:
    told = torch.rand(len(there), M, len(QUALITY_CUES)), torch.rand(len(there), M, FEATURE_DIM)
    return gate.log_weights(there, *told).exp()


@pytest.mark.parametrize("way", [CUES, FEATURES])
def test_an_untrained_gate_weighs_all_alike(way: Choice) -> None:
    weights = weights_of(fitted(stack(), way, 0), torch.ones(3, M))
    np.testing.assert_allclose(weights.numpy(), 1 / M, rtol=1e-6)


def test_a_gate_learns_whom_to_trust_from_the_cues() -> None:
    untrained, trained = cross_validated(stack("cue"), CUES, (0, 80), SETTINGS).values()
    assert trained.loss < 0.5 * untrained.loss
    assert trained.right > untrained.right + 0.2


def test_a_gate_that_may_see_features_learns_from_them_and_one_that_may_not_does_not() -> None:
    data = stack("feature")
    (seeing,) = cross_validated(data, FEATURES, (80,), SETTINGS).values()
    (blind,) = cross_validated(data, CUES, (80,), SETTINGS).values()
    assert seeing.loss < 0.5 * blind.loss


def test_the_choice_falls_on_what_tells_the_experts_apart() -> None:
    settings = replace(SETTINGS, sights=(False, True))
    assert choose(stack("feature"), settings)[0] == replace(FEATURES, steps=80)
    assert choose(stack("cue"), replace(settings, sights=(False,)))[0] == replace(CUES, steps=80)


def test_where_nothing_tells_the_weights_stay_uniform() -> None:
    best, found = choose(stack("nothing"), replace(SETTINGS, sights=(False, True)))
    assert best == CUES
    assert len(found) == 3


def test_a_likelier_gate_that_is_less_often_right_does_not_beat_uniform_weights() -> None:
    uniform = Worth(loss=1.0, right=0.5)
    assert not Worth(0.9, 0.49).beats(uniform)
    assert not Worth(1.0, 0.6).beats(uniform)
    assert Worth(0.9, 0.5).beats(uniform)


def independent(count: int = 1000) -> Stack:
    """Two independent experts between two actions, each right as often as it says it is."""
    rng = np.random.default_rng(1)
    base = stack(count=count)
    truth = rng.integers(0, 2, count)
    experts = np.full((count, M, A), 1e-6, np.float32)
    for m in range(2):
        sure = rng.uniform(0.5, 0.99, count)
        said = np.where(rng.random(count) < sure, truth, 1 - truth)
        experts[np.arange(count), m, said] = sure
        experts[np.arange(count), m, 1 - said] = 1 - sure
    allowed = np.eye(A, dtype=np.bool_)[truth]
    return replace(base, experts=experts / experts.sum(axis=2, keepdims=True), allowed=allowed)


def test_independent_experts_are_pooled_by_multiplying_their_opinions() -> None:
    data = independent()
    small = Choice(0.05)
    assert independence_for(data, everything(data), small) >= 0.85
    settings = replace(SETTINGS, powers=(1.0, 0.05), candidates=())
    assert choose(data, settings)[0] == small  # Bayes multiplies independent evidence


def test_windows_that_experts_learned_from_teach_the_gate_but_do_not_judge_it() -> None:
    known = replace(stack("cue"), folds=np.full(400, KNOWN))
    silent = replace(stack("nothing", count=40), folds=np.arange(40) % SETTINGS.folds)
    unseen = replace(stack("cue", count=40), folds=np.arange(40) % SETTINGS.folds)
    alone, taught = (
        next(iter(cross_validated(data, CUES, (80,), SETTINGS).values()))
        for data in (silent, joined(silent, known))
    )
    assert taught.loss != alone.loss
    (helped,) = cross_validated(joined(unseen, known), CUES, (80,), SETTINGS).values()
    assert helped.right > 0.9
    everybody = joined(silent, replace(known, experts=1 - known.experts))
    assert cross_validated(everybody, CUES, (0,), SETTINGS) == cross_validated(
        silent, CUES, (0,), SETTINGS
    )


def test_an_absent_modality_has_no_weight() -> None:
    gate = fitted(stack(), CUES, 20)
    weights = weights_of(gate, torch.tensor([[1.0, 0.0, 1.0, 0.0]])).numpy()
    assert weights[0, [1, 3]].tolist() == [0.0, 0.0]
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("way", [CUES, Choice(0.2, sees_features=True)])
def test_the_network_gets_the_same_gate_and_pool(way: Choice) -> None:
    from engines.models.fusion import FusionNet

    data = stack("feature")
    gate, net = fitted(data, way, 20), FusionNet()
    gate.write_to(net)
    parts = (data.there[:8].astype(np.float32), data.quality[:8], data.pooled[:8], data.experts[:8])
    there, quality, pooled, experts = (torch.from_numpy(part) for part in parts)
    with torch.no_grad():
        log_gate = net.log_gate(pooled, there, quality)
        said = net.pool(log_gate, experts.log())
    expected = gate.log_weights(there, quality, pooled)
    torch.testing.assert_close(log_gate.exp(), expected.exp())
    torch.testing.assert_close(said, gate.log_actions(expected, experts), atol=1e-4, rtol=1e-4)
    net.to_parameters()  # raises unless edge takes the pool


def test_only_windows_with_a_weight_count() -> None:
    data = stack()
    silent = replace(data, weights=np.zeros(len(data.weights), np.float32))
    gate = fitted(data, CUES, 0)
    assert judged(gate, silent, everything(data)) == (0.0, 0.0)
    assert judged(gate, data, everything(data))[1] > 0
