from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.fusion.parameters import QUALITY_CUES
from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS
from engines.training.cache import Clip, Target
from engines.training.features import GateWindows
from engines.training.gate import (
    AUDIO,
    GateSettings,
    disturbed,
    gate_loss,
    train_gate,
)
from engines.training.labels import Label
from engines.training.manifest import Row

torch = pytest.importorskip("torch", reason="needs the extra: train")


def windows(count: int) -> GateWindows:
    m = len(MODALITIES)
    return GateWindows(
        np.ones((count, m, VIDEO_STEPS, FEATURE_DIM), np.float16),
        np.ones((count, m, VIDEO_STEPS), np.bool_),
        np.ones((count, m, len(QUALITY_CUES)), np.float32),
        (),
        (),
    )


def test_something_is_always_left_and_the_cue_tells_how_much() -> None:
    settings, rng = GateSettings(drop=0.9, lose_step=0.5), np.random.default_rng(0)
    films = np.zeros(200, np.bool_)
    _, valid, there, quality = disturbed(windows(200), np.arange(200), films, settings, rng)
    assert there.any(dim=1).all()
    assert not there.all()
    share = valid.float().mean(dim=2)
    assert torch.allclose(quality[:, :, 2][there], share[there])


def test_films_lose_their_sound_more_often_than_other_clips() -> None:
    settings, rng = GateSettings(drop=0.1, deafen_films=0.5), np.random.default_rng(0)
    films = np.arange(400) % 2 == 0
    _, _, there, _ = disturbed(windows(400), np.arange(400), films, settings, rng)
    heard = there[:, AUDIO].numpy()
    assert heard[films].mean() < 0.6
    assert heard[~films].mean() > 0.8


def test_training_moves_query_age_and_gate_but_not_the_pool() -> None:
    from engines.models.fusion import FusionNet

    torch.manual_seed(0)
    net, count = FusionNet(), 8
    features = torch.rand(count, len(MODALITIES), VIDEO_STEPS, FEATURE_DIM)
    valid = torch.rand(count, len(MODALITIES), VIDEO_STEPS) < 0.7
    there, quality = valid.any(dim=2), torch.rand(count, len(MODALITIES), len(QUALITY_CUES))
    allowed = np.eye(len(ACTIONS), dtype=np.bool_)[np.arange(count)]
    loss = gate_loss(net, (features, valid, there, quality), allowed)
    loss.backward()
    moved = {name for name, p in net.named_parameters() if p.grad is not None and p.grad.any()}
    assert {"temporal_query", "temporal_age", "gate_weight", "expert_weight"} <= moved
    assert not {"pool_power", "pool_independence"} & moved


def test_it_is_trained_under_the_pool_that_is_asked_for_and_hears_as_before() -> None:
    from engines.models.fusion import FusionNet

    count = 16
    clip = Clip(Row(Path("a"), "a", "rooms", "rgb", "walk", "g"), Label(), Path("a.npz"))
    sounds = np.zeros(len(SOUNDS), np.float32)
    targets = tuple(
        Target(Label(frozenset({"fall" if i % 2 else "walk"})).action_mask(), sounds)
        for i in range(count)
    )
    data = replace(windows(count), targets=targets, clips=(clip,) * count)
    losses: list[float] = []
    settings = GateSettings(steps=3, batch=4, power=0.5, independence=0.2)
    start = FusionNet()
    before = {name: value.clone() for name, value in start.state_dict().items()}
    net, facts = train_gate(data, data, start, settings, lambda *told: losses.append(told[2]))
    assert len(losses) == 3
    assert np.isfinite([*losses, facts["held_out_loss"]]).all()
    assert float(net.pool_power) == pytest.approx(0.5)
    assert float(net.pool_independence) == pytest.approx(0.2)
    assert torch.equal(start.sound_weight, before["sound_weight"])
    assert torch.equal(start.temporal_kernel[AUDIO], before["temporal_kernel"][AUDIO])
    assert not torch.equal(start.temporal_kernel[0], before["temporal_kernel"][0])
    assert not torch.equal(start.expert_weight[AUDIO], before["expert_weight"][AUDIO])
