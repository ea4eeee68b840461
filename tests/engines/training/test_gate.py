from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.fusion.parameters import QUALITY_CUES
from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import MODALITIES
from engines.training.features import GateWindows
from engines.training.gate import AUDIO, GateSettings, disturbed, start_from

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


def test_the_gate_begins_with_what_the_streams_learned(tmp_path: Path) -> None:
    from engines.models.fusion import FusionNet

    torch.manual_seed(0)
    head = FusionNet()
    file = tmp_path / "audio.pt"
    torch.save({"head": head.state_dict()}, file)
    net = start_from({MODALITIES[AUDIO]: file})
    assert torch.equal(net.sound_weight, head.sound_weight)
    assert torch.equal(net.expert_weight[AUDIO], head.expert_weight[AUDIO])
    assert not torch.equal(net.expert_weight[0], head.expert_weight[0])
